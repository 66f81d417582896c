"""A consumer in a process of its own that notes when each record arrives, and reads no more of it than it needs."""

from __future__ import annotations

import io
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from riskloom.bench.worker import Line
    from riskloom.offsets import Offsets
    from riskloom.settings import Settings

_HEADER = 5
_BATCH = 5_000
_POLL_S = 0.05
_TELL_S = 0.2


@dataclass(frozen=True)
class Prefix:
    """How to read who an event is and when it was made, from the first bytes of a record."""

    schema: Mapping[str, Any]
    """The Avro schema of the record, cut after the last field that is needed."""
    identity: tuple[str, ...]
    """The fields that identify the event."""
    time: str
    """The field that says when it was made, read as a plain number."""
    per_ms: int
    """How many of its units are a millisecond."""

    @classmethod
    def of(cls, avro_schema: Mapping[str, Any], time: str, identity: tuple[str, ...]) -> Prefix:
        """Cut an Avro record schema.

        Args:
            avro_schema: The schema with which the records are written.
            time: A field of logical type timestamp-millis or timestamp-micros.
            identity: The fields that identify an event.
        """
        names = [field["name"] for field in avro_schema["fields"]]
        needed = avro_schema["fields"][: 1 + max(names.index(name) for name in (time, *identity))]
        per_ms = 1_000 if needed[names.index(time)]["type"]["logicalType"] == "timestamp-micros" else 1
        return cls({**avro_schema, "fields": _plain(needed)}, identity, time, per_ms)


@dataclass(frozen=True)
class Receipts:
    """What arrived, in the order of arrival."""

    identities: npt.NDArray[np.int64]
    """A hash of each record's event, shape (n,)."""
    created_ms: npt.NDArray[np.int64]
    """When the events were made, in milliseconds since the epoch, UTC, shape (n,)."""
    received_ms: npt.NDArray[np.float64]
    """When the records arrived, likewise."""
    others: int
    """Records of other schemas: dead letters."""


def receive(line: Line, settings: Settings, begin: Offsets, prefixes: Mapping[int, Prefix]) -> Receipts:
    """Consume until asked to end. Tells the number of records so far, a few times a second; 0 when it has begun.

    Args:
        line: To the process that started this one.
        settings: Where Kafka is.
        begin: The offsets to begin at, by topic and partition.
        prefixes: How to read a record, by the schema id in its header. A record with another id is counted alone.
    """
    from confluent_kafka import Consumer, TopicPartition

    # The broker answers as soon as there is a record: nothing is gained by waiting for more.
    consumer = Consumer(settings.kafka(group_id="riskloom-bench", enable_auto_commit=False, fetch_wait_max_ms=100))
    identities, created, received, others = array("q"), array("q"), array("d"), 0
    readers = {schema_id: _reader(prefix) for schema_id, prefix in prefixes.items()}
    told = 0.0
    try:
        consumer.assign([TopicPartition(t, p, offset) for t, parts in begin.items() for p, offset in parts.items()])
        while True:
            first = consumer.poll(_POLL_S)
            messages = [first, *consumer.consume(_BATCH, 0)] if first is not None else []
            now_s = time.time()
            for message in messages:
                if message.error():
                    continue
                value = message.value() or b""
                reader = readers.get(int.from_bytes(value[1:_HEADER], "big", signed=True))
                if reader is None:
                    others += 1
                    continue
                identity, made = reader(value)
                identities.append(identity)
                created.append(made)
                received.append(now_s * 1000)
            if now_s - told >= _TELL_S:
                told = now_s
                line.tell(len(received) + others)
                if line.asked_to_end:
                    break
    finally:
        consumer.close()
    return Receipts(
        np.frombuffer(identities, np.int64), np.frombuffer(created, np.int64), np.frombuffer(received), others
    )


def _plain(avro: Any) -> Any:
    """Leave out the logical types: a timestamp is read as a number, a uuid as text."""
    if isinstance(avro, Mapping):
        return {name: _plain(part) for name, part in avro.items() if name != "logicalType"}
    return [_plain(part) for part in avro] if isinstance(avro, list) else avro


def _reader(prefix: Prefix) -> Callable[[bytes], tuple[int, int]]:
    import fastavro

    schema, name, per_ms = fastavro.parse_schema(dict(prefix.schema)), str(prefix.schema["name"]), prefix.per_ms

    def read(value: bytes) -> tuple[int, int]:
        body = io.BytesIO(value)
        body.seek(_HEADER)
        record: Any = fastavro.schemaless_reader(body, schema, None)
        return hash((name, *(record[field] for field in prefix.identity))), record[prefix.time] // per_ms

    return read
