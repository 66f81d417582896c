"""What the producer is compared with: librdkafka given encoded bytes, and confluent's own Avro serializer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import cycle
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from riskloom.produce.client import DEFAULTS, UNPACED
from riskloom.produce.columns import Encoded
from riskloom.produce.encode import BatchEncoder
from riskloom.produce.producer import mixed_shares
from riskloom.schemas.registry import registry_client

if TYPE_CHECKING:
    import pyarrow as pa
    from confluent_kafka import Producer
    from confluent_kafka.schema_registry import SchemaRegistryClient

    from riskloom.discovery import InstalledDomain
    from riskloom.domain import EventDomain
    from riskloom.settings import Settings

Item = TypeVar("Item")

# In librdkafka's queue: enough for full batches on every partition, and never more than it takes, as a message that it
# refuses costs far more than one that it takes.
_QUEUED = 100_000
_QUEUE_FULL_WAIT_S = 0.005
_DICTS = 10_000  # of each domain, as a dict of some 35 values takes kilobytes
_ROWS = 500  # serialized between two looks at the clock


@dataclass(frozen=True)
class Sent:
    """What a loop did."""

    events: int
    """Handed to librdkafka; none is waited for any more."""
    seconds: float
    """From the first event to the last acknowledgement."""


Loop = Callable[[float], Sent]
"""Sends for so many seconds, as fast as it goes, and waits for the rest."""


class Loops:
    """Sends events of all domains that were made beforehand, over and over, as fast as it goes.

    Args:
        settings: Where Kafka and the registry are; the topics exist.
        domains: The domains, mixed by their shares.
        schema_ids: The registry's ids of their schemas, by topic.
        events: How many events to make, of all domains together.
        seed: Of the generators.
    """

    def __init__(
        self,
        settings: Settings,
        domains: Sequence[InstalledDomain],
        schema_ids: Mapping[str, int],
        events: int,
        seed: int,
    ) -> None:
        self._settings, self._schema_ids = settings, schema_ids
        shares = mixed_shares(domains, None)
        self._made = [(one, _events(one, round(events * shares[one.name]), seed)) for one in domains]

    def raw(self) -> Loop:
        """Encode the events; the loop gives the bytes to librdkafka, without a delivery callback."""
        parts = _in_turns(
            [(one.domain.topic.name, _messages(part)) for part in self._encoder(one).encode(events)]
            for one, events in self._made
        )

        def loop(seconds: float) -> Sent:
            producer, sent, begin = self._producer(), 0, time.monotonic()
            for topic, messages in cycle(parts):
                if time.monotonic() - begin >= seconds:
                    break
                _make_room(producer, len(messages))
                sent += producer.produce_batch(topic, messages)
            producer.flush()
            return Sent(sent, time.monotonic() - begin)

        return loop

    def avro_serializer(self) -> Loop:
        """Make dicts of the events; the loop serializes with confluent's `AvroSerializer` and produces one by one."""
        parts = _in_turns(
            [(one.domain, rows[n : n + _ROWS]) for n in range(0, len(rows), _ROWS)]
            for one, rows in (
                (one, events.slice(0, _DICTS).to_pylist(maps_as_pydicts="lossy")) for one, events in self._made
            )
        )

        def loop(seconds: float) -> Sent:
            producer, sent = self._producer(), 0
            with registry_client(self._settings) as registry:
                serializers = {one.name: self._serializer(registry, one.domain) for one, _ in self._made}
                begin = time.monotonic()
                for domain, rows in cycle(parts):
                    if time.monotonic() - begin >= seconds:
                        break
                    _make_room(producer, len(rows))
                    topic, key, serialize = domain.topic.name, domain.key, serializers[domain.name]
                    for row in rows:
                        producer.produce(topic, serialize(row), str(row[key]))
                    sent += len(rows)
                producer.flush()
                return Sent(sent, time.monotonic() - begin)

        return loop

    def _serializer(self, registry: SchemaRegistryClient, domain: EventDomain) -> Callable[[Any], bytes]:
        from confluent_kafka.schema_registry import topic_subject_name_strategy
        from confluent_kafka.schema_registry.avro import AvroSerializer
        from confluent_kafka.serialization import MessageField, SerializationContext

        serializer = AvroSerializer(
            registry,
            json.dumps(domain.avro_schema),
            conf={
                "auto.register.schemas": False,
                "use.schema.id": self._schema_ids[domain.topic.name],
                "subject.name.strategy": topic_subject_name_strategy,
            },
        )
        return partial(serializer, ctx=SerializationContext(domain.topic.name, MessageField.VALUE))

    def _encoder(self, installed: InstalledDomain) -> BatchEncoder:
        domain = installed.domain
        return BatchEncoder(domain.avro_schema, self._schema_ids[domain.topic.name], domain.key)

    def _producer(self) -> Producer:
        """Make a producer with the same properties as riskloom's own."""
        from confluent_kafka import Producer

        return Producer({**DEFAULTS, **UNPACED, **self._settings.kafka()})


def _events(installed: InstalledDomain, n: int, seed: int) -> pa.RecordBatch:
    module, _, factory = installed.domain.generator.partition(":")
    now = time.time_ns() // 1_000_000
    made: pa.RecordBatch = getattr(import_module(module), factory)(seed=seed).batch(
        np.linspace(now - 60_000, now, n).astype(np.int64)
    )
    return made


def _messages(events: Encoded) -> list[dict[str, Any]]:
    """Make what confluent-kafka's `produce_batch` wants."""
    columns = events.values.to_pylist(), events.keys.to_pylist()
    return [{"value": value, "key": key} for value, key in zip(*columns, strict=True)]


def _make_room(producer: Producer, messages: int) -> None:
    producer.poll(0)
    while len(producer) + messages > _QUEUED:
        producer.poll(_QUEUE_FULL_WAIT_S)


def _in_turns(lists: Iterable[Sequence[Item]]) -> list[Item]:
    """Mix lists of different lengths, each spread evenly over the whole."""
    placed = [((n + 0.5) / len(items), item) for items in lists for n, item in enumerate(items)]
    return [item for _, item in sorted(placed, key=lambda pair: pair[0])]
