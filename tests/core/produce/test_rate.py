from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.produce.rate import Schedule, Stopwatch, limit

RATES = st.floats(0.1, 1e6)


@given(RATES, st.floats(0, 3600))
def test_due_events_are_those_whose_time_has_come(rate: float, seconds: float) -> None:
    schedule = Schedule(rate, start_ms=0.0)
    due = schedule.due(seconds)
    assert abs(due - rate * seconds) <= 1
    assert schedule.seconds(due) <= seconds + 1e-5 / rate + 1e-9
    assert schedule.seconds(due + 1) > seconds


@given(RATES, st.integers(0, 10**6), st.integers(1, 50))
def test_times_follow_the_schedule(rate: float, first: int, count: int) -> None:
    schedule = Schedule(rate, start_ms=1_700_000_000_000.25)
    times = schedule.times(first, first + count)
    assert times.dtype == np.int64
    assert len(times) == count
    assert (np.diff(times) >= 0).all()
    assert abs(times[-1] - 1_700_000_000_000.25 - 1000 * schedule.seconds(first + count)) <= 1


def test_blocks_of_times_join() -> None:
    schedule = Schedule(333.0, start_ms=0.0)
    assert [*schedule.times(0, 10), *schedule.times(10, 20)] == [*schedule.times(0, 20)]


def test_rounding_loses_no_event() -> None:
    assert Schedule(10.0, 0.0).due(0.3) == 3
    assert Schedule(2000 * 0.35, 0.0).due(60) == 42_000


def test_stages_add_up_also_when_they_fail() -> None:
    stopwatch = Stopwatch()
    with stopwatch.stage("encode"):
        pass
    first = stopwatch.seconds["encode"]
    with pytest.raises(KeyError), stopwatch.stage("encode"):
        raise KeyError
    assert stopwatch.seconds["encode"] > first > 0


def test_timed_items_pass_through() -> None:
    stopwatch = Stopwatch()
    assert list(stopwatch.timed("read", iter("abc"))) == ["a", "b", "c"]
    assert stopwatch.seconds["read"] > 0


@pytest.mark.parametrize(
    ("stages", "busy", "name"),
    [
        ({"generate": 3.0, "encode": 1.0, "idle": 9.0}, False, "generator"),
        ({"generate": 1.0, "encode": 3.0, "queue_full": 2.0}, True, "encoding"),
        ({"read": 1.0}, False, "reading"),
        ({"enqueue": 1.0, "acknowledge": 0.5}, False, "enqueueing"),
        ({"enqueue": 1.0, "acknowledge": 1.5}, False, "acknowledging"),
        ({"generate": 1.0, "queue_full": 2.0}, True, "broker"),
        ({"generate": 1.0, "queue_full": 2.0}, False, "librdkafka"),
        ({"idle": 2.0}, False, "enqueueing"),
    ],
)
def test_the_slowest_stage_is_the_limit(stages: dict[str, float], busy: bool, name: str) -> None:
    assert limit(stages, broker_is_busy=busy) == name
