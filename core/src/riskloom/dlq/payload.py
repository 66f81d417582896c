"""A dead letter's record for people: decoded where it can be, else as text, else in hexadecimal digits."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

_HEADER = struct.Struct(">bI")


class Viewer:
    """Shows the bytes of records.

    Args:
        fetch: Answers the Avro schema with an id, or None.
    """

    def __init__(self, fetch: Callable[[int], dict[str, Any] | None]) -> None:
        self._fetch = fetch
        self._schemas: dict[int, Any] = {}

    def __call__(self, value: bytes | None) -> dict[str, Any] | None:
        """Show a record's value.

        Returns:
            None for no value; else an object with one entry: `decoded` (the Avro record, by the schema that it names),
            `text` (printable UTF-8) or `hex`.
        """
        if value is None:
            return None
        decoded = self._decoded(value)
        if decoded is not None:
            return {"decoded": decoded}
        try:
            text = value.decode("utf-8")
        except UnicodeDecodeError:
            return {"hex": value.hex()}
        printable = all(character.isprintable() or character in "\n\r\t" for character in text)
        return {"text": text} if printable and text else {"hex": value.hex()}

    def _decoded(self, value: bytes) -> Any:
        import fastavro

        if len(value) < _HEADER.size or value[0] != 0:
            return None
        _, schema_id = _HEADER.unpack_from(value)
        try:
            if schema_id not in self._schemas:
                schema = self._fetch(schema_id)
                self._schemas[schema_id] = None if schema is None else fastavro.parse_schema(schema)
            if self._schemas[schema_id] is None:
                return None
            body = io.BytesIO(value[_HEADER.size :])
            record = fastavro.schemaless_reader(body, self._schemas[schema_id], None)
        except Exception:  # foreign bytes make decoders fail in every way there is
            return None
        return None if body.read(1) else json.loads(json.dumps(record, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)
