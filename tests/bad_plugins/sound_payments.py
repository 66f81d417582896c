"""A sound domain, for the bad plugins of the kit to get one thing wrong in."""

from __future__ import annotations

from typing import Any

from riskloom.domain import DerivedFeature, Entity, EventDomain, ScoringRule, Term, Topic, WindowFeature

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "payment_id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "account_id", "type": "string"},
        {"name": "paid_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": "double"},
        {"name": "items", "type": "int"},
        {"name": "method", "type": {"type": "enum", "name": "Method", "symbols": ["card", "cash"]}},
        {"name": "country", "type": ["null", "string"], "default": None},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "fraud_pattern", "type": ["null", "string"], "default": None},
    ],
}
FIELDS = {field["name"]: field for field in SCHEMA["fields"]}
WINDOWS = (
    WindowFeature(name="count_5min", aggregate="count", window="5min"),
    WindowFeature(name="mean_amount_1hr", aggregate="mean", window="1hr", value="amount", include_event=False),
)
DERIVED = (DerivedFeature(name="spike", sql="amount / greatest(mean_amount_1hr, 1)"),)
MANY = Term(code="MANY", sql="(count_5min - 2) / 8", weight=0.5)
SPIKE = Term(code="SPIKE", sql="ln(spike) / 5", weight=0.5)


def rule(*terms: Term) -> ScoringRule:
    return ScoringRule(version="1", terms=terms)


def declare(**changes: Any) -> EventDomain:
    """Declare payments, with some settings changed."""
    settings: dict[str, Any] = {
        "name": "payments",
        "topic": Topic(name="payments"),
        "avro_schema": SCHEMA,
        "event_id": "payment_id",
        "event_time": "paid_at",
        "key": "account_id",
        "entities": (Entity(name="account", field="account_id"),),
        "generator": "payment_generators:Payments",
        "label": "fraud_pattern",
        "window_features": WINDOWS,
        "derived_features": DERIVED,
        "rule": rule(MANY, SPIKE),
    }
    return EventDomain(**settings | changes)


def with_field(name: str, avro: Any, **more: Any) -> dict[str, Any]:
    """Answer the schema with the type of a field changed, or with one more field."""
    return {**SCHEMA, "fields": [*(FIELDS | {name: {"name": name, "type": avro, **more}}).values()]}
