"""Events of a key that are put together on their way through a batch."""

from __future__ import annotations

from typing import Any

import pytest
from histories import SCHEMA
from scoring import Scorer, framed

from riskloom.domain import Entity, WindowFeature

EVENTS = 120
EPOCH_MS = 1_700_000_000_000
LONG_ID = 700_000
"""Characters: with those of one event in two they are more than a task puts together at once."""


def events() -> list[dict[str, Any]]:
    """Of five users and three merchants, taking turns; some without a merchant."""
    return [
        {
            "id": f"{i:05d}" + ("x" * LONG_ID if i % 2 else ""),
            "user": f"user {i % 5}",
            "merchant": f"shop {i % 3}" if i % 4 else None,
            "ts": EPOCH_MS + i * 1000,
            "amount": float(i),
            "price": None,
            "kind": "card",
        }
        for i in range(EVENTS)
    ]


@pytest.fixture
def domain(payment: Any) -> Any:
    return payment(
        avro_schema=SCHEMA,
        entities=(Entity(name="user", field="user"), Entity(name="merchant", field="merchant")),
        window_features=(
            WindowFeature(name="own_sum", aggregate="sum", value="amount", window="1hr"),
            WindowFeature(name="shop_last", aggregate="last", value="amount", window="1hr", entity="merchant"),
            WindowFeature(name="shop_count", aggregate="count", window="1hr", entity="merchant"),
        ),
    )


@pytest.mark.parametrize("in_batches", [True, False])
def test_an_event_finds_those_of_its_key_that_came_before_it_and_no_others(
    scorer: Scorer, domain: Any, in_batches: bool
) -> None:
    schema_id = scorer.registry.add(SCHEMA)
    records: list[tuple[str, bytes | None]] = [(domain.topic.name, framed(SCHEMA, schema_id, e)) for e in events()]
    records += [(domain.topic.name, b"not an event"), (domain.topic.name, None)]
    outcome = scorer([domain], records, in_batches=in_batches)
    assert {letter["reason"] for letter in outcome.dead_letters} == {"bad_magic", "empty_value"}
    found = {score["event_id"]: score for score in outcome.scores}
    users: dict[str, list[float]] = {}
    shops: dict[str, list[float]] = {}
    assert len(found) == EVENTS
    for event in events():
        own = users.setdefault(event["user"], [])
        own.append(event["amount"])
        score = found[event["id"]]
        assert score["sequence"] == len(own)
        assert score["features"]["own_sum"] == pytest.approx(sum(own))
        if event["merchant"] is None:
            assert score["entity_sequences"] == {}
            assert (score["features"]["shop_last"], score["features"]["shop_count"]) == (None, 0)
            continue
        shop = shops.setdefault(event["merchant"], [])
        shop.append(event["amount"])
        assert score["entity_sequences"] == {"merchant": len(shop)}
        assert (score["features"]["shop_last"], score["features"]["shop_count"]) == (shop[-1], len(shop))
