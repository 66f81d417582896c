"""Labelled events of a file, as records to score."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from riskloom.discovery import InstalledDomain
from riskloom.errors import SettingsError
from riskloom.evaluate.labels import Labels, pattern_of
from riskloom.produce.coerce import UnfitError, row_coercer
from riskloom.produce.encode import row_encoder
from riskloom.produce.files import event_file
from riskloom.stream.batch import RECORDS
from riskloom.suggest import did_you_mean

_log = logging.getLogger(__name__)
_BLOCK = 8_192
_TOLD = 5  # rows whose fault is told one by one

SCHEMA_ID = 1
"""The id of the domain's schema in the records."""


class LabelledFile:
    """Reads a file's events in its order.

    Args:
        installed: The domain.
        path: The file.
        label: The field that says which events are bad: of the schema or beside it. Default: the domain's label.
        warm_up_days: Days of the file, from its first event on, that only fill the windows.

    Raises:
        SettingsError: If the file's format is unknown, or no label is named.
    """

    def __init__(self, installed: InstalledDomain, path: Path, label: str | None, warm_up_days: float) -> None:
        named = label or installed.domain.label
        if named is None:
            raise SettingsError(f"domain {installed.name!r} declares no label: name the file's with --label FIELD")
        self.label: str = named
        self.labels = Labels()
        self.rejected = 0
        self._domain, self._file, self._warm_up_days = installed.domain, event_file(path), warm_up_days

    def records(self) -> Iterator[pa.RecordBatch]:
        """Read the events as records, and their labels on the way. Rows that do not fit the schema are left out.

        Raises:
            SettingsError: If the file cannot be read, or has no such label.
        """
        domain, offset = self._domain, 0
        coerce, encode = row_coercer(domain.avro_schema), row_encoder(domain.avro_schema, SCHEMA_ID)
        unit = 1 if _is_millis(domain.avro_schema, domain.event_time) else 1000
        begin: int | None = None
        ids: list[str] = []
        values: list[bytes] = []
        patterns: list[str | None] = []
        times: list[int] = []

        def block() -> pa.RecordBatch:
            nonlocal begin, offset
            begin = min(times) if begin is None else begin
            counted = np.array(times) >= begin + self._warm_up_days * 86_400_000
            self.labels.add(pa.array(ids, pa.string()), pa.array(patterns, pa.string()), counted)
            offsets = pa.array(np.arange(offset, offset + len(ids)))
            batch = pa.RecordBatch.from_arrays(
                [pa.repeat(domain.topic.name, len(ids)), pa.array(values, pa.binary()), offsets], schema=RECORDS
            )
            offset += len(ids)
            for part in (ids, values, patterns, times):
                part.clear()
            return batch

        for row in self._file.rows():
            if row.values is None:
                self._reject(row.line, row.detail)
                continue
            if self.label not in row.values:
                raise SettingsError(
                    f"--label: line {row.line} of {self._file.path} has no field {self.label!r}"
                    f"{did_you_mean(self.label, row.values)}"
                )
            try:
                record = coerce(
                    _schema_part(row.values, domain.avro_schema, self.label, domain.label), self._file.is_text
                )
                value = encode(record)
            except UnfitError as error:
                self._reject(row.line, str(error))
                continue
            except (ValueError, TypeError, OverflowError) as error:
                self._reject(row.line, f"{type(error).__name__}: {error}")
                continue
            ids.append(record[domain.event_id])
            values.append(value)
            patterns.append(pattern_of(row.values[self.label], self.label))
            times.append(int(record[domain.event_time]) // unit)
            if len(ids) == _BLOCK:
                yield block()
        if ids:
            yield block()

    def _reject(self, line: int, reason: str) -> None:
        self.rejected += 1
        if self.rejected <= _TOLD:
            _log.warning("%s, line %d is left out: %s", self._file.path, line, reason)


def _schema_part(values: Any, schema: Any, label: str, declared: str | None) -> Any:
    """Leave the label out where it is the domain's own, which is text, and may be anything in a file."""
    return {name: value for name, value in values.items() if name != label} if label == declared else values


def _is_millis(schema: Any, field: str) -> bool:
    kind = next(one["type"] for one in schema["fields"] if one["name"] == field)
    return bool(kind["logicalType"] == "timestamp-millis")
