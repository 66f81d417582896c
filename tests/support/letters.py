"""Records that failed, and the dead letters that a job writes of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from riskloom.offsets import end_offsets
from riskloom.produce.encode import row_encoder
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC

FAR = 10_000_000
"""An offset that no record of a test gets: a letter from there is not taken for one of what a replay sent."""


def letter(offset: int, **parts: Any) -> dict[str, Any]:
    """Make a dead letter; the parts replace others."""
    return {
        "failed_at": time.time_ns() // 1_000_000,
        "stage": "decode",
        "domain": "orders",
        "reason": "malformed_body",
        "detail": "EOFException",
        "source": "orders-topic",
        "partition": 0,
        "offset": offset,
        "schema_id": 1,
        "key": f"key-{offset}".encode(),
        "value": f"value-{offset}".encode(),
    } | parts


def write_letters(settings: Settings, letter_id: int, letters: Iterable[Mapping[str, Any]]) -> None:
    """Write dead letters, spread over the topic's partitions."""
    encode = row_encoder(DEAD_LETTER_SCHEMA, letter_id)
    producer = Producer(settings.kafka(acks="all", linger_ms=20))
    for number, one in enumerate(letters):
        producer.produce(DEAD_LETTERS_TOPIC, encode(one), partition=number % 3)
        producer.poll(0)
    assert producer.flush(60) == 0


def committed(settings: Settings, topic: str) -> list[Any]:
    """Read all records of a topic that no aborted transaction wrote."""
    config = settings.kafka(
        group_id="test",
        enable_auto_commit=False,
        isolation_level="read_committed",
        enable_partition_eof=True,
        auto_offset_reset="earliest",
    )
    ends = end_offsets(settings, [topic])[topic]
    consumer, left, found = Consumer(config), set(ends), []
    consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
    deadline = time.monotonic() + 60
    while left:
        assert time.monotonic() < deadline, f"{topic} is not read to its end: {left}"
        for record in consumer.consume(5_000, 0.2):
            if record.error() is None:
                found.append(record)
            else:
                left.discard(record.partition())
    consumer.close()
    return found
