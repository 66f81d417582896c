"""What is served later, against the reference that still has every event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from window_oracle import Value, series_of

from riskloom.domain import WindowFeature
from riskloom.features.layouts import LaidFeature, layout_of
from riskloom.features.truth import Served, State, served

TOLERANCE = timedelta(minutes=2)
START = datetime(2026, 3, 1, tzinfo=UTC)


def feature(aggregate: Any, **more: Any) -> WindowFeature:
    takes_value = aggregate not in ("count", "time_since_last")
    value = {"value": "amount"} if takes_value else {}
    return WindowFeature(**{"name": "f", "aggregate": aggregate, "window": "10min", **value, **more})


FEATURES = [
    feature("count"),
    feature("sum"),
    feature("mean"),
    feature("max", window="1hr"),
    feature("distinct_count"),
    feature("time_since_last"),
    feature("run_length"),
    feature("ewm_mean"),
    feature("count", kind="tumbling"),
    feature("sum", kind="hopping", slide="1min"),
    feature("count", kind="session"),
    feature("duration", kind="session", value=None),
    feature("count", default=-1.0),
]


@pytest.mark.parametrize("declared", FEATURES, ids=lambda one: f"{one.kind}-{one.aggregate}")
@given(
    steps=st.lists(st.integers(0, 400_000), min_size=1, max_size=12),
    amounts=st.lists(st.integers(1, 4), min_size=12, max_size=12),
    later_ms=st.integers(0, 5_000_000),
)
# A declaration keeps nothing from one example to the next.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_current_or_passed_is_what_the_reference_reads(declare, declared, steps, amounts, later_ms):
    series, event_ms = series_of(declared, TOLERANCE), 0
    default = declared.value_when_empty
    for step, amount in zip(steps, amounts, strict=False):
        event_ms += step
        if declared.aggregate == "time_since_last":
            at_event = series.read(event_ms) or Value(default)
        series.add(event_ms, float(amount) if declared.value else 1.0)
        if declared.aggregate != "time_since_last":
            at_event = series.read(event_ms) or Value(default)
    now = read(declare, declared, at_event.number, event_ms, event_ms + later_ms)
    truth = series.read(event_ms + later_ms) or Value(default)
    if now.state is State.AGEING:
        if declared.aggregate in ("count", "sum", "distinct_count"):
            assert now.value >= truth.number
    else:
        assert truth.agrees(now.value)


def read(declare: Any, declared: WindowFeature, value: float | None, event_ms: int, read_ms: int) -> Served:
    domain = declare(window_features=(declared,), derived_features=())
    laid = layout_of(domain, START).of("account")
    moments = (START + timedelta(milliseconds=ms) for ms in (event_ms, read_ms))
    return served(laid, "payments", {"f": value}, *moments)["f"]


def test_a_count_read_long_after_the_last_event_is_empty(declare):
    assert read(declare, feature("count", window="1hr"), 7.0, 0, 2 * 3_600_000) == Served(0.0, State.PASSED)


def test_the_states_of_a_rolling_count(declare):
    count = feature("count", window="1hr")
    assert read(declare, count, 7.0, 0, 59_999) == Served(7.0, State.CURRENT)
    assert read(declare, count, 7.0, 0, 60_000) == Served(7.0, State.AGEING)
    assert read(declare, count, 7.0, 0, 3_600_000 - 1) == Served(7.0, State.AGEING)
    assert read(declare, count, 7.0, 0, 3_600_000) == Served(0.0, State.PASSED)


def test_a_baseline_lacks_the_last_event_at_once(declare):
    assert read(declare, feature("mean", include_event=False), 7.0, 0, 0) == Served(7.0, State.AGEING)


def test_a_filtered_session_may_have_ended_earlier(declare):
    session = feature("count", kind="session", where="amount > 1")
    assert read(declare, session, 3.0, 0, 1).state is State.AGEING
    assert read(declare, session, 3.0, 0, 600_001) == Served(0.0, State.PASSED)


def test_time_since_the_last_of_selected_events_goes_on(declare):
    chosen = feature("time_since_last", where="amount > 1")
    assert read(declare, chosen, 5.0, 0, 30_000) == Served(35.0, State.AGEING)


def test_of_another_domain_something_may_be_missing(declare):
    laid = layout_of(declare(window_features=(feature("count"),), derived_features=()), START).of("account")
    assert served(laid, "refunds", {"f": 1.0}, START, START)["f"].state is State.AGEING


def test_a_reader_whose_clock_is_behind_sees_the_event(declare):
    assert read(declare, feature("count"), 3.0, 60_000, 0) == Served(3.0, State.CURRENT)


def test_what_was_computed_from_a_window_goes_with_it(declare):
    windows = (feature("count"), WindowFeature(name="g", aggregate="count", window="24hr"))
    laid = layout_of(declare(window_features=windows, derived_features=()), START).of("account")
    derived = (
        LaidFeature(name="of_f", entity="account", reads=("f",)),
        LaidFeature(name="of_g", entity="account", reads=("g",)),
        LaidFeature(name="of_none", entity="account"),
    )
    values = dict.fromkeys(("f", "g", "of_f", "of_g", "of_none"), 2.0)
    found = served(laid + derived, "payments", values, START, START + timedelta(minutes=11))
    assert {name: found[name] for name in ("of_f", "of_g", "of_none")} == {
        "of_f": Served(None, State.PASSED),
        "of_g": Served(2.0, State.CURRENT),
        "of_none": Served(2.0, State.CURRENT),
    }
