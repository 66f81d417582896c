"""Every Avro type can be published: from columns, and from the rows of a file."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
from every_type import SCHEMA, branch_of, records
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.produce.coerce import row_coercer
from riskloom.produce.encode import BatchEncoder, row_encoder
from riskloom.schemas.arrow import record_batch

PARSED = fastavro.parse_schema(SCHEMA)
KINDS = {field["name"]: field["type"] for field in SCHEMA["fields"]}


def read(value: bytes) -> Any:
    body = io.BytesIO(value[5:])
    record: Any = fastavro.schemaless_reader(body, PARSED, None)
    assert not body.read()
    return record


def in_column(value: Any, kind: Any) -> Any:
    """A value as a record batch takes it."""
    match kind:
        case [*branches] if len(branches) - ("null" in branches) > 1:
            if value is None:
                return None
            return {f"member{branch_of(value, branches)}": in_column(value, None)}
        case {"type": "map"}:
            return list(value.items())
    return str(value) if isinstance(value, UUID) else value


@settings(max_examples=60, deadline=None)
@given(events=st.lists(records, min_size=1, max_size=3))
def test_columns_are_published_as_they_are(events: list[dict[str, Any]]) -> None:
    columns = {name: [in_column(event[name], kind) for event in events] for name, kind in KINDS.items()}
    encoder = BatchEncoder(SCHEMA, 7, "user")
    (encoded,) = encoder.encode(record_batch(SCHEMA, columns))
    assert [read(value) for value in encoded.values.to_pylist()] == events


def in_json(value: Any) -> Any:
    """A value as JSON has it."""
    match value:
        case dict():
            return {key: in_json(item) for key, item in value.items()}
        case list():
            return [in_json(item) for item in value]
        case bytes():
            return value.decode("latin-1")
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
    return value


@settings(max_examples=60, deadline=None)
@given(event=records)
def test_rows_of_files_are_published_as_they_are(event: dict[str, Any]) -> None:
    # The first branch that takes a value is meant: text that stands for bytes is also that of a colour.
    if isinstance(event["a_union_of_enum"], bytes):
        event["a_union_of_enum"] = None
    row = json.loads(json.dumps({name: in_json(value) for name, value in event.items()}))
    record = row_coercer(SCHEMA)(row, False)
    assert read(row_encoder(SCHEMA, 7)(record)) == event


def test_bytes_among_others_are_told_from_text_by_what_fits() -> None:
    event = {"a_union_of_enum": "not a colour"}
    kind = {"type": "record", "name": "Some", "fields": [f for f in SCHEMA["fields"] if f["name"] in event]}
    kind["fields"][0] = {"name": "a_union_of_enum", "type": ["null", KINDS["an_enum"], "bytes"]}
    assert row_coercer(kind)(event, False) == {"a_union_of_enum": ("bytes", b"not a colour")}
