from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskloom.produce.encode import BatchEncoder, fits_pyruhvro, header, row_encoder
from riskloom.schemas.arrow import arrow_schema, record_batch

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
TIMES = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)).map(
    lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000, tzinfo=UTC)
)
SCALARS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "boolean": ("boolean", st.booleans()),
    "int": ("int", st.integers(-(2**31), 2**31 - 1)),
    "long": ({"type": "long"}, st.integers(-(2**63), 2**63 - 1)),
    "float": ("float", st.floats(width=32, allow_nan=False)),
    "double": ("double", st.floats(allow_nan=False)),
    "string": ("string", TEXT),
    "uuid": ({"type": "string", "logicalType": "uuid"}, st.uuids().map(str)),
    "date": ({"type": "int", "logicalType": "date"}, st.dates(date(1950, 1, 1), date(2100, 1, 1))),
    "millis": ({"type": "long", "logicalType": "timestamp-millis"}, TIMES),
    "micros": ({"type": "long", "logicalType": "timestamp-micros"}, TIMES),
}


class Names:
    """Gives the named types of one schema different names."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> str:
        self.count += 1
        return f"Type{self.count}"


@st.composite
def types(draw: st.DrawFn, names: Names, depth: int = 2) -> tuple[Any, st.SearchStrategy[Any]]:
    """Draw a type that pyruhvro knows, and the values that it has."""
    kind = draw(st.sampled_from([*SCALARS, "enum", *(("array", "map", "record") if depth else ())]))
    avro: Any
    values: st.SearchStrategy[Any]
    if kind in SCALARS:
        avro, values = SCALARS[kind]
    elif kind == "enum":
        symbols = draw(st.lists(st.sampled_from("ABCDEF"), min_size=1, unique=True))
        avro, values = {"type": "enum", "name": names.next(), "symbols": symbols}, st.sampled_from(symbols)
    elif kind == "array":
        items, inner = draw(types(names, depth - 1))
        avro, values = {"type": "array", "items": items}, st.lists(inner, max_size=3)
    elif kind == "map":
        items, inner = draw(types(names, depth - 1))
        avro, values = {"type": "map", "values": items}, st.dictionaries(TEXT, inner, max_size=3)
    else:
        fields = {name: draw(types(names, depth - 1)) for name in draw(st.sets(st.sampled_from("abc"), min_size=1))}
        avro = {
            "type": "record",
            "name": names.next(),
            "fields": [{"name": n, "type": t} for n, (t, _) in fields.items()],
        }
        values = st.fixed_dictionaries({n: v for n, (_, v) in fields.items()})
    if draw(st.booleans()):
        avro, values = draw(st.sampled_from([["null", avro], [avro, "null"]])), st.none() | values
    return avro, values


@st.composite
def batches(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw a schema and records of it."""
    names = Names()
    fields = {f"field{number}": draw(types(names)) for number in range(draw(st.integers(1, 4)))}
    schema = {"type": "record", "name": "Event", "fields": [{"name": n, "type": t} for n, (t, _) in fields.items()]}
    schema["fields"].append({"name": "key", "type": "string"})  # type: ignore[attr-defined]
    rows = st.fixed_dictionaries({**{n: v for n, (_, v) in fields.items()}, "key": TEXT})
    return schema, draw(st.lists(rows, min_size=1, max_size=5))


def as_batch(schema: dict[str, Any], rows: list[dict[str, Any]]) -> pa.RecordBatch:
    def plain(value: Any, kind: pa.DataType) -> Any:
        if value is None:
            return None
        if pa.types.is_map(kind):
            return [(key, plain(item, kind.item_type)) for key, item in value.items()]
        if pa.types.is_list(kind):
            return [plain(item, kind.value_type) for item in value]
        if pa.types.is_struct(kind):
            return {field.name: plain(value[field.name], field.type) for field in kind}
        return value

    columns = {
        field.name: pa.array([plain(row[field.name], field.type) for row in rows], type=field.type)
        for field in arrow_schema(schema)
    }
    return record_batch(schema, columns)


def pairs(encoder: BatchEncoder, batch: pa.RecordBatch) -> list[tuple[bytes, str]]:
    parts = list(encoder.encode(batch))
    return [pair for part in parts for pair in zip(part.values.to_pylist(), part.keys.to_pylist(), strict=True)]


def read(schema: dict[str, Any], value: bytes) -> Any:
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(schema), None)
    assert body.read() == b""
    return record


def textual(value: Any) -> Any:
    """Show UUIDs as text, as generators make them."""
    if isinstance(value, dict):
        return {key: textual(item) for key, item in value.items()}
    if isinstance(value, list):
        return [textual(item) for item in value]
    return str(value) if type(value).__name__ == "UUID" else value


