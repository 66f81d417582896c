"""The kernel's rolling windows against a plain reference."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scoring import Scorer
from window_oracle import Window, aggregate

from riskloom.domain import WindowFeature, window_length

START = 1_700_000_000_000
TOLERANCE_MS = 120_000
WINDOWS = ("10s", "1min", "5min", "1hr", "24hr", "7d")
AGGREGATES = ("count", "sum", "mean", "min", "max", "stddev")
FEATURES = (
    *(
        WindowFeature(name=f"{how}_{window}", aggregate=how, window=window, value=None if how == "count" else "amount")
        for window in WINDOWS
        for how in AGGREGATES
    ),
    WindowFeature(name="large_5min", aggregate="sum", window="5min", value="amount", where="amount > 10"),
)

amounts = st.one_of(
    st.none(),
    st.floats(-1e6, 1e6),
    st.floats(1e9, 1e9 + 1),
    st.sampled_from([0.0, math.nan, math.inf, -math.inf, 1e150, -1e150]),
)
# Steps in time: ties, neighbours, gaps of the size of each window, long silences, and steps back.
steps = st.one_of(
    st.just(0),
    st.integers(1, 2_000),
    st.integers(-300_000, 300_000),
    st.sampled_from([10_000, 60_000, 300_000, 3_600_000, 86_400_000, 604_800_000, 30 * 86_400_000]),
    st.integers(-86_400_000, 604_800_000),
)
histories = st.lists(st.tuples(steps, amounts), min_size=1, max_size=40)


def expected(history: list[tuple[int, float | None]]) -> list[dict[str, float | None]]:
    windows = {f.name: Window(int(window_length(f.window).total_seconds() * 1000), TOLERANCE_MS) for f in FEATURES}
    rows = []
    for time_ms, amount in history:
        row = {}
        for feature in FEATURES:
            value = 1.0 if feature.aggregate == "count" else amount
            if feature.where and not (amount is not None and amount > 10 and not math.isnan(amount)):
                value = None
            windows[feature.name].add(time_ms, value)
            default = 0.0 if feature.aggregate in ("count", "sum") else None
            row[feature.name] = aggregate(feature.aggregate, windows[feature.name].at(time_ms), default)
        rows.append(row)
    return rows


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(histories, min_size=1, max_size=25))
def test_every_window_and_aggregate_agrees_with_the_reference(
    scorer: Scorer, payment: Any, drawn: list[list[tuple[int, float | None]]]
) -> None:
    by_user = defaultdict(list)
    for user, history in enumerate(drawn):
        time_ms = START
        for step, amount in history:
            time_ms += step
            by_user[f"u{user}"].append((time_ms, amount))
    events = [
        {"id": f"{user}-{i}", "user": user, "ts": time_ms, "amount": amount, "kind": "card"}
        for user, history in by_user.items()
        for i, (time_ms, amount) in enumerate(history)
    ]
    outcome = scorer.events(payment(window_features=FEATURES), events)
    assert outcome.dead_letters == []
    got = {score["event_id"]: score for score in outcome.scores}
    assert len(got) == len(events)
    for user, history in by_user.items():
        for i, row in enumerate(expected(history)):
            score = got[f"{user}-{i}"]
            assert score["sequence"] == i + 1
            seen = [abs(a) for _, a in history[: i + 1] if a is not None and math.isfinite(a)]
            for name, value in row.items():
                # A sum is exact relative to what was summed, not to a result that has cancelled.
                scale = 1e-9 * max(seen, default=0) * (math.sqrt(len(history)) if name.startswith("stddev") else 1)
                # Deviations below this have squares that are no doubles.
                scale = max(scale, 1e-150)
                found = score["features"][name]
                assert found == (value if value is None else pytest.approx(value, rel=1e-9, abs=scale)), (name, i)


def test_lateness_is_told_against_the_newest_event_of_the_key(scorer: Scorer, payment: Any) -> None:
    times = [0, 300_000, 300_000 - TOLERANCE_MS, 300_000 - TOLERANCE_MS - 1, 300_001]
    events = [{"id": str(i), "user": "u", "ts": START + t, "amount": 1.0, "kind": "card"} for i, t in enumerate(times)]
    scores = sorted(scorer.events(payment(), events).scores, key=lambda s: s["sequence"])
    assert [s["late"] for s in scores] == [False, False, False, True, False]


def test_a_feature_reads_another_domains_events_of_the_same_entity(scorer: Scorer, payment: Any) -> None:
    from scoring import framed

    from riskloom.domain import Topic

    claim = payment(name="claim", topic=Topic(name="claims"))
    counts = (
        WindowFeature(name="claims_1hr", aggregate="count", window="1hr", source="claim", default=-1.0),
        WindowFeature(name="claimed_1hr", aggregate="sum", window="1hr", source="claim", value="amount"),
    )
    pay = payment(window_features=counts)
    schema_id = scorer.registry.add(claim.avro_schema)

    def record(topic: str, i: int, user: str) -> tuple[str, bytes]:
        event = {"id": str(i), "user": user, "ts": START + i * 1000, "amount": 10.0, "kind": "card"}
        return topic, framed(claim.avro_schema, schema_id, event)

    records = [
        record("payments", 0, "a"),
        record("claims", 1, "a"),
        record("claims", 2, "a"),
        record("payments", 3, "a"),
        record("payments", 4, "b"),
    ]
    both = {s["event_id"]: s["features"] for s in scorer([claim, pay], records).scores if s["domain"] == "payment"}
    assert both == {
        "0": {"claims_1hr": -1.0, "claimed_1hr": 0.0},
        "3": {"claims_1hr": 2.0, "claimed_1hr": 20.0},
        "4": {"claims_1hr": -1.0, "claimed_1hr": 0.0},
    }
    alone = scorer([pay], [r for r in records if r[0] == "payments"]).scores
    assert all(s["features"] == {"claims_1hr": -1.0, "claimed_1hr": 0.0} for s in alone)
