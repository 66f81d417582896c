"""Dead letters as they are read back from their topic."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from riskloom.dlq.places import Place
from riskloom.dlq.reading import records, span
from riskloom.errors import DeliveryError
from riskloom.schemas.registry import registry_client, schema_by_id
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC

_CLOCKS_APART = timedelta(hours=1)
"""How far a job's clock, which a letter's time is of, may be from Kafka's, which letters are found by."""
_HEADER = struct.Struct(">bI")


@dataclass(frozen=True)
class Letter:
    """A record that could not be sent, decoded or scored."""

    failed_at: datetime
    stage: str
    domain: str | None
    reason: str
    detail: str
    place: Place
    """Where the record is, or was."""
    schema_id: int | None
    key: bytes | None
    value: bytes | None
    """The record's value; None where it had none, or is to be read again from its place."""

    @property
    def is_at_its_place(self) -> bool:
        """Whether the record itself was fine, so that the letter does not repeat it."""
        return self.value is None and self.stage == "score"


@dataclass(frozen=True)
class Wanted:
    """Which dead letters are meant; what is not given leaves none out."""

    reasons: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    since: datetime | None = None

    def has(self, letter: Letter) -> bool:
        """Say whether a letter is one of them."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (not self.domains or letter.domain in self.domains)
            and (self.since is None or letter.failed_at >= self.since)
        )


@dataclass
class Reading:
    """How far a reading of dead letters has come."""

    total: int = 0
    """Records in the topic to be looked at."""
    read: int = 0
    unreadable: int = 0
    """Records in the topic that are no dead letters."""
    domains: set[str] = field(default_factory=set)
    """Those of all letters that were read, wanted or not; so the reasons."""
    reasons: set[str] = field(default_factory=set)
    tell: Callable[[], None] = field(default=lambda: None)
    """Called after each record."""


def read_letters(settings: Settings, wanted: Wanted, reading: Reading) -> Iterator[Letter]:
    """Read the dead letters that there are now, those of a partition in their order.

    The job may write a letter again after a crash; each is yielded as often as it is there.

    Args:
        settings: Where Kafka and the registry are.
        wanted: Those to yield.
        reading: Is kept up to date.

    Raises:
        DeliveryError: If Kafka cannot be reached or has no dead letters' topic.
        RegistryError: If the registry cannot be reached.
    """
    since = None if wanted.since is None else int((wanted.since - _CLOCKS_APART).timestamp() * 1000)
    found = span(settings, DEAD_LETTERS_TOPIC, since)
    reading.total = sum(end - first for first, end in found.values())
    with registry_client(settings) as client:
        decode = _Decoder(lambda schema_id: schema_by_id(client, schema_id))
        for record in records(settings, DEAD_LETTERS_TOPIC, found):
            reading.read += 1
            letter = decode(record.value())
            if letter is None:
                reading.unreadable += 1
            else:
                reading.domains.add(letter.domain or "")
                reading.reasons.add(letter.reason)
                if wanted.has(letter):
                    yield letter
            reading.tell()


def no_letters_yet(error: DeliveryError) -> bool:
    """Say whether a reading failed only because there never was a dead letter."""
    return f"no topic {DEAD_LETTERS_TOPIC} " in str(error)


class _Decoder:
    """Decodes letters, each by the schema that it was written with."""

    def __init__(self, fetch: Callable[[int], dict[str, Any] | None]) -> None:
        import fastavro

        self._fetch = fetch
        self._reader = fastavro.parse_schema(DEAD_LETTER_SCHEMA)
        self._writers: dict[int, Any] = {}

    def __call__(self, value: Any) -> Letter | None:
        import fastavro

        if value is None or len(value) < _HEADER.size:
            return None
        magic, schema_id = _HEADER.unpack_from(value)
        if magic != 0:
            return None
        if schema_id not in self._writers:
            schema = self._fetch(schema_id)
            self._writers[schema_id] = None if schema is None else fastavro.parse_schema(schema)
        writer = self._writers[schema_id]
        if writer is None:
            return None
        try:
            read: Any = fastavro.schemaless_reader(io.BytesIO(value[_HEADER.size :]), writer, self._reader)
            return _letter(read)
        except Exception:  # foreign bytes make decoders fail in every way there is
            return None


def _letter(read: dict[str, Any]) -> Letter:
    partition = -1 if read["partition"] is None else read["partition"]
    return Letter(
        failed_at=read["failed_at"],
        stage=read["stage"],
        domain=read["domain"],
        reason=read["reason"],
        detail=read["detail"],
        place=Place(read["source"], partition, read["offset"]),
        schema_id=read["schema_id"],
        key=read["key"],
        value=read["value"],
    )
