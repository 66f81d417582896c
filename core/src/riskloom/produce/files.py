"""Rows of JSON lines, CSV and Avro files, read as a stream, each with its line number and its raw bytes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from riskloom.errors import SettingsError
from riskloom.suggest import did_you_mean

MAX_LINE_BYTES = 512 * 1024
"""Longer lines are bad rows: with its reason, a row must fit a Kafka message of 1 MB, in `dead-letters` too."""

_KEPT_BYTES = 64 * 1024  # of a line that is too long
_GZIP = b"\x1f\x8b"
_BROKEN_GZIP = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclass(frozen=True)
class Row:
    """One row of a file."""

    line: int
    """Line number of its beginning, from 1; in an Avro file, its number."""
    raw: bytes
    """The row as it stands in the file; in an Avro file, its Avro body."""
    values: Mapping[str, Any] | None
    """The values by column; None when the row cannot be read."""
    reason: str = ""
    """Why it cannot be read, as a code: `invalid_json`, `invalid_csv`, `invalid_encoding`, `line_too_long`,
    `invalid_avro`, `corrupt_file`. After the last one no row follows."""
    detail: str = ""
    """The same in words."""


@dataclass(frozen=True)
class EventFile:
    """A file of events."""

    path: Path
    is_text: bool
    """Whether values are text that stands for numbers and the like: CSV."""
    read: Callable[[IO[bytes]], Iterator[Row]]

    def rows(self) -> Iterator[Row]:
        """Read the rows, one after the other; a gzip-compressed file is recognised by its first bytes.

        Raises:
            SettingsError: If the file cannot be opened, or its header cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                packed = file.read(len(_GZIP)) == _GZIP
                file.seek(0)
                yield from self.read(gzip.GzipFile(fileobj=file) if packed else file)  # type: ignore[arg-type]
        except OSError as error:
            raise SettingsError(f"--input {self.path}: {error.strerror or error}") from None


