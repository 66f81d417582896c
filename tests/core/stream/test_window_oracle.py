"""The reference against cases worked out by hand: what each window and aggregate means."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from state_oracle import Oracle
from window_oracle import series_of

from riskloom.domain import WindowFeature

TOLERANCE = timedelta(minutes=2)
PYTHON = {"amount": lambda event: event["amount"], "amount > 10": lambda event: event["amount"] > 10}


def seen(feature: dict[str, Any], *samples: tuple[float, Any], at: float | None = None) -> float | None:
    """Add (second, measure) pairs to a feature's series; read it at a second, by default that of the last pair."""
    series = series_of(WindowFeature(name="f", value="amount", **feature), TOLERANCE)
    for second, measure in samples:
        series.add(round(second * 1000), measure)
    value = series.read(round((samples[-1][0] if at is None else at) * 1000))
    return None if value is None else value.number


MINUTE = {"window": "1min"}
TUMBLING = {"window": "1min", "kind": "tumbling"}
HOPPING = {"window": "1min", "kind": "hopping", "slide": "20s"}
SESSION = {"window": "30s", "kind": "session"}
FOUR = [(100, 2.0), (101, 4.0), (101, 9.0), (100, 5.0)]
"""Two at each of two seconds, out of order."""


REDUCED = {
    "count": 4,
    "sum": 20,
    "mean": 5,
    "min": 2,
    "max": 9,
    "stddev": math.sqrt((9 + 1 + 16 + 0) / 3),
    "first": 2,
    "last": 9,
}


@pytest.mark.parametrize("aggregate", REDUCED)
@pytest.mark.parametrize("kind", [MINUTE, TUMBLING, HOPPING, SESSION])
def test_aggregates_are_of_the_same_values_in_windows_of_every_kind(kind: dict[str, Any], aggregate: str) -> None:
    assert seen({**kind, "aggregate": aggregate}, *FOUR, at=101) == pytest.approx(REDUCED[aggregate])


def test_a_rolling_window_is_the_tile_of_the_event_and_the_59_before() -> None:
    count = {**MINUTE, "aggregate": "count"}
    assert seen(count, (0, 1), (60.9, 1)) == 1
    assert seen(count, (1, 1), (60.9, 1)) == 2
    assert seen(count, (1, 1), (61, 1)) == 1
    # Out of order: the whole tile counts, and nothing after it.
    assert seen(count, (30.9, 1), (31, 1), (30.1, 1)) == 2


def test_tiles_are_kept_for_the_window_and_the_tolerance() -> None:
    count = {**MINUTE, "aggregate": "count"}
    assert seen(count, (1000, 1), (821, 1)) == 1
    assert seen(count, (1000, 1), (820, 1)) is None
    assert seen(count, (821, 1), (1000, 1), at=821) == 1
    assert seen(count, (820, 1), (1000, 1), at=820) is None


def test_windows_before_1970_count_from_below() -> None:
    assert seen({**TUMBLING, "aggregate": "count"}, (-60, 1), (-0.001, 1)) == 2
    assert seen({**TUMBLING, "aggregate": "count"}, (-0.001, 1), (0, 1)) == 1


def test_a_tumbling_window_begins_anew() -> None:
    assert seen({**TUMBLING, "aggregate": "count"}, (119, 1), (120, 1)) == 1
    assert seen({**TUMBLING, "aggregate": "count"}, (120, 1), (179.9, 1)) == 2


def test_a_hopping_window_begins_anew_at_each_slide() -> None:
    assert seen({**HOPPING, "aggregate": "count"}, (79.9, 1), (80, 1), (139.9, 1)) == 2


def test_a_session_ends_with_a_gap_and_events_in_between_join_two() -> None:
    count = {**SESSION, "aggregate": "count"}
    assert seen(count, (0, 1), (30, 1), (60, 1)) == 3
    assert seen(count, (0, 1), (30.001, 1)) == 1
    assert seen(count, (0, 1), (60, 1), (30, 1)) == 3
    assert seen(count, (0, 1), (60, 1), at=30) == 1
    assert seen(count, (0, 1), at=31) is None
    assert seen({**SESSION, "aggregate": "duration"}, (0, 1), (60, 1), (30, 1)) == 60
    assert [seen({**SESSION, "aggregate": "is_new"}, (0, 1), (t, 1)) for t in (30, 31)] == [0, 1]


def test_sessions_are_kept_for_the_gap_and_the_tolerance() -> None:
    count = {**SESSION, "aggregate": "count"}
    assert seen(count, (850, 1), (1000, 1), at=850) == 1
    assert seen(count, (849.999, 1), (1000, 1), at=850) is None
    assert seen(count, (1000, 1), (849.999, 1)) is None


def test_distinct_values_are_those_seen_since_the_window_began() -> None:
    distinct = {**MINUTE, "aggregate": "distinct_count"}
    assert seen(distinct, (0, "a"), (1, "b"), (2, "a")) == 2
    assert seen(distinct, (0, "a"), (1, "b"), (2, "a"), at=61) == 1
    assert seen(distinct, (30, "a"), (10, "b")) == 2


def test_of_more_than_256_distinct_values_the_one_longest_unseen_goes() -> None:
    distinct = {**MINUTE, "aggregate": "distinct_count"}
    many = [(0, -1), (1, -2), *((2, value) for value in range(254))]
    assert seen(distinct, *many) == 256
    assert seen(distinct, *many, (2, 300)) == 256
    assert seen(distinct, *many, (2, 300), at=60) == 256
    assert seen(distinct, *many, (2, 300), at=61) == 255


