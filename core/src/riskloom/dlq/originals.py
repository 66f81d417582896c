"""Records read again from where they stand, when a dead letter does not repeat them."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from riskloom.dlq.letters import Letter
from riskloom.dlq.places import Place
from riskloom.dlq.reading import consumer
from riskloom.errors import DeliveryError
from riskloom.offsets import first_offsets
from riskloom.settings import Settings

_SEEK_BEYOND = 2000
"""Records that are read over rather than jumped: a jump costs a request."""
_POLL_S = 0.1
_PATIENCE = 300


@dataclass(frozen=True)
class Original:
    """A record's bytes."""

    key: bytes | None
    value: bytes | None


class Originals:
    """Reads records by their places. A context: its end closes the connection.

    Args:
        settings: Where Kafka is.
        topics: Those that exist.
    """

    def __init__(self, settings: Settings, topics: frozenset[str]) -> None:
        self._settings = settings
        self._topics = topics
        self._consumer = consumer(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._consumer.close()

    def has_topic(self, name: str) -> bool:
        """Say whether a topic exists."""
        return name in self._topics

    def read(self, letters: Iterable[Letter]) -> dict[Place, Original]:
        """Read the records that some letters are about.

        Returns:
            By place; one that has expired, or that is another record since its topic was made anew, is left out.

        Raises:
            DeliveryError: If Kafka does not answer.
        """
        wanted: defaultdict[str, defaultdict[int, dict[int, Letter]]] = defaultdict(lambda: defaultdict(dict))
        for letter in letters:
            if letter.place.source in self._topics:
                wanted[letter.place.source][letter.place.partition][letter.place.offset] = letter
        found: dict[Place, Original] = {}
        for topic, partitions in wanted.items():
            first = first_offsets(self._settings, [topic])[topic]
            for partition, by_offset in partitions.items():
                there = {offset: by_offset[offset] for offset in sorted(by_offset) if offset >= first.get(partition, 0)}
                if partition in first and there:
                    self._read_partition(topic, partition, there, found)
        return found

    def _read_partition(
        self, topic: str, partition: int, wanted: dict[int, Letter], found: dict[Place, Original]
    ) -> None:
        from confluent_kafka import KafkaError, TopicPartition

        waiting = list(wanted)
        position, silent = waiting[0], 0
        self._consumer.assign([TopicPartition(topic, partition, position)])
        while waiting:
            if waiting[0] > position + _SEEK_BEYOND:
                position = waiting[0]
                self._consumer.seek(TopicPartition(topic, partition, position))
            batch: list[Any] = self._consumer.consume(500, _POLL_S)
            silent = 0 if batch else silent + 1
            if silent > _PATIENCE:
                raise DeliveryError(
                    f"Kafka at {self._settings.bootstrap_servers} does not answer: {topic} cannot be read"
                )
            for record in batch:
                if record.error() is not None:
                    if record.error().code() == KafkaError._PARTITION_EOF:
                        waiting = []
                    continue
                # A seek may be followed by records that were fetched before it.
                if record.offset() < position:
                    continue
                position = record.offset() + 1
                while waiting and waiting[0] < record.offset():
                    waiting.pop(0)
                if waiting and waiting[0] == record.offset():
                    letter = wanted[waiting.pop(0)]
                    if _is_of(letter, record):
                        found[letter.place] = Original(record.key(), record.value())
        self._consumer.unassign()


def _is_of(letter: Letter, record: Any) -> bool:
    """Say whether a record is the one that a letter is about, and not one of a topic of the same name."""
    value = record.value() or b""
    same_schema = len(value) >= 5 and struct.unpack_from(">bI", value)[1] == letter.schema_id
    kind, written_ms = record.timestamp()
    return same_schema and (kind == 0 or written_ms <= letter.failed_at.timestamp() * 1000 + 60_000)