def event_file(path: Path) -> EventFile:
    """Tell a file's format from its name.

    Args:
        path: A name that ends in `.jsonl`, `.ndjson`, `.json`, `.csv` or `.avro`, each also with `.gz`.

    Raises:
        SettingsError: If it ends otherwise.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in _READERS:
        raise SettingsError(
            f"--input {path}: the format {suffix or 'without a suffix'!r} is unknown{did_you_mean(suffix, _READERS)}\n"
            f"Give a file that ends in {', '.join(_READERS)}, or one of these and .gz."
        )
    return EventFile(path, is_text=suffix == ".csv", read=_READERS[suffix])


@dataclass(frozen=True)
class _Line:
    number: int
    raw: bytes
    whole: bool


def _lines(file: IO[bytes]) -> Iterator[_Line]:
    """Split a file into lines; of one that is too long only the beginning is kept."""
    number = 0
    while raw := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        whole = len(raw) <= MAX_LINE_BYTES
        rest = raw
        while not rest.endswith(b"\n") and (rest := file.readline(MAX_LINE_BYTES)):
            pass
        yield _Line(number, raw if whole else raw[:_KEPT_BYTES], whole)


def _too_long(line: _Line) -> Row:
    detail = f"the line is longer than {MAX_LINE_BYTES} bytes; its first {_KEPT_BYTES} are kept"
    return Row(line.number, line.raw, None, "line_too_long", detail)


def _corrupt(number: int, error: Exception) -> Row:
    return Row(number, b"", None, "corrupt_file", f"the file cannot be read further: {type(error).__name__}: {error}")


def _json_rows(file: IO[bytes]) -> Iterator[Row]:
    number = 0
    try:
        for line in _lines(file):
            number = line.number
            if not line.whole:
                yield _too_long(line)
                continue
            raw = line.raw.rstrip(b"\r\n")
            if raw.strip():
                yield _json_row(number, raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw)
    except _BROKEN_GZIP as error:
        yield _corrupt(number + 1, error)


def _json_row(number: int, raw: bytes) -> Row:
    try:
        values = json.loads(raw)
    except UnicodeDecodeError as error:
        return Row(number, raw, None, "invalid_encoding", f"the line is not UTF-8: {error}")
    except (ValueError, RecursionError) as error:
        return Row(number, raw, None, "invalid_json", f"the line is not JSON: {error}")
    if not isinstance(values, dict):
        return Row(number, raw, None, "invalid_json", f"the line is not a JSON object but a {type(values).__name__}")
    return Row(number, raw, values)


class _Recorder:
    """Feeds lines to the CSV reader, and keeps those of the row at hand."""

    def __init__(self, file: IO[bytes]) -> None:
        self._lines = _lines(file)
        self._next = 1
        self.taken: list[_Line] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.taken.append(line)
            raw = line.raw if line.whole else b"\n"
            # Bytes that are not UTF-8 are told from the row's text, once it is known which row they are in.
            text = raw.decode("utf-8", "surrogateescape")
            yield text.removeprefix("\ufeff") if line.number == 1 else text

    def row(self, **parts: Any) -> Row:
        """Make a row of the lines that were taken since the last one."""
        taken, self.taken = self.taken, []
        number = taken[0].number if taken else self._next
        self._next = taken[-1].number + 1 if taken else self._next
        for line in taken:
            if not line.whole:
                return _too_long(line)
        return Row(number, b"".join(line.raw for line in taken).rstrip(b"\r\n")[:MAX_LINE_BYTES], **parts)


def _csv_rows(file: IO[bytes]) -> Iterator[Row]:
    recorder = _Recorder(file)
    reader = csv.reader(recorder, strict=True)
    try:
        header = next(reader, None)
    except (csv.Error, *_BROKEN_GZIP) as error:
        raise SettingsError(
            f"--input: the CSV header cannot be read: {error}\nIts first line must name the columns."
        ) from None
    recorder.row(values=None)
    if header is None:
        return
    twins = sorted({name for name in header if header.count(name) > 1})
    if twins:
        raise SettingsError(f"--input: the CSV header names columns twice: {', '.join(twins)}\nRename one of each.")
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield recorder.row(values=None, reason="invalid_csv", detail=str(error))
            continue
        except _BROKEN_GZIP as error:
            yield _corrupt(recorder.row(values=None).line, error)
            return
        if not cells:
            row = recorder.row(values=None)
            if row.reason:  # it was too long; else it was blank
                yield row
        elif any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
            yield recorder.row(values=None, reason="invalid_encoding", detail="the row is not UTF-8")
        elif len(cells) != len(header):
            detail = f"the row has {len(cells)} values, the header {len(header)} columns"
            yield recorder.row(values=None, reason="invalid_csv", detail=detail)
        else:
            yield recorder.row(values=dict(zip(header, cells, strict=True)))


def _avro_rows(file: IO[bytes]) -> Iterator[Row]:
    import fastavro

    try:
        reader = fastavro.reader(file)
        schema = fastavro.parse_schema(reader.writer_schema)
    except Exception as error:
        raise SettingsError(
            f"--input: this is not an Avro container file: {type(error).__name__}: {error}\n"
            "It must begin with the bytes `Obj` and 1, and hold the schema that it was written with."
        ) from None
    number = 0
    while True:
        number += 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except Exception as error:  # fastavro raises many types for bytes that are not Avro
            yield _corrupt(number, error)
            return
        if isinstance(values, Mapping):
            raw = io.BytesIO()
            fastavro.schemaless_writer(raw, schema, values)
            yield Row(number, raw.getvalue(), values)
        else:
            detail = f"the record is not a record but a {type(values).__name__}"
            yield Row(number, repr(values).encode(), None, "invalid_avro", detail)


_READERS: dict[str, Callable[[IO[bytes]], Iterator[Row]]] = {
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
    ".json": _json_rows,
    ".csv": _csv_rows,
    ".avro": _avro_rows,
}
