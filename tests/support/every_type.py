"""A schema that has every Avro type, values of it as fastavro writes them, and how they look in SQL."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

START = datetime(2024, 5, 6, 7, 8, 9, 123000, UTC)


def _logical(kind: Any, name: str, **more: Any) -> dict[str, Any]:
    return (kind if isinstance(kind, dict) else {"type": kind}) | {"logicalType": name} | more


_MONEY = _logical("bytes", "decimal", precision=20, scale=4)
_CENTS = _logical({"type": "fixed", "name": "Cents", "size": 9}, "decimal", precision=18, scale=2)
_DATE = _logical("int", "date")
_MICROS = _logical("long", "timestamp-micros")
_COLOUR = {"type": "enum", "name": "Colour", "symbols": ["red", "green", "other"], "default": "other"}
_PLACE = {
    "type": "record",
    "name": "Place",
    "fields": [
        {"name": "name", "type": "string"},
        {"name": "seen", "type": ["null", _MICROS]},
        {"name": "price", "type": _MONEY},
        {"name": "colour", "type": ["null", "Colour"]},
    ],
}
TYPES: dict[str, Any] = {
    "a_boolean": "boolean",
    "an_int": "int",
    "a_long": "long",
    "a_float": "float",
    "a_double": "double",
    "a_string": "string",
    "some_bytes": "bytes",
    "a_fixed": {"type": "fixed", "name": "Four", "size": 4},
    "a_fixed_uuid": _logical({"type": "fixed", "name": "Sixteen", "size": 16}, "uuid"),
    "an_enum": _COLOUR,
    "a_decimal": _MONEY,
    "a_fixed_decimal": _CENTS,
    "a_date": _DATE,
    "a_time_millis": _logical("int", "time-millis"),
    "a_time_micros": _logical("long", "time-micros"),
    "a_timestamp_millis": _logical("long", "timestamp-millis"),
    "a_timestamp_micros": _MICROS,
    "a_local_millis": _logical("long", "local-timestamp-millis"),
    "a_local_micros": _logical("long", "local-timestamp-micros"),
    "a_uuid": _logical("string", "uuid"),
    "a_record": _PLACE,
    "an_array": {"type": "array", "items": ["null", "long"]},
    "places": {"type": "array", "items": "Place"},
    "a_map": {"type": "map", "values": "double"},
    "a_map_of_lists": {"type": "map", "values": {"type": "array", "items": "string"}},
    "a_nullable": ["null", "long"],
    "a_nullable_decimal": [_MONEY, "null"],
    "a_nullable_date": ["null", _DATE],
    "a_union": ["null", "string", "long"],
    "a_union_of_record": ["double", "Place"],
    "a_union_of_enum": ["null", "Colour", "bytes"],
}
"""The types by field; a name refers to one that stands before it."""

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Everything",
    "namespace": "test",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "ts", "type": _logical("long", "timestamp-millis")},
        *({"name": name, "type": kind} for name, kind in TYPES.items()),
    ],
}

_text = st.text(st.characters(codec="utf-8"), max_size=8)
_moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30))
_millis = _moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**precision - 1
    return st.integers(-most, most).map(lambda unscaled: Decimal(unscaled).scaleb(-scale))


_PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": _text,
    "bytes": st.binary(max_size=8),
    "null": st.none(),
}
_LOGICAL: dict[str, st.SearchStrategy[Any]] = {
    "date": st.dates(),
    "time-millis": st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)),
    "time-micros": st.times(),
    "timestamp-millis": _millis.map(lambda moment: moment.replace(tzinfo=UTC)),
    "timestamp-micros": _moments.map(lambda moment: moment.replace(tzinfo=UTC)),
    "local-timestamp-millis": _millis,
    "local-timestamp-micros": _moments,
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Generate values of a type, in the form in which fastavro reads and writes them."""
    if isinstance(kind, list):
        return st.one_of(*(values(branch) for branch in kind))
    if isinstance(kind, str):
        return _PRIMITIVES[kind] if kind in _PRIMITIVES else values({"Colour": _COLOUR, "Place": _PLACE}[kind])
    logical = kind.get("logicalType")
    if logical == "decimal":
        return _decimals(kind["precision"], kind["scale"])
    if logical == "uuid" and kind["type"] == "string":
        return st.uuids()
    if logical in _LOGICAL:
        return _LOGICAL[logical]
    match kind["type"]:
        case "record":
            return st.fixed_dictionaries({field["name"]: values(field["type"]) for field in kind["fields"]})
        case "enum":
            return st.sampled_from(kind["symbols"])
        case "fixed":
            return st.binary(min_size=kind["size"], max_size=kind["size"])
        case "array":
            return st.lists(values(kind["items"]), max_size=3)
        case "map":
            return st.dictionaries(_text, values(kind["values"]), max_size=3)
        case other:
            return _PRIMITIVES[other]


records = st.fixed_dictionaries(
    {"id": st.just("e"), "user": st.just("u"), "ts": st.just(START)} | {n: values(kind) for n, kind in TYPES.items()}
)


def branch_of(value: Any, union: list[Any]) -> int:
    """Say which branch of one of the unions above a value belongs to, nulls left out."""
    branches = [branch for branch in union if branch != "null"]
    kinds = {"string": str, "long": int, "double": float, "Place": dict, "Colour": str, "bytes": bytes}
    return next(i for i, branch in enumerate(branches) if type(value) is kinds[branch])


def in_sql(value: Any, kind: Any) -> Any:
    """What Spark's `to_json` must make of a value, numbers as they are."""
    if isinstance(kind, list):
        if value is None:
            return None
        branches = [branch for branch in kind if branch != "null"]
        if len(branches) == 1:
            return in_sql(value, branches[0])
        chosen = branch_of(value, kind)
        return {f"member{i}": in_sql(value, b) if i == chosen else None for i, b in enumerate(branches)}
    if kind == "Place" or (isinstance(kind, dict) and kind["type"] == "record"):
        fields = {field["name"]: field["type"] for field in _PLACE["fields"]}  # type: ignore[attr-defined]
        return {name: in_sql(value[name], fields[name]) for name in fields}
    if isinstance(kind, dict) and kind["type"] == "array":
        return [in_sql(item, kind["items"]) for item in value]
    if isinstance(kind, dict) and kind["type"] == "map":
        return {key: in_sql(item, kind["values"]) for key, item in value.items()}
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            shown = value.isoformat(timespec="microseconds")
            return shown.replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case time():
            micros = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
            return micros // 1000 if kind["logicalType"] == "time-millis" else micros
        case UUID():
            return str(value)
    return value
