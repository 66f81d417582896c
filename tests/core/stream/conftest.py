from __future__ import annotations

from typing import Any

import pytest
from scoring import Registry, Scorer

from riskloom.domain import Entity, EventDomain, ScoringRule, Term, Topic


@pytest.fixture(scope="session")
def registry(scorer: Scorer) -> Registry:
    return scorer.registry


PAYMENT = {
    "type": "record",
    "name": "Payment",
    "namespace": "test",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": ["null", "double"], "default": None},
        {"name": "kind", "type": "string", "default": "card"},
    ],
}


@pytest.fixture(scope="session")
def payment() -> Any:
    """Make a payment domain; the arguments replace parts of it."""

    def make(**parts: Any) -> EventDomain:
        return EventDomain(
            **{
                "name": "payment",
                "topic": Topic(name="payments"),
                "avro_schema": PAYMENT,
                "event_id": "id",
                "event_time": "ts",
                "key": "user",
                "entities": (Entity(name="user", field="user"),),
                "generator": "tests:none",
                "rule": ScoringRule(version="1", terms=(Term(code="AMOUNT", sql="amount / 100", weight=1.0),)),
            }
            | parts
        )

    return make
