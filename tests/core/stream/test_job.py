from __future__ import annotations

from typing import Any

import pytest
from scoring import Scorer

from riskloom.domain import ScoringRule, Term
from riskloom.errors import JobError


def test_sql_that_spark_cannot_compile_names_the_domain(scorer: Scorer, payment: Any) -> None:
    rule = ScoringRule(version="1", terms=(Term(code="TYPO", sql="logarithm_of(amount)", weight=0.5),))
    with pytest.raises(JobError, match=r"domain payment: .*logarithm_of") as caught:
        scorer([payment(rule=rule)], [])
    assert "--without" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2
