from __future__ import annotations

import time

import numpy as np
import pytest
from mock_kafka import MockKafka
from payments import SCHEMA, payments

from riskloom.errors import PluginError
from riskloom.produce.client import Client
from riskloom.produce.rate import Schedule, Stopwatch
from riskloom.produce.stream import EventStream


def never() -> bool:
    return False


class Streams:
    """Makes streams that send to one broker."""

    def __init__(self, kafka: MockKafka) -> None:
        self.stopwatch = Stopwatch()
        self.client = Client(kafka.settings, {}, self.stopwatch)

    def __call__(self, name: str = "payments", generator: str = "payments:Generator", seed: int = 1) -> EventStream:
        return EventStream(payments(name, generator), 3, seed, self.client, self.stopwatch)

    def drain(self) -> None:
        self.client.drain(lambda: None)


@pytest.fixture
def stream(kafka: MockKafka) -> Streams:
    return Streams(kafka)


def test_events_are_sent_when_they_are_due(kafka: MockKafka, stream: Streams) -> None:
    made, schedule = stream(), Schedule(100.0, start_ms=1_700_000_000_000)
    made.prepare(schedule, last=60)
    assert made.made == 25
    made.send_due(10, never)
    assert made.ledger.sent == 10
    made.prepare(schedule, last=60)
    made.send_due(40, never)
    assert (made.made, made.ledger.sent) == (50, 40)
    made.prepare(schedule, last=60)
    made.send_due(1000, never)
    assert (made.made, made.ledger.sent) == (60, 60)
    stream.drain()
    records = kafka.decoded("payments-topic", 60, SCHEMA, schema_id=3)
    times = sorted(round(record["paid_at"].timestamp() * 1000) for record in records)
    assert times == [1_700_000_000_000 + 10 * n for n in range(1, 61)]
    assert len({record["payment_id"] for record in records}) == 60
    assert made.ledger.bytes == sum(len(record.value()) for record in kafka.records("payments-topic", 60))


def test_events_made_late_keep_the_times_at_which_they_were_due(stream: Streams, kafka: MockKafka) -> None:
    made, now = stream(), time.time_ns() // 1_000_000
    made.prepare(Schedule(100.0, start_ms=now - 60_000), last=20)
    made.send_due(20, never)
    stream.drain()
    times = [round(record["paid_at"].timestamp() * 1000) for record in kafka.decoded("payments-topic", 20, SCHEMA, 3)]
    assert sorted(times) == [now - 60_000 + 10 * n for n in range(1, 21)]


def test_keys_are_the_key_field_as_text(stream: Streams, kafka: MockKafka) -> None:
    made = stream()
    made.send_now(np.arange(14, dtype=np.int64), never)
    stream.drain()
    assert {record.key() for record in kafka.records("payments-topic", 14)} == {b"%d" % n for n in range(7)}


def test_the_same_seed_makes_the_same_events_and_each_domain_others(stream: Streams, kafka: MockKafka) -> None:
    for made in (stream(seed=1), stream(seed=1), stream(seed=2), stream("refunds", seed=1)):
        made.send_now(np.zeros(1, dtype=np.int64), never)
    stream.drain()
    amounts = [record["amount"] for record in kafka.decoded("payments-topic", 3, SCHEMA, 3)]
    (other,) = (record["amount"] for record in kafka.decoded("refunds-topic", 1, SCHEMA, 3))
    assert amounts[0] == amounts[1] != amounts[2]
    assert other != amounts[0]


def test_stages_are_timed(stream: Streams) -> None:
    stream().send_now(np.zeros(1, dtype=np.int64), never)
    assert stream.stopwatch.seconds.keys() == {"generate", "encode", "enqueue", "acknowledge"}


@pytest.mark.parametrize(
    ("generator", "problem"),
    [
        ("payments:Broken", "KeyError: 'merchant'"),
        ("payments:Short", "ValueError: 0 events were made for 1 times"),
        ("payments:Missing", "AttributeError: module 'payments' has no attribute 'Missing'"),
        ("payments:payments", "TypeError: .*'seed'"),
        ("no_such_module:make", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_generator_that_fails_is_named(stream: Streams, generator: str, problem: str) -> None:
    with pytest.raises(PluginError, match=f"riskloom-payments 1.2: generator {generator} .*{problem}\n.*--without"):
        stream(generator=generator).send_now(np.zeros(1, dtype=np.int64), never)