@settings(deadline=None)
@given(batches())
def test_what_pyruhvro_writes_is_what_fastavro_reads(drawn: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    schema, rows = drawn
    assert fits_pyruhvro(schema)
    encoded = pairs(BatchEncoder(schema, 258, "key"), as_batch(schema, rows))
    assert [key for _, key in encoded] == [row["key"] for row in rows]
    assert {value[:5] for value, _ in encoded} == {b"\0\0\0\1\2"}
    assert [textual(read(schema, value)) for value, _ in encoded] == rows


@settings(deadline=None)
@given(batches())
def test_a_part_of_a_batch_is_encoded_alike(drawn: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    schema, rows = drawn
    encoder, batch = BatchEncoder(schema, 1, "key"), as_batch(schema, [*rows, rows[0]])
    assert pairs(encoder, batch.slice(1)) == pairs(encoder, batch)[1:]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches())
def test_a_large_batch_is_encoded_in_parts(
    monkeypatch: pytest.MonkeyPatch, drawn: tuple[dict[str, Any], list[dict[str, Any]]]
) -> None:
    schema, rows = drawn
    encoder, batch = BatchEncoder(schema, 1, "key"), as_batch(schema, rows)
    whole = pairs(encoder, batch)
    with monkeypatch.context() as patch:
        patch.setattr("riskloom.produce.encode._PART_EVENTS", 2)
        assert pairs(encoder, batch) == whole


OTHER_TYPES: list[tuple[Any, Any]] = [
    ("bytes", b"\0\xff"),
    ({"type": "fixed", "name": "Two", "size": 2}, b"ab"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, Decimal("-12.30")),
    ({"type": "int", "logicalType": "time-millis"}, time(1, 2, 3, 4000)),
    ({"type": "long", "logicalType": "time-micros"}, time(1, 2, 3, 4)),
    ({"type": "long", "logicalType": "local-timestamp-millis"}, datetime(2026, 1, 2, 3, 4, 5, 6000)),
    ({"type": "array", "items": ["null", "bytes"]}, [b"a", None]),
    ({"type": "map", "values": "bytes"}, {"a": b"b"}),
    ({"type": "record", "name": "Inner", "fields": [{"name": "raw", "type": "bytes"}]}, {"raw": b"b"}),
]


@pytest.mark.parametrize(("avro", "value"), OTHER_TYPES)
def test_types_that_pyruhvro_does_not_know_are_written_too(avro: Any, value: Any) -> None:
    schema = {"type": "record", "name": "Event", "fields": [{"name": "v", "type": avro}, {"name": "k", "type": "long"}]}
    assert not fits_pyruhvro(schema)
    rows = [{"v": value, "k": 5}, {"v": value, "k": -6}]
    encoded = pairs(BatchEncoder(schema, 1, "k"), as_batch(schema, rows))
    assert [(read(schema, value), key) for value, key in encoded] == [(rows[0], "5"), (rows[1], "-6")]


def test_many_events_of_other_types_are_encoded_in_parts() -> None:
    schema = {"type": "record", "name": "E", "fields": [{"name": "v", "type": "bytes"}, {"name": "k", "type": "long"}]}
    rows = [{"v": b"%d" % n, "k": n} for n in range(5_000)]
    parts = list(BatchEncoder(schema, 1, "k").encode(as_batch(schema, rows)))
    assert len(parts) > 1
    assert [read(schema, value) for part in parts for value in part.values.to_pylist()] == rows


def test_a_union_of_several_types_is_not_for_pyruhvro() -> None:
    assert not fits_pyruhvro({"fields": [{"name": "v", "type": ["null", "int", "string"]}]})
    assert not fits_pyruhvro({"fields": [{"name": "v", "type": ["string"]}]})


def test_a_named_type_may_be_used_twice() -> None:
    kind = {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}
    schema = {"type": "record", "name": "E", "fields": [{"name": "a", "type": kind}, {"name": "b", "type": "Kind"}]}
    rows = [{"a": "A", "b": "B"}]
    ((value, _),) = pairs(BatchEncoder(schema, 1, "a"), as_batch(schema, rows))
    assert read(schema, value) == rows[0]


SIMPLE = {"type": "record", "name": "E", "fields": [{"name": "a", "type": "string"}, {"name": "b", "type": "int"}]}


def test_other_columns_are_refused() -> None:
    batch = pa.RecordBatch.from_pydict({"b": [1], "a": ["x"]})
    with pytest.raises(ValueError, match="not the fields of the schema"):
        pairs(BatchEncoder(SIMPLE, 1, "a"), batch)


def test_nulls_in_a_required_column_are_refused() -> None:
    fields = pa.schema([pa.field("a", pa.string(), nullable=False), pa.field("b", pa.int32(), nullable=False)])
    batch = pa.RecordBatch.from_arrays([pa.array(["x", None]), pa.array([1, 2], pa.int32())], schema=fields)
    with pytest.raises(ValueError, match="'a' holds 1 nulls"):
        pairs(BatchEncoder(SIMPLE, 1, "a"), batch)


def test_rows_are_framed() -> None:
    encoded = row_encoder(SIMPLE, 7)({"a": "x", "b": 1})
    assert encoded == header(7) + b"\x02x\x02"
    assert header(0xFFFFFFFF) == b"\0\xff\xff\xff\xff"


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises((ValueError, TypeError)):
        row_encoder(SIMPLE, 7)({"a": "x"})
