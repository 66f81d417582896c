"""Read what a topic holds now: from some offset to its end, a record at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from riskloom.errors import DeliveryError
from riskloom.offsets import end_offsets, first_offsets
from riskloom.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

_BATCH = 1000
_POLL_S = 0.1
"""How long records are gathered: the client waits for as many as it is asked for."""
_PATIENCE = 300
"""Polls without a record, before a broker is held to be gone."""


def consumer(settings: Settings) -> Consumer:
    """Make a consumer that is assigned its partitions, and sees no record of a transaction that was aborted."""
    from confluent_kafka import Consumer

    own = settings.kafka(
        group_id="riskloom-dlq",
        enable_auto_commit=False,
        enable_partition_eof=True,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        # What waits in memory, of each partition: letters come quicker than they are read.
        queued_max_messages_kbytes=16384,
    )
    # librdkafka would print each failed connection.
    return Consumer({"log_level": 2, **own})


def span(settings: Settings, topic: str, since_ms: int | None = None) -> dict[int, tuple[int, int]]:
    """Find what a topic holds.

    Args:
        settings: Where Kafka is.
        topic: A topic that exists.
        since_ms: Leave out what Kafka got before this moment, in milliseconds since the epoch.

    Returns:
        By partition the first offset and the end; empty partitions are left out.

    Raises:
        DeliveryError: If Kafka cannot be reached or there is no such topic.
    """
    first, end = first_offsets(settings, [topic])[topic], end_offsets(settings, [topic])[topic]
    if since_ms is not None:
        first = {partition: max(offset, first[partition]) for partition, offset in _at(settings, topic, end, since_ms)}
    return {partition: (first[partition], last) for partition, last in end.items() if last > first[partition]}


def _at(settings: Settings, topic: str, end: Mapping[int, int], since_ms: int) -> Iterator[tuple[int, int]]:
    from confluent_kafka import TopicPartition

    reader = consumer(settings)
    try:
        asked = [TopicPartition(topic, partition, since_ms) for partition in end]
        for answer in reader.offsets_for_times(asked, timeout=30):
            # Negative: nothing is as new as that.
            yield answer.partition, answer.offset if answer.offset >= 0 else end[answer.partition]
    finally:
        reader.close()


def records(settings: Settings, topic: str, wanted: Mapping[int, tuple[int, int]]) -> Iterator[Message]:
    """Read records, those of a partition in their order.

    Args:
        settings: Where Kafka is.
        topic: The topic.
        wanted: What `span` answers.

    Raises:
        DeliveryError: If Kafka does not answer any more.
    """
    from confluent_kafka import KafkaError, TopicPartition

    reader = consumer(settings)
    left = {partition: end for partition, (_, end) in wanted.items()}
    silent = 0
    try:
        reader.assign([TopicPartition(topic, partition, first) for partition, (first, _) in wanted.items()])
        while left:
            batch: list[Any] = reader.consume(_BATCH, _POLL_S)
            silent = 0 if batch else silent + 1
            if silent > _PATIENCE:
                raise DeliveryError(f"Kafka at {settings.bootstrap_servers} does not answer: {topic} cannot be read on")
            for record in batch:
                partition = record.partition()
                if record.error() is not None:
                    # The last offsets may be those of a transaction's marker, which no consumer is given.
                    if record.error().code() == KafkaError._PARTITION_EOF:
                        left.pop(partition, None)
                elif partition in left:
                    if record.offset() < left[partition]:
                        yield record
                    if record.offset() + 1 >= left[partition]:
                        del left[partition]
    finally:
        reader.close()
