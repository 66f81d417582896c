from __future__ import annotations

from dataclasses import replace

import pytest
from payments import payments
from scoring import Scorer

from riskloom.domain import ScoringRule, Term
from riskloom.errors import JobError
from riskloom.stream.warmup import warm_up


def test_a_broken_generator_does_not_keep_the_job_from_starting(
    scorer: Scorer, caplog: pytest.LogCaptureFixture
) -> None:
    sound, broken = payments(), payments("broken", "payments:Broken")
    warm_up(scorer.spark, scorer.settings, [sound, broken])
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == ["broken: its generator failed"]


def test_sql_that_spark_cannot_compile_is_told_before_the_first_event(scorer: Scorer) -> None:
    rule = ScoringRule(version="1", terms=(Term(code="TYPO", sql="logarithm_of(amount)", weight=0.5),))
    wrong = replace(payments(), domain=payments().domain.model_copy(update={"rule": rule}))
    with pytest.raises(JobError, match="domain payments"):
        warm_up(scorer.spark, scorer.settings, [wrong])
