"""Arrow types for Avro schemas, so that generators make columns and the encoder turns them into Avro."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa

_PRIMITIVES = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
}
_LOGICAL = {
    "date": pa.date32(),
    "time-millis": pa.time32("ms"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("ms", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
}


def arrow_schema(avro_schema: Mapping[str, Any]) -> pa.Schema:
    """Translate an Avro record schema.

    A union of null and one type is that type, nullable. One of several types is a struct, as in SQL: `member0`,
    `member1` and so on, in the union's order without null, of which one is not null. Enums and uuid strings are
    strings.

    Args:
        avro_schema: An Avro record schema.

    Raises:
        ValueError: If a field's type has no Arrow counterpart: it is a recursive record.
    """
    named: dict[str, Any] = {}
    return pa.schema([_field(field, named) for field in avro_schema["fields"]])


def record_batch(avro_schema: Mapping[str, Any], columns: Mapping[str, Any]) -> pa.RecordBatch:
    """Build a record batch whose columns are the fields of an Avro schema, in the schema's order.

    Args:
        avro_schema: An Avro record schema.
        columns: An array for each field: NumPy, Arrow or a list, each of the same length n. Times are integers in the
            field's unit since the epoch, UTC.

    Returns:
        A batch of n rows.

    Raises:
        ValueError: If a column is missing, is not in the schema, or holds values that do not fit.
    """
    schema = _arrow_schema(_Same(avro_schema))
    names = set(schema.names)
    if set(columns) != names:
        missing, unknown = sorted(names - set(columns)), sorted(set(columns) - names)
        raise ValueError(f"columns do not fit schema {avro_schema['name']!r}: missing {missing}, unknown {unknown}")
    return pa.RecordBatch.from_arrays([_array(columns[f.name], f) for f in schema], schema=schema)


def _array(values: Any, field: pa.Field) -> pa.Array:
    if isinstance(values, pa.Array):
        return values if values.type == field.type else values.cast(field.type)
    try:
        return pa.array(values, type=field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"column {field.name!r}: {error}") from None


class _Same:
    """A schema as the key of a cache: equal to itself alone, which takes no walk through the schema."""

    def __init__(self, avro_schema: Mapping[str, Any]) -> None:
        self.avro_schema = avro_schema

    def __hash__(self) -> int:
        return id(self.avro_schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.avro_schema is other.avro_schema


@lru_cache(maxsize=64)
def _arrow_schema(schema: _Same) -> pa.Schema:
    return arrow_schema(schema.avro_schema)


def _field(field: Mapping[str, Any], named: dict[str, Any]) -> pa.Field:
    kind, nullable = _type(field["type"], named, field["name"])
    return pa.field(field["name"], kind, nullable=nullable)


def _type(avro: Any, named: dict[str, Any], where: str) -> tuple[pa.DataType, bool]:
    if isinstance(avro, list):
        branches = [branch for branch in avro if branch != "null"] or ["null"]
        members = [_type(branch, named, where)[0] for branch in branches]
        if len(members) == 1:
            return members[0], True
        return pa.struct([(f"member{place}", member) for place, member in enumerate(members)]), "null" in avro
    if isinstance(avro, str):
        if avro in _PRIMITIVES:
            return _PRIMITIVES[avro], avro == "null"
        if named.get(avro.rsplit(".", 1)[-1]) is None:
            raise ValueError(f"field {where!r}: type {avro!r} is unknown, or a record that holds itself")
        return named[avro.rsplit(".", 1)[-1]], False
    if avro.get("logicalType") == "decimal":
        return pa.decimal128(avro["precision"], avro.get("scale", 0)), False
    if avro.get("logicalType") in _LOGICAL:
        return _LOGICAL[avro["logicalType"]], False
    match avro["type"]:
        case "record":
            named[avro["name"]] = None
            kind = pa.struct([_field(field, named) for field in avro["fields"]])
            named[avro["name"]] = kind
        case "enum":
            kind = named[avro["name"]] = pa.string()
        case "fixed":
            kind = named[avro["name"]] = pa.binary(avro["size"])
        case "array":
            item, nullable = _type(avro["items"], named, where)
            kind = pa.list_(pa.field("item", item, nullable=nullable))
        case "map":
            item, nullable = _type(avro["values"], named, where)
            kind = pa.map_(pa.string(), pa.field("value", item, nullable=nullable))
        case other:
            kind = _type(other, named, where)[0]
    return kind, False
