"""A Kafka broker in this process: librdkafka's own, which takes and gives records and makes topics on first use."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition

from riskloom.settings import Settings


class MockKafka:
    """The broker's address, and what was sent to it."""

    def __init__(self) -> None:
        self._cluster = Producer({"test.mock.num.brokers": 1, "log_level": 0})
        (broker,) = self._cluster.list_topics(timeout=10).brokers.values()
        self.settings = Settings(bootstrap_servers=f"{broker.host}:{broker.port}")

    def send(self, topic: str, values: Sequence[bytes | None]) -> None:
        """Write records without keys, all to partition 0."""
        producer = Producer(self.settings.kafka())
        for value in values:
            producer.produce(topic, value, partition=0)
        assert producer.flush(20) == 0

    def records(self, topic: str, count: int) -> list[Any]:
        """Read so many records, of each partition in order."""
        consumer = Consumer(
            {**self.settings.kafka(), "group.id": "test", "auto.offset.reset": "earliest", "log_level": 0}
        )
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
            found: list[Any] = []
            while len(found) < count:
                found += consumer.consume(min(count - len(found), 10_000), 20)
            return found
        finally:
            consumer.close()

    def decoded(self, topic: str, count: int, schema: Mapping[str, Any], schema_id: int) -> list[dict[str, Any]]:
        """Read records in the Confluent wire format."""
        start = b"\0" + schema_id.to_bytes(4, "big")
        values = [record.value() for record in self.records(topic, count)]
        assert all(value.startswith(start) for value in values)
        parsed = fastavro.parse_schema(dict(schema))
        return [fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None) for value in values]  # type: ignore[misc]
