"""The rule's SQL, against the same arithmetic in plain Python."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments import payments
from stages import scored_by_duckdb

from riskloom.domain import Band, DerivedFeature, EventDomain, ScoringRule, Term
from riskloom.rules import LEVEL, SCORE, reason_column, scoring_stages

weights = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=5)
numbers = st.one_of(st.none(), st.floats(-2, 2), st.floats(), st.sampled_from([0.0, 1.0, 0.5, 1e308]))


def ruled(*terms: Term, bands: tuple[Band, ...] = (), derived: tuple[DerivedFeature, ...] = ()) -> EventDomain:
    rule = ScoringRule(version="1", terms=terms, **({"bands": bands} if bands else {}))
    return payments().domain.model_copy(update={"rule": rule, "derived_features": derived})


def score(domain: EventDomain, **row: Any) -> dict[str, Any]:
    columns = {name: pa.array([value], pa.float64()) for name, value in row.items()}
    (scored,) = scored_by_duckdb(domain, pa.table(columns))
    return scored


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_reasons_add_up_to_the_score(data: st.DataObject) -> None:
    weighted = data.draw(weights)
    row = {f"v{i}": data.draw(numbers) for i in range(len(weighted))}
    domain = ruled(*(Term(code=f"T{i}", sql=f"v{i}", weight=weight) for i, weight in enumerate(weighted)))
    scored = score(domain, **row)
    terms = [
        0.0 if value is None or math.isnan(value) else weight * min(max(value, 0.0), 1.0)
        for weight, value in zip(weighted, row.values(), strict=True)
    ]
    total = math.fsum(terms)
    reasons = [scored[reason_column(i)] for i in range(len(terms))]
    assert scored[SCORE] == pytest.approx(min(total, 1.0), abs=1e-12)
    assert 0 <= scored[SCORE] <= 1
    assert math.fsum(reasons) == pytest.approx(scored[SCORE], abs=1e-12)
    assert reasons == pytest.approx([term / max(total, 1.0) for term in terms], abs=1e-12)
    assert scored[LEVEL] == next(band.level for band in reversed(domain.rule.bands) if scored[SCORE] >= band.at_least)


def test_a_score_above_1_is_cut_and_its_reasons_scaled() -> None:
    scored = score(ruled(*(Term(code=f"T{i}", sql="v", weight=w) for i, w in enumerate((1.0, 0.75, 0.25)))), v=1.0)
    assert scored[SCORE] == 1.0
    assert [scored[reason_column(i)] for i in range(3)] == [0.5, 0.375, 0.125]


@pytest.mark.parametrize(("value", "added"), [(None, 0), (math.nan, 0), (-1, 0), (7, 0.4), (math.inf, 0.4), (0.5, 0.2)])
def test_a_terms_value_is_cut(value: float | None, added: float) -> None:
    scored = score(ruled(Term(code="T", sql="v", weight=0.4)), v=value)
    assert scored[reason_column(0)] == scored[SCORE] == added


def test_a_condition_that_holds_is_1() -> None:
    domain = ruled(Term(code="OVER", sql="v > 10", weight=0.5), Term(code="UNDER", sql="v < 10", weight=0.25))
    assert score(domain, v=11.0)[SCORE] == 0.5
    assert score(domain, v=9.0)[SCORE] == 0.25
    assert score(domain, v=None)[SCORE] == 0


@pytest.mark.parametrize(
    ("value", "level"),
    [(0.0, "low"), (0.29, "low"), (0.3, "medium"), (0.6, "high"), (0.8, "critical"), (1.0, "critical")],
)
def test_a_level_begins_at_its_threshold(value: float, level: str) -> None:
    assert score(ruled(Term(code="T", sql="v", weight=1.0)), v=value)[LEVEL] == level


def test_bands_may_be_in_any_order_and_the_lowest_catches_the_rest() -> None:
    term = Term(code="T", sql="v", weight=1.0)
    bands = (
        Band(level="red", at_least=0.9),
        Band(level="green", at_least=0.2),
        Band(level="amber", at_least=0.4),
    )
    assert [score(ruled(term, bands=bands), v=v)[LEVEL] for v in (0.0, 0.3, 0.5, 0.95)] == [
        "green",
        "green",
        "amber",
        "red",
    ]
    assert score(ruled(term, bands=(Band(level="any", at_least=0.5),)), v=0.1)[LEVEL] == "any"


def test_a_derived_feature_sees_those_before_it() -> None:
    derived = (DerivedFeature(name="twice", sql="v * 2"), DerivedFeature(name="large", sql="twice > 5"))
    scored = score(ruled(Term(code="T", sql="large", weight=1.0), derived=derived), v=3.0)
    assert (scored["twice"], scored["large"], scored[SCORE]) == (6.0, 1.0, 1.0)


def test_derived_features_share_a_stage_unless_one_needs_another() -> None:
    declared = {"a": "v + 1", "b": "a + 1", "c": "v", "d": "c + v", "e": "a + d"}
    derived = tuple(DerivedFeature(name=name, sql=sql) for name, sql in declared.items())
    stages = scoring_stages(ruled(Term(code="T", sql="b", weight=0.5), derived=derived))
    assert [list(stage) for stage in stages[:3]] == [["a", "c"], ["b", "d"], ["e"]]
    assert {SCORE, LEVEL} < set(stages[-1])
    working = {name for stage in stages[3:] for name in stage}
    assert all(name.startswith("_riskloom_") for name in working)


def test_weights_and_thresholds_may_be_as_small_as_floats_go() -> None:
    bands = (Band(level="none", at_least=0.0), Band(level="some", at_least=5e-07))
    scored = score(ruled(Term(code="T", sql="v", weight=1e-06), bands=bands), v=1.0)
    assert (scored[SCORE], scored[LEVEL]) == (1e-06, "some")
