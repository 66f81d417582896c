"""A small event domain with a generator, for tests of the producer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from riskloom.discovery import InstalledDomain
from riskloom.domain import Entity, EventDomain, ScoringRule, Term, Topic
from riskloom.schemas.arrow import record_batch

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "payment_id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "account", "type": "long"},
        {"name": "paid_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": "double"},
        {"name": "country", "type": ["null", "string"], "default": None},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["card", "cash"]}, "default": "card"},
    ],
}


class Generator:
    """Makes payments; the seed shows in the amounts."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.made = 0

    def batch(self, times: Any) -> pa.RecordBatch:
        n = len(times)
        numbers = np.arange(self.made, self.made + n)
        self.made += n
        columns = {
            "payment_id": [f"00000000-0000-4000-8000-{number:012d}" for number in numbers],
            "account": numbers % 7,
            "paid_at": times,
            "amount": np.full(n, float(self.seed % 1000)),
            "country": [None] * n,
            "kind": ["cash"] * n,
        }
        return record_batch(SCHEMA, columns)


class Short(Generator):
    """Makes one event too few."""

    def batch(self, times: Any) -> pa.RecordBatch:
        return super().batch(times[:-1])


class Broken(Generator):
    """Fails."""

    def batch(self, times: Any) -> pa.RecordBatch:
        raise KeyError("merchant")


def payments(name: str = "payments", generator: str = "payments:Generator", share: float = 10.0) -> InstalledDomain:
    """Declare payments as an installed domain."""
    domain = EventDomain(
        name=name,
        topic=Topic(name=f"{name}-topic"),
        avro_schema=SCHEMA,
        event_id="payment_id",
        event_time="paid_at",
        key="account",
        entities=(Entity(name="account", field="account"),),
        generator=generator,
        rule=ScoringRule(version="1", terms=(Term(code="LARGE", sql="amount > 100", weight=0.5),)),
        share=share,
    )
    return InstalledDomain(domain, distribution="riskloom-payments", version="1.2", entry_point=name)
