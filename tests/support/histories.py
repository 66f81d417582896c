"""Generated histories of events, for the kernel and its reference: all that event times, values and ids may be.

An event has an id, a user, perhaps a merchant, a time, two numbers and a kind, each of which may be odd.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "merchant", "type": ["null", "string"]},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": ["null", "double"]},
        {"name": "price", "type": ["null", "double"]},
        {"name": "kind", "type": ["null", "string"]},
    ],
}


def _greater(value: float | None, than: float) -> bool | None:
    # To Spark, NaN is the greatest number.
    return None if value is None else math.isnan(value) or value > than


PYTHON = {
    "amount": lambda event: event["amount"],
    "price": lambda event: event["price"],
    "kind": lambda event: event["kind"],
    "amount > 10": lambda event: _greater(event["amount"], 10),
    "kind = 'card'": lambda event: None if event["kind"] is None else event["kind"] == "card",
}
"""The SQL that features of these events are made of, as `state_oracle` takes it."""

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
_STARTS = [
    int(datetime(*date, tzinfo=UTC).timestamp() * 1000)
    for date in [(2023, 11, 14, 22, 13, 20), (1969, 12, 31, 23, 59), (2024, 2, 29), (2024, 12, 31, 23, 59, 50)]
]
_GAPS = [10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY]

_paces = st.sampled_from(
    [
        st.integers(0, 2 * SECOND),
        st.integers(0, HOUR),
        st.sampled_from([0, 0, 1, SECOND, *_GAPS]),
        # Out of order: about the tolerance, the length of windows, anything.
        st.integers(-5 * SECOND, 10 * SECOND),
        # A millisecond about the end of a window, on either side and in either direction.
        st.builds(int.__add__, st.sampled_from([*_GAPS, *(-gap for gap in _GAPS[:5])]), st.integers(-1, 1)),
        st.one_of(st.just(0), st.integers(-5 * MINUTE, 5 * MINUTE), st.integers(-DAY, 7 * DAY), st.sampled_from(_GAPS)),
    ]
)
_odd = st.sampled_from([None, 0.0, -0.0, math.nan, math.inf, -math.inf])
_amounts = st.sampled_from(
    [
        st.sampled_from([5.0, 20.0]),
        st.one_of(st.integers(-3, 30).map(float), _odd),
        st.floats(-1e6, 1e6),
        st.one_of(st.floats(1e9, 1e9 + 1), _odd),
        st.one_of(st.floats(-1e6, 1e6), st.sampled_from([1e150, -1e150]), _odd),
    ]
)
_kinds = st.sampled_from(["card", "cash", "", "küche", None])


@st.composite
def histories(draw: Any, domains: Sequence[str], repeats: bool = True) -> list[tuple[str, dict[str, Any]]]:
    """Draw the events of one user in order of arrival, as (domain, fields).

    Args:
        draw: Given by hypothesis.
        domains: The domains whose events they may be.
        repeats: Whether ids may come again.
    """
    time_ms, pace, amounts = draw(st.sampled_from(_STARTS)), draw(_paces), draw(_amounts)
    length = draw(st.integers(1, 30))
    events: list[tuple[str, dict[str, Any]]] = []
    for i in range(length):
        time_ms += draw(pace)
        again = draw(st.integers(0, 5 * length)) if repeats else i
        fields = {
            "id": str(min(again, i)),
            "merchant": draw(st.sampled_from(["a", "b", None])),
            "ts": time_ms,
            "amount": draw(amounts),
            "price": draw(amounts),
            "kind": draw(_kinds),
        }
        events.append((draw(st.sampled_from(domains)), fields))
    return events


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Draw that many examples, no two the same, at once: one Spark batch can then score them all."""
    found: dict[str, Any] = {}

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found[repr(example)] = example

    # A seed for each round: where hypothesis is made deterministic, as by CI, all rounds would be the same.
    for number in itertools.count():
        if len(found) >= count:
            break
        seed(number)(collect)()
    return list(found.values())[:count]