def test_correlation_needs_pairs_that_vary() -> None:
    correlation = {**MINUTE, "aggregate": "correlation"}
    assert seen(correlation, (0, (1.0, 2.0))) is None
    assert seen(correlation, (0, (1.0, 2.0)), (0, (1.0, 3.0))) is None
    assert seen(correlation, (0, (1.0, 2.0)), (0, (2.0, 1.0))) == pytest.approx(-1)
    assert seen(correlation, (0, (1.0, 1.0)), (0, (2.0, 3.0)), (0, (3.0, 2.0))) == pytest.approx(0.5)


def test_a_value_a_half_life_old_weighs_half() -> None:
    mean, variance = ({**MINUTE, "aggregate": f"ewm_{moment}"} for moment in ("mean", "variance"))
    assert seen(mean, (0, 1.0), (60, 4.0)) == pytest.approx(3)
    assert seen(variance, (0, 1.0), (60, 4.0)) == pytest.approx((0.5 * 4 + 1) / 1.5)
    assert seen(mean, (60, 4.0), (0, 1.0)) == pytest.approx(3)
    assert seen(variance, (0, 1.0)) is None
    assert seen(mean, (0, 1.0), at=1e6) == 1


def test_a_run_ends_with_another_value_and_with_a_silence() -> None:
    run = {**MINUTE, "aggregate": "run_length"}
    assert seen(run, (0, 1.0), (60, 1.0), (120, 1.0)) == 3
    assert seen(run, (0, 1.0), (60, 2.0)) == 1
    assert seen(run, (0, 1.0), (60.001, 1.0)) == 1
    assert seen(run, (0, 1.0), at=60.001) is None
    assert seen(run, (10, 1.0), (5, 2.0), (11, 1.0)) == 2


def scored(payment: Any, events: list[tuple[float, float]], ids: str = "abcdefgh", **parts: Any) -> list[Any]:
    """Score (second, amount) pairs of one user; answer features' numbers, late, duplicate and sequence of each."""
    domain = payment(**parts)
    oracle = Oracle([domain], PYTHON)
    fields = [
        {"id": event_id, "user": "u", "ts": round(t * 1000), "amount": amount}
        for (t, amount), event_id in zip(events, ids, strict=False)
    ]
    expected = [oracle.score(domain.name, event) for event in fields]
    return [([v.number for v in e.features.values()], e.late, e.duplicate, e.sequence) for e in expected]


def feature(name: str, aggregate: str, **parts: Any) -> WindowFeature:
    return WindowFeature(name=name, aggregate=aggregate, **{"window": "1min"} | parts)


def test_a_feature_may_be_read_before_its_event_is_counted(payment: Any) -> None:
    features = (
        feature("own", "sum", value="amount"),
        feature("others", "sum", value="amount", include_event=False),
        feature("silence", "time_since_last"),
        feature("silence_of_large", "time_since_last", where="amount > 10", default=-1.0),
    )
    events = [(0.0, 5.0), (2.5, 20.0), (3.0, 1.0)]
    assert [row[0] for row in scored(payment, events, window_features=features)] == [
        [5.0, 0.0, None, -1.0],
        [25.0, 5.0, 2.5, -1.0],
        [26.0, 25.0, 0.5, 0.5],
    ]


def test_a_ratio_is_of_all_events_and_other_features_of_those_that_the_condition_holds_for(payment: Any) -> None:
    features = (feature("large", "ratio", where="amount > 10"), feature("larges", "count", where="amount > 10"))
    assert [row[0] for row in scored(payment, [(0, 5), (1, 20)], window_features=features)] == [[0, 0], [0.5, 1]]


def test_what_is_not_finite_is_left_out(payment: Any) -> None:
    features = (feature("sum", "sum", value="amount"), feature("least", "min", value="amount"))
    rows = scored(payment, [(0, math.nan), (1, math.inf), (2, 3.0)], window_features=features)
    assert [row[0] for row in rows] == [[0, None], [0, None], [3, 3]]


def test_what_tells_values_apart_takes_any_and_nan_is_like_nan(payment: Any) -> None:
    features = tuple(feature(name, name, value="amount") for name in ("distinct_count", "run_length"))
    amounts = [math.nan, -math.nan, math.inf, 0.0, -0.0, None]
    rows = scored(payment, [*enumerate(amounts)], window_features=features)
    assert [row[0] for row in rows] == [[1, 1], [1, 2], [2, 1], [3, 1], [3, 2], [3, 2]]


@pytest.mark.parametrize(("count_late", "counts"), [(True, [1, 1, 2]), (False, [1, 0, 1])])
def test_a_late_event_is_flagged_and_counted_by_choice(payment: Any, count_late: bool, counts: list[int]) -> None:
    rows = scored(
        payment,
        [(200, 1.0), (79.999, 1.0), (80, 1.0)],
        window_features=(feature("count", "count"),),
        count_late=count_late,
    )
    assert rows == [
        ([counts[0]], False, False, 1),
        ([counts[1]], True, False, 2),
        ([counts[2]], False, False, 3),
    ]


def test_a_duplicate_is_scored_and_counted_nowhere(payment: Any) -> None:
    features = (feature("count", "count", window="1hr"),)
    rows = scored(payment, [(0, 1), (0, 1), (120, 1), (0, 1), (121, 1), (0, 1)], "aabaca", window_features=features)
    assert [row[1:] for row in rows] == [
        (False, False, 1),
        (False, True, 1),
        (False, False, 2),
        (False, True, 2),
        (False, False, 3),
        (True, False, 4),
    ]
    assert [row[0] for row in rows] == [[1], [1], [2], [1], [3], [2]]
    twice = scored(payment, [(0, 1), (0, 1)], "aa", window_features=features, deduplicate=False)
    assert [row[2:] for row in twice] == [(False, 1), (False, 2)]
