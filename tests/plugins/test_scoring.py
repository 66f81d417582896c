"""Whether the shipped rules find the patterns that the generators put in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskloom.domain import EventDomain
from riskloom.rules import LEVEL, SCORE, reason_column

LABEL = {"claims": "fraud_pattern", "transactions": "fraud_pattern", "iot": "anomaly_pattern"}
COMPOSITE = {
    "claims": "composite_risk_score",
    "transactions": "composite_fraud_score",
    "iot": "composite_anomaly_score",
}
UNITS = {
    "claims": (
        *("claim_frequency_score", "thin_proof_score", "unproven_amount_score"),
        *("early_claim_score", "weather_mismatch_score", "duplicate_loss_score"),
    ),
    "transactions": ("velocity_risk_score", "amount_spike_risk", "card_testing_score", "new_device_score"),
    "iot": (
        *("iot_anomaly_score_5min", "sensor_deviation_score", "spike_score"),
        *("drift_score", "flatline_score", "correlation_break_score"),
    ),
}
NULLABLE = {
    "earlier_mean_amount_7d",
    "earlier_stddev_amount_7d",
    "last_claim_amount",
    "last_loss_minute",
    "merchant_remote_mean_1hr",
    "merchant_remote_stddev_1hr",
    "own_variance",
    "recent_load_variance",
    "recent_variance",
    "stddev_transaction_amount_7d",
}
"""The windows that are null for the first events of a key."""

Numbers = npt.NDArray[np.float64]


def is_pattern(domain: EventDomain, table: pa.Table) -> npt.NDArray[np.bool_]:
    return pc.is_valid(table[LABEL[domain.name]]).to_numpy()


def area_under_curve(score: Numbers, positive: npt.NDArray[np.bool_]) -> float:
    """The chance that a pattern's event scores above an ordinary one, ties counting half."""
    low, high = (np.searchsorted(np.sort(score[~positive]), score[positive], side) for side in ("left", "right"))
    return float((low + high).mean() / 2 / (~positive).sum())


def test_scores_are_there_and_from_0_to_1(domain: EventDomain, scored: dict[str, pa.Table]) -> None:
    table = scored[domain.name]
    assert table[SCORE].null_count == 0
    assert table[LEVEL].null_count == 0
    score = table[SCORE].to_numpy()
    assert 0 <= score.min() <= score.max() <= 1


def test_features_are_finite(domain: EventDomain, scored: dict[str, pa.Table]) -> None:
    table = scored[domain.name]
    for name in domain.feature_names:
        values = table[name].drop_null().to_numpy()
        assert np.isfinite(values).all(), name
        assert len(values) == table.num_rows or name in NULLABLE, name


def test_scores_among_the_features_are_from_0_to_1(domain: EventDomain, scored: dict[str, pa.Table]) -> None:
    for name in (COMPOSITE[domain.name], *UNITS[domain.name]):
        values = scored[domain.name][name].to_numpy()
        assert 0 <= values.min() < values.max() <= 1, name


def test_failure_is_predicted_sooner_for_anomalies(
    domains: dict[str, EventDomain], scored: dict[str, pa.Table]
) -> None:
    table = scored["iot"]
    hours, pattern = table["predicted_failure_hours"].to_numpy(), is_pattern(domains["iot"], table)
    assert hours.min() >= 1
    assert hours.max() <= 8760
    assert np.median(hours[pattern]) < 0.5 * np.median(hours[~pattern])


def test_score_tells_the_pattern_from_ordinary_events(domain: EventDomain, scored: dict[str, pa.Table]) -> None:
    table = scored[domain.name]
    pattern = is_pattern(domain, table)
    assert pattern.sum() > 50
    assert area_under_curve(table[SCORE].to_numpy(), pattern) > 0.93
    assert area_under_curve(table[COMPOSITE[domain.name]].to_numpy(), pattern) > 0.9


def test_ordinary_events_stay_low_and_patterns_reach_high(domain: EventDomain, scored: dict[str, pa.Table]) -> None:
    table = scored[domain.name]
    pattern = is_pattern(domain, table)
    risky = pc.is_in(table[LEVEL], pa.array(["high", "critical"])).to_numpy()
    assert risky[~pattern].mean() < 0.01
    assert risky[pattern].mean() > 0.35
    assert (table[SCORE].to_numpy()[pattern] >= 0.8).any()


def test_every_reason_is_given_sometimes(domain: EventDomain, scored: dict[str, pa.Table]) -> None:
    tables = [scored[name] for name in (domain.name, *(["claimants"] if domain.name == "transactions" else []))]
    for index, term in enumerate(domain.rule.terms):
        assert max(table[reason_column(index)].to_numpy().max() for table in tables) > 0, term.code
