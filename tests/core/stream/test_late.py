"""Events that come late, twice, or from the future: which of them count, by the domain's own policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from agreement import Event, assert_agreement, of_users, scored_by_user
from histories import PYTHON, SCHEMA, drawn, histories
from scoring import Scorer
from state_oracle import REMEMBERED_IDS

from riskloom.domain import WindowFeature

START = datetime(2024, 3, 1, tzinfo=UTC)
FEATURES = (
    WindowFeature(name="sum_1min", aggregate="sum", window="1min", value="amount"),
    WindowFeature(name="last_1hr", aggregate="last", window="1hr", value="amount"),
    WindowFeature(name="hopping", aggregate="count", window="1hr", kind="hopping", slide="1min"),
    WindowFeature(name="session", aggregate="count", window="30s", kind="session"),
    WindowFeature(name="kinds", aggregate="distinct_count", window="5min", value="kind"),
    WindowFeature(name="before", aggregate="count", window="24hr", include_event=False),
)


def at(seconds: float, event_id: str, amount: float = 1.0) -> dict[str, Any]:
    ts = round(START.timestamp() * 1000 + seconds * 1000)
    return {"id": event_id, "user": "u", "merchant": None, "ts": ts, "amount": amount, "price": 0.0, "kind": None}


@pytest.mark.parametrize("count_late", [True, False])
@pytest.mark.parametrize("tolerance", [timedelta(0), timedelta(seconds=1.5), timedelta(hours=1)])
def test_any_policy_agrees_with_the_reference(
    scorer: Scorer, payment: Any, tolerance: timedelta, count_late: bool
) -> None:
    domain = payment(
        avro_schema=SCHEMA,
        window_features=FEATURES,
        late_tolerance=tolerance,
        count_late=count_late,
        deduplicate=count_late,
    )
    assert_agreement(scorer, [domain], PYTHON, of_users(drawn(histories(["payment"]), 50)))


def test_only_what_is_beyond_the_tolerance_is_late(scorer: Scorer, payment: Any) -> None:
    times = [0, 300, 180, 179.999, 300.001]
    scores = scorer.events(payment(avro_schema=SCHEMA), [at(t, str(t)) for t in times]).scores
    assert [score["late"] for score in scores] == [False, False, False, True, False]
    assert [score["sequence"] for score in scores] == [1, 2, 3, 4, 5]


def test_lateness_is_a_matter_of_the_domain_and_the_key(scorer: Scorer, payment: Any) -> None:
    domains = [payment(avro_schema=SCHEMA), payment(name="refund", topic={"name": "refunds"}, avro_schema=SCHEMA)]
    old, new = at(0, "old"), at(3_600, "new")
    by_user = {
        "a": [Event("payment", new | {"user": "a"}), Event("refund", old | {"user": "a"})],
        "b": [Event("payment", old | {"user": "b"})],
    }
    scores = scored_by_user(scorer, domains, by_user)
    assert [score["late"] for of_user in scores.values() for score in of_user] == [False, False, False]


def test_the_ids_of_the_last_256_events_are_remembered(scorer: Scorer, payment: Any) -> None:
    domain = payment(avro_schema=SCHEMA, window_features=FEATURES)
    first = [at(i / 10, str(i)) for i in range(REMEMBERED_IDS + 1)]
    again = [at(30, "1"), at(30, "0"), at(30, "0"), at(30, "2")]
    assert_agreement(scorer, [domain], PYTHON, {"u": [Event("payment", event) for event in [*first, *again]]})
    scores = scorer.events(domain, [*first, *again]).scores
    assert [score["duplicate"] for score in scores[-4:]] == [True, False, True, True]


def test_more_distinct_values_than_are_kept_agree_with_the_reference(scorer: Scorer, payment: Any) -> None:
    distinct = [
        WindowFeature(name=f"distinct_{window}", aggregate="distinct_count", window=window, value="amount")
        for window in ("10s", "1min", "1hr")
    ]
    # Back and forth in time, each value twice, far apart.
    events = [at(i * 0.1 + (i % 7) * 3, str(i), float(i * 37 % 400)) for i in range(800)]
    domain = payment(avro_schema=SCHEMA, window_features=tuple(distinct))
    assert_agreement(scorer, [domain], PYTHON, {"u": [Event("payment", event) for event in events]})


def test_an_event_ahead_of_kafkas_clock_is_a_dead_letter_and_spoils_no_window(scorer: Scorer, payment: Any) -> None:
    domain = payment(
        avro_schema=SCHEMA,
        window_features=(WindowFeature(name="count", aggregate="count", window="1hr"),),
        late_tolerance=timedelta(seconds=30),
    )
    events = [at(0, "first"), at(30, "ahead"), at(30.001, "too far ahead"), at(1e9, "far"), at(20, "next")]
    outcome = scorer.events(domain, events, written=START)
    assert [(score["event_id"], score["features"]["count"], score["late"]) for score in outcome.scores] == [
        ("first", 1.0, False),
        ("ahead", 2.0, False),
        ("next", 3.0, False),
    ]
    assert [(letter["offset"], letter["stage"], letter["reason"]) for letter in outcome.dead_letters] == [
        (2, "decode", "event_time_ahead"),
        (3, "decode", "event_time_ahead"),
    ]


def test_without_a_timestamp_of_kafka_no_time_is_ahead(scorer: Scorer, payment: Any) -> None:
    outcome = scorer.events(payment(avro_schema=SCHEMA), [at(1e9, "far")])
    assert [score["event_id"] for score in outcome.scores] == ["far"]


FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999


def test_every_time_of_the_years_1_to_9999_is_scored_and_no_other(scorer: Scorer, payment: Any) -> None:
    domain = payment(avro_schema=SCHEMA, window_features=FEATURES)
    times = [FIRST_MS - 1, FIRST_MS, LAST_MS, LAST_MS + 1]
    outcome = scorer.events(domain, [at(0, str(time)) | {"ts": time} for time in times])
    assert [score["event_id"] for score in outcome.scores] == [str(FIRST_MS), str(LAST_MS)]
    assert [(letter["offset"], letter["reason"]) for letter in outcome.dead_letters] == [
        (0, "event_time_out_of_range"),
        (3, "event_time_out_of_range"),
    ]
    inside = [at(0, str(i)) | {"ts": time} for i, time in enumerate([FIRST_MS, FIRST_MS + 1, LAST_MS - 1, LAST_MS])]
    assert_agreement(scorer, [domain], PYTHON, {"u": [Event("payment", event) for event in inside]})
