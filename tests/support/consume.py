"""What the job wrote: the scores and the dead letters in a span of offsets."""

from __future__ import annotations

import io
import struct
import time
from dataclasses import dataclass
from typing import Any

import fastavro
from confluent_kafka import Consumer, TopicPartition

from riskloom.offsets import Offsets, end_offsets
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

OUTPUTS = (SCORES_TOPIC, DEAD_LETTERS_TOPIC)
_DEADLINE_S = 120


@dataclass(frozen=True)
class Written:
    """Decoded records, those of each partition in their order."""

    scores: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]


def written_since(settings: Settings, begin: Offsets) -> Written:
    """Read the scores and the dead letters from some offsets to where their topics end now."""
    records = records_since(settings, {topic: begin[topic] for topic in OUTPUTS})
    by_topic = {topic: [record.value() for record in records if record.topic() == topic] for topic in OUTPUTS}
    return Written(
        scores=[decoded(RISK_SCORE_SCHEMA, value) for value in by_topic[SCORES_TOPIC]],
        dead_letters=[decoded(DEAD_LETTER_SCHEMA, value) for value in by_topic[DEAD_LETTERS_TOPIC]],
    )


def records_since(settings: Settings, begin: Offsets) -> list[Any]:
    """Read the records of topics from some offsets to where the topics end now."""
    end = end_offsets(settings, begin)
    left: dict[Any, int] = {(t, p): last for t, parts in end.items() for p, last in parts.items() if last > begin[t][p]}
    consumer = Consumer(settings.kafka(group_id="test", enable_auto_commit=False))
    found: list[Any] = []
    try:
        consumer.assign([TopicPartition(topic, partition, begin[topic][partition]) for topic, partition in left])
        deadline = time.monotonic() + _DEADLINE_S
        while left:
            assert time.monotonic() < deadline, f"not read to the end: {left}"
            batch: list[Any] = consumer.consume(5_000, 0.2)
            for record in batch:
                assert record.error() is None, record.error()
                place = record.topic(), record.partition()
                if place in left:
                    found.append(record)
                    if record.offset() + 1 >= left[place]:
                        del left[place]
    finally:
        consumer.close()
    return found


def decoded(schema: dict[str, Any], value: bytes) -> dict[str, Any]:
    """Decode a record that was written with this schema, whatever its id."""
    magic, _ = struct.unpack(">bi", value[:5])
    assert magic == 0
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(schema), None)
    assert not body.read(), "bytes are left over"
    return record  # type: ignore[return-value]
