"""Every window and aggregate of the kernel against the reference, over generated histories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from agreement import Event, assert_agreement, of_users, scored_by_user
from histories import PYTHON, SCHEMA, drawn, histories
from hypothesis import strategies as st
from scoring import Scorer

from riskloom.domain import EventDomain, Topic, WindowFeature, window_length

HISTORIES = 1_000
ROLLING = ("10s", "5min", "24hr", "30d")
WINDOWS: tuple[dict[str, str], ...] = (
    *({"kind": "rolling", "window": window} for window in ROLLING),
    *({"kind": "tumbling", "window": window} for window in ("1min", "1hr")),
    *({"kind": "hopping", "window": window, "slide": slide} for window, slide in [("1min", "10s"), ("24hr", "2min")]),
    *({"kind": "session", "window": gap} for gap in ("30s", "1hr")),
)
AGGREGATES: dict[str, dict[str, str]] = {
    "count": {},
    **{name: {"value": "amount"} for name in ("sum", "mean", "min", "max", "stddev", "first", "last")},
    "ratio": {"where": "amount > 10"},
    **{name: {"value": "amount", "other": "price"} for name in ("sum_of_products", "correlation")},
    "distinct_count": {"value": "kind"},
}
NOT_OF_SESSIONS = {"correlation", "distinct_count"}


def features() -> Iterator[WindowFeature]:
    """Declare every aggregate of every kind of window, then what else a feature can say."""

    def feature(aggregate: str, **parts: Any) -> WindowFeature:
        return WindowFeature(name=f"f{next(numbers)}_{aggregate}", aggregate=aggregate, **parts)

    numbers = iter(range(1_000))
    for window, (aggregate, parts) in product(WINDOWS, AGGREGATES.items()):
        if window["kind"] != "session" or aggregate not in NOT_OF_SESSIONS:
            yield feature(aggregate, **window, **parts)
    for gap in ("30s", "1hr"):
        yield feature("duration", kind="session", window=gap)
        yield feature("is_new", kind="session", window=gap)
    for window in ("10s", "1hr", "30d"):
        yield feature("time_since_last", window=window)
        yield feature("ewm_mean", window=window, value="amount")
        yield feature("ewm_variance", window=window, value="amount")
        yield feature("run_length", window=window, value="amount")
        yield feature("run_length", window=window, value="kind")
    for aggregate, parts in AGGREGATES.items():
        yield feature(aggregate, window="1hr", **parts, include_event=False, default=-1.0)
        yield feature(aggregate, window="1hr", **{"where": "kind = 'card'"} | parts)
        yield feature(aggregate, window="1hr", **parts, source="refund")
    for aggregate in ("ewm_mean", "ewm_variance"):
        yield feature(aggregate, window="1hr", value="price", where="amount > 10", include_event=False)
        yield feature(aggregate, window="1hr", value="price", source="refund")
    yield feature("run_length", window="1hr", value="kind", where="amount > 10", include_event=False)
    yield feature("run_length", window="1hr", value="kind", source="refund")
    yield feature("distinct_count", window="1hr", value="amount")
    yield feature("time_since_last", window="24hr", where="kind = 'card'", default=-1.0)
    yield feature("time_since_last", window="24hr", source="refund")
    yield feature("duration", kind="session", window="5min", where="amount > 10")
    yield feature("is_new", kind="session", window="5min", source="refund", default=1.0)
    yield feature("sum", kind="session", window="5min", value="amount", include_event=False)


@pytest.fixture(scope="module")
def domains(payment: Any) -> list[EventDomain]:
    """Payments with every feature, and refunds of another tolerance that read payments."""
    theirs = (
        WindowFeature(name="payments", aggregate="sum", window="1hr", value="amount", source="payment"),
        WindowFeature(name="last_payment", aggregate="last", window="1hr", value="amount", source="payment"),
        WindowFeature(name="refunds", aggregate="sum", window="5min", value="amount"),
    )
    return [
        payment(avro_schema=SCHEMA, window_features=tuple(features())),
        payment(
            name="refund",
            topic=Topic(name="refunds"),
            avro_schema=SCHEMA,
            window_features=theirs,
            late_tolerance=timedelta(seconds=30),
            count_late=False,
        ),
    ]


def test_the_kernel_agrees_with_the_reference_on_1000_histories(scorer: Scorer, domains: list[EventDomain]) -> None:
    drawn_histories = drawn(histories([domain.name for domain in domains]), HISTORIES)
    assert len(drawn_histories) == HISTORIES
    assert_agreement(scorer, domains, PYTHON, of_users(drawn_histories))


steady = st.lists(st.tuples(st.integers(0, 20_000), st.floats(-1e6, 1e6)), min_size=1, max_size=40)


@pytest.mark.parametrize("window", ["10s", "1min", "7min"])
def test_a_rolling_window_differs_from_the_exact_one_by_its_oldest_tile_at_most(
    scorer: Scorer, payment: Any, window: str
) -> None:
    counted = WindowFeature(name="counted", aggregate="count", window=window)
    summed = WindowFeature(name="summed", aggregate="sum", window=window, value="amount")
    domain = payment(avro_schema=SCHEMA, window_features=(counted, summed))
    length = window_length(window) // timedelta(milliseconds=1)
    by_user = of_users([_in_order(history) for history in drawn(steady, 100)])
    scores = scored_by_user(scorer, [domain], by_user)
    for user, events in by_user.items():
        for i, score in enumerate(scores[user]):
            seen = [event.fields for event in events[: i + 1]]
            ages = [seen[-1]["ts"] - fields["ts"] for fields in seen]
            exact = [fields["amount"] for fields, age in zip(seen, ages, strict=True) if age < length]
            oldest = [
                abs(fields["amount"])
                for fields, age in zip(seen, ages, strict=True)
                if length - length / 60 <= age < length
            ]
            assert 0 <= len(exact) - score["features"]["counted"] <= len(oldest)
            assert abs(sum(exact) - score["features"]["summed"]) <= sum(oldest) + 1e-9 * sum(map(abs, exact))


def _in_order(steps: Sequence[tuple[int, float]]) -> list[tuple[str, dict[str, Any]]]:
    time_ms, events = 1_700_000_000_000, []
    for i, (step, amount) in enumerate(steps):
        time_ms += step
        fields = {"id": str(i), "merchant": None, "ts": time_ms, "amount": amount, "price": None, "kind": None}
        events.append(("payment", fields))
    return events


def test_a_feature_of_a_domain_that_is_not_installed_has_its_default(scorer: Scorer, payment: Any) -> None:
    features = (
        WindowFeature(name="count", aggregate="count", window="1hr", source="refund", default=-1.0),
        WindowFeature(name="sum", aggregate="sum", window="1hr", source="refund", value="amount"),
        WindowFeature(name="last", aggregate="last", window="1hr", source="refund", value="amount"),
    )
    event = Event("payment", {"id": "1", "user": "u", "ts": 0, "amount": 10.0, "kind": "card"})
    [score] = scored_by_user(scorer, [payment(window_features=features)], {"u": [event]})["u"]
    assert score["features"] == {"count": -1.0, "sum": 0.0, "last": None}
