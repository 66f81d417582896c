"""Scores and reasons as the kernel works them out, and as DuckDB does."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring import Scorer
from stages import scored_by_duckdb

from riskloom.domain import Band, DerivedFeature, ScoringRule, Term
from riskloom.rules import LEVEL, SCORE, reason_column

START = 1_700_000_000_000
FIELDS = ("a", "b", "c")
SCHEMA = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        *({"name": name, "type": ["null", "double"], "default": None} for name in FIELDS),
    ],
}
DERIVED = (
    DerivedFeature(name="ratio", sql="a / b"),
    DerivedFeature(name="spread", sql="coalesce(greatest(a, b) - least(a, b), 0)"),
    DerivedFeature(name="rising", sql="a > b AND c IS NOT NULL"),
    DerivedFeature(name="banded", sql="CASE WHEN ratio > 2 THEN 1.0 WHEN ratio > 1 THEN 0.5 ELSE 0.0 END"),
    DerivedFeature(name="squashed", sql="1 - exp(-abs(c))"),
)
SQL = ("a", "b / 10", "c > 0.5", "ratio", "spread / 100", "rising", "banded", "squashed", "a / 0")
numbers = st.one_of(
    st.none(), st.floats(-2, 2), st.floats(), st.sampled_from([0.0, -0.0, 1.0, 1e308, -1e308, math.inf, math.nan])
)
rows = st.lists(st.tuples(*[numbers] * len(FIELDS)), min_size=1, max_size=100)
weights = st.lists(st.floats(1e-6, 1.0), min_size=len(SQL), max_size=len(SQL))
thresholds = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=3, unique=True)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows, weights, thresholds)
def test_the_kernel_and_duckdb_give_the_same_scores(
    scorer: Scorer, payment: Any, drawn: list[tuple[float | None, ...]], weighted: list[float], starts: list[float]
) -> None:
    bands = (Band(level="base", at_least=0.0), *(Band(level=f"l{i}", at_least=at) for i, at in enumerate(starts)))
    terms = tuple(
        Term(code=f"T{i}", sql=sql, weight=weight, description=f"because of {sql}")
        for i, (sql, weight) in enumerate(zip(SQL, weighted, strict=True))
    )
    domain = payment(
        avro_schema=SCHEMA, derived_features=DERIVED, rule=ScoringRule(version="7", terms=terms, bands=bands)
    )
    events = [
        {"id": str(i), "user": f"u{i % 3}", "ts": START} | dict(zip(FIELDS, row, strict=True))
        for i, row in enumerate(drawn)
    ]
    outcome = scorer.events(domain, events)
    assert outcome.dead_letters == []
    found = {score["event_id"]: score for score in outcome.scores}
    columns = {name: pa.array([event[name] for event in events], pa.float64()) for name in FIELDS}
    expected = scored_by_duckdb(domain, pa.table(columns))
    assert len(found) == len(expected)
    for i, row in enumerate(expected):
        score = found[str(i)]
        assert score["score"] == pytest.approx(row[SCORE], abs=1e-9), drawn[i]
        assert 0 <= score["score"] <= 1
        for feature in DERIVED:
            value, wanted = score["features"][feature.name], row[feature.name]
            same = (
                value is wanted if wanted is None else value == pytest.approx(wanted, rel=1e-9, abs=1e-9, nan_ok=True)
            )
            assert same, (feature.name, drawn[i], value, wanted)
        added = {reason["code"]: reason["weight"] for reason in score["reasons"]}
        assert math.fsum(added.values()) == pytest.approx(score["score"], abs=1e-9)
        assert added == pytest.approx(
            {f"T{j}": row[reason_column(j)] for j in range(len(terms)) if row[reason_column(j)] > 0}, abs=1e-9
        )
        assert {r["code"]: r["description"] for r in score["reasons"]} == {
            term.code: term.description for term in terms if term.code in added
        }
        if min(abs(score["score"] - at) for at in starts) > 1e-9:
            assert score["level"] == row[LEVEL]
        assert score["rule_version"] == "7"


def test_a_division_by_zero_is_null_and_the_event_is_scored(scorer: Scorer, payment: Any) -> None:
    domain = payment(
        derived_features=(
            DerivedFeature(name="quotient", sql="amount / 0"),
            DerivedFeature(name="remainder", sql="amount % 0"),
            DerivedFeature(name="cast", sql="CAST(kind AS DOUBLE)"),
        ),
        rule=ScoringRule(
            version="1",
            terms=(
                Term(code="QUOTIENT", sql="quotient", weight=0.5),
                Term(code="NESTED", sql="1 / (amount - 4)", weight=0.5),
                Term(code="SURE", sql="amount > 0", weight=0.25),
            ),
        ),
    )
    outcome = scorer.events(domain, [{"id": "e", "user": "u", "ts": START, "amount": 4.0, "kind": "card"}])
    assert outcome.dead_letters == []
    (score,) = outcome.scores
    assert (score["score"], score["level"]) == (0.25, "low")
    assert score["features"] == {"quotient": None, "remainder": None, "cast": None}
    assert [reason["code"] for reason in score["reasons"]] == ["SURE"]
