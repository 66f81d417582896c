"""Two small event domains of one entity, and records of them: for tests that change what is declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Producer
from scoring import framed

from riskloom.discovery import InstalledDomain
from riskloom.domain import Entity, EventDomain, ScoringRule, Term, Topic, WindowFeature
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Bought",
    "namespace": "test",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "shop", "type": "string", "default": "corner"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": "double"},
    ],
}

COUNT = WindowFeature(name="count_1hr", aggregate="count", window="1hr")
SUM = WindowFeature(name="sum_1hr", aggregate="sum", value="amount", window="1hr")


def shop(name: str = "orders", features: Iterable[WindowFeature] = (COUNT,), **parts: Any) -> InstalledDomain:
    """Declare a domain; the parts replace others."""
    domain = EventDomain(
        **{
            "name": name,
            "topic": Topic(name=f"{name}-topic", partitions=2),
            "avro_schema": {**SCHEMA, "name": name.title()},
            "event_id": "id",
            "event_time": "ts",
            "key": "user",
            "entities": (Entity(name="user", field="user"), Entity(name="shop", field="shop")),
            "generator": "shop:none",
            "window_features": tuple(features),
            "rule": ScoringRule(version="1", terms=(Term(code="LARGE", sql="amount / 100", weight=1.0),)),
        }
        | parts
    )
    return InstalledDomain(domain, distribution=f"riskloom-{name}", version="1.0", entry_point=name)


def event(number: int, user: str, ts: int, amount: float = 1.0) -> dict[str, Any]:
    """Make an event's fields."""
    return {"id": str(number), "user": user, "shop": "corner", "ts": ts, "amount": amount}


def send(
    settings: Settings,
    installed: InstalledDomain,
    schemas: Mapping[str, RegisteredSchema],
    records: Iterable[Mapping[str, Any] | bytes],
) -> None:
    """Send events, keyed by user, and records that are none, in this order."""
    topic, schema = installed.domain.topic.name, installed.domain.avro_schema
    producer = Producer(settings.kafka(acks="all"))
    for record in records:
        if isinstance(record, bytes):
            producer.produce(topic, record)
        else:
            producer.produce(topic, framed(schema, schemas[topic].schema_id, record), record["user"])
        producer.poll(0)
    assert producer.flush(30) == 0
