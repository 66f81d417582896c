"""A domain's derived features and rule as stages of SQL columns, run by Spark in the stream and by DuckDB elsewhere.

Each stage adds columns that the stages after it may use. The rows they start from hold the event's fields and the
window features. The names of the working columns start with an underscore, which no feature's name may.
"""

from __future__ import annotations

from collections.abc import Iterable

from riskloom.domain import DerivedFeature, EventDomain
from riskloom.expressions import column_names, parse

SCORE = "_riskloom_score"
LEVEL = "_riskloom_level"

Stage = dict[str, str]
"""SQL by column name."""


def reason_column(index: int) -> str:
    """Name the column that holds what the rule's term at an index added to the score."""
    return f"_riskloom_reason_{index}"


def scoring_stages(domain: EventDomain) -> list[Stage]:
    """Write a domain's derived features and rule in Spark SQL.

    A term's value is cut to 0..1, with null and NaN as 0, and weighted. The score is the sum, cut at 1; the reasons
    of a cut score are scaled, so that they always add up to it.

    Returns:
        Stages in order: the derived features (null or a double), then the rule's. The last one makes the columns
        `SCORE` (0 to 1), `reason_column(i)` for each term (0 to 1) and `LEVEL`.
    """
    terms = range(len(domain.rule.terms))
    stages = _derived(domain.derived_features)
    stages.append({f"_riskloom_value_{i}": f"CAST(({domain.rule.terms[i].sql}) AS DOUBLE)" for i in terms})
    stages.append(
        {f"_riskloom_term_{i}": _weighted(f"_riskloom_value_{i}", domain.rule.terms[i].weight) for i in terms}
    )
    stages.append({"_riskloom_sum": " + ".join(f"_riskloom_term_{i}" for i in terms)})
    stages.append(
        {SCORE: "least(_riskloom_sum, 1.0D)"}
        | {reason_column(i): f"_riskloom_term_{i} / greatest(_riskloom_sum, 1.0D)" for i in terms}
        | {LEVEL: _level(domain)}
    )
    return stages


def _derived(features: Iterable[DerivedFeature]) -> list[Stage]:
    """Put features that do not need one another into one stage: each stage costs every event, and a job its start."""
    stages: list[Stage] = []
    stage_of: dict[str, int] = {}
    for feature in features:
        needed = (stage_of.get(name, -1) for name in column_names(parse(feature.sql)))
        stage = stage_of[feature.name] = 1 + max(needed, default=-1)
        if stage == len(stages):
            stages.append({})
        stages[stage][feature.name] = f"CAST(({feature.sql}) AS DOUBLE)"
    return stages


def _weighted(value: str, weight: float) -> str:
    cut = f"least(greatest({value}, 0.0D), 1.0D)"
    return f"CASE WHEN {value} IS NULL OR isnan({value}) THEN 0.0D ELSE {weight!r}D * {cut} END"


def _level(domain: EventDomain) -> str:
    bands = sorted(domain.rule.bands, key=lambda band: band.at_least, reverse=True)
    # No band begins above 1, so the sum will do for the score.
    tests = " ".join(f"WHEN _riskloom_sum >= {band.at_least!r}D THEN '{band.level}'" for band in bands[:-1])
    return f"CASE {tests} ELSE '{bands[-1].level}' END" if tests else f"'{bands[-1].level}'"
