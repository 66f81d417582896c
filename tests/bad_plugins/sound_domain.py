"""A sound declaration, for the bad plugins to get one thing wrong in."""

from __future__ import annotations

from typing import Any

from riskloom.domain import (
    DerivedFeature,
    Entity,
    EventDomain,
    ScoringRule,
    Term,
    Topic,
    WindowFeature,
)

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "payment_id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Identifies the payment."},
        {"name": "account_id", "type": "string"},
        {"name": "branch", "type": ["null", "int"], "default": None},
        {"name": "paid_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": "double"},
        {"name": "country", "type": ["null", "string"], "default": None},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "readings", "type": {"type": "map", "values": "double"}},
        {
            "name": "place",
            "type": {"type": "record", "name": "Place", "fields": [{"name": "latitude", "type": "double"}]},
        },
    ],
}


def declare(**changes: Any) -> EventDomain:
    """Declare payments, with some settings changed."""
    settings: dict[str, Any] = {
        "name": "payments",
        "topic": Topic(name="payments"),
        "avro_schema": SCHEMA,
        "event_id": "payment_id",
        "event_time": "paid_at",
        "key": "account_id",
        "entities": (Entity(name="account", field="account_id"), Entity(name="branch", field="branch")),
        "generator": "sound_domain:declare",
        "window_features": (
            WindowFeature(name="payment_count_1hr", aggregate="count", window="1hr"),
            WindowFeature(
                name="foreign_amount_24hr", aggregate="sum", window="24hr", value="amount", where="country <> 'SE'"
            ),
        ),
        "derived_features": (
            DerivedFeature(name="share_abroad", sql="foreign_amount_24hr / greatest(amount, 1)"),
            DerivedFeature(name="share_abroad_percent", sql="100 * share_abroad"),
        ),
        "rule": ScoringRule(
            version="1",
            terms=(
                Term(code="ABROAD", sql="share_abroad_percent > 50 AND exists(tags, tag -> tag = country)", weight=0.5),
                Term(code="FAST", sql="payment_count_1hr / 10 + readings['speed'] + place.latitude", weight=0.5),
            ),
        ),
    }
    return EventDomain(**settings | changes)
