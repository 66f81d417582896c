"""A set of places in Kafka, as large as the disk: topics of dead letters may hold more than the memory does."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple, Self


class Place(NamedTuple):
    """Where a record stands: a topic, or a file for what never got into one; then its partition is -1."""

    source: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """Write it as one word, such as `insurance-claims/3/1042`."""
        return f"{self.source}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` writes.

        Raises:
            ValueError: If it is not a place.
        """
        source, partition, offset = text.rsplit("/", 2)
        return cls(source, int(partition), int(offset))


class Places:
    """Places, each once. A context: its end removes the file that holds what did not fit into memory."""

    def __init__(self) -> None:
        # An empty name is SQLite's own temporary file, which has no name in the file system.
        self._rows = sqlite3.connect("", isolation_level=None)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute(
            "CREATE TABLE places (source INT, part INT, at INT, PRIMARY KEY (source, part, at)) WITHOUT ROWID"
        )
        self._sources: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._rows.close()

    def __contains__(self, place: Place) -> bool:
        found = self._rows.execute("SELECT 1 FROM places WHERE source = ? AND part = ? AND at = ?", self._row(place))
        return found.fetchone() is not None

    def add(self, place: Place) -> bool:
        """Add a place; answer whether it is new."""
        added = self._rows.execute("INSERT OR IGNORE INTO places VALUES (?, ?, ?)", self._row(place))
        return added.rowcount > 0

    def _row(self, place: Place) -> tuple[int, int, int]:
        return self._sources.setdefault(place.source, len(self._sources)), place.partition, place.offset
