"""Which part of a record is read, and what is noted of it, on librdkafka's own broker."""

from __future__ import annotations

import time

import pytest
from mock_kafka import MockKafka
from payments import SCHEMA

from riskloom.bench.receive import Prefix, receive
from riskloom.produce.encode import row_encoder
from riskloom.schemas.topics import RISK_SCORE_SCHEMA

PREFIX = Prefix.of(SCHEMA, "paid_at", ("payment_id",))


class FakeLine:
    """Asks for the end once so many records were told."""

    def __init__(self, records: int) -> None:
        self.records, self.told = records, -1

    @property
    def asked_to_end(self) -> bool:
        return self.told >= self.records

    def tell(self, news: int) -> None:
        self.told = news


def test_a_schema_is_cut_after_the_last_field_needed() -> None:
    assert [field["name"] for field in PREFIX.schema["fields"]] == ["payment_id", "account", "paid_at"]
    assert [field["type"] for field in PREFIX.schema["fields"]] == [{"type": "string"}, "long", {"type": "long"}]
    assert PREFIX.per_ms == 1
    assert SCHEMA["fields"][2]["type"]["logicalType"] == "timestamp-millis"
    score = Prefix.of(RISK_SCORE_SCHEMA, "event_time", ("domain", "event_id"))
    assert score.schema["fields"][-1]["name"] == "event_time"


@pytest.mark.parametrize(("unit", "per_ms"), [("timestamp-millis", 1), ("timestamp-micros", 1_000)])
def test_the_unit_of_the_time_is_kept(unit: str, per_ms: int) -> None:
    schema = {"name": "E", "type": "record", "fields": [{"name": "t", "type": {"type": "long", "logicalType": unit}}]}
    assert Prefix.of(schema, "t", ("t",)).per_ms == per_ms


def test_records_are_noted_with_their_event_and_times() -> None:
    kafka = MockKafka()
    encode = row_encoder(SCHEMA, 7)
    begun = time.time() * 1000
    rows = [
        {"payment_id": name, "account": 1, "paid_at": 1_000 + n, "amount": 1.0, "country": None, "kind": "card"}
        for n, name in enumerate(("a", "b", "a"))
    ]
    kafka.send("payments", [*map(encode, rows), b"\0\0\0\0\x09another", None])
    receipts = receive(FakeLine(5), kafka.settings, {"payments": dict.fromkeys(range(4), 0)}, {7: PREFIX})  # type: ignore[arg-type]
    assert sorted(receipts.created_ms.tolist()) == [1_000, 1_001, 1_002]
    assert len(set(receipts.identities.tolist())) == 2
    assert receipts.others == 2
    assert all(begun <= at <= time.time() * 1000 for at in receipts.received_ms)
