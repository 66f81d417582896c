from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.produce.coerce import UnfitError, row_coercer

MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
UUID_TYPE = {"type": "string", "logicalType": "uuid"}
ENUM = {"type": "enum", "name": "Kind", "symbols": ["card", "cash"]}
DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
PLACE = {"type": "record", "name": "Place", "fields": [{"name": "latitude", "type": "double"}]}
WHEN = 1_767_323_045_678
ID = "6f1c1f4e-2f0e-4a57-9d5a-0d7a3f0c1b2e"


def schema_of(avro: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Event", "fields": [{"name": "v", "type": avro}]}


def coerced(avro: Any, value: Any, text: bool = False) -> Any:
    return row_coercer(schema_of(avro))({"v": value}, text)["v"]


@pytest.mark.parametrize(
    ("avro", "value", "expected"),
    [
        ("boolean", True, True),
        ("int", 5.0, 5),
        ("long", -(2**63), -(2**63)),
        ("double", 3, 3.0),
        ("float", -1.5, -1.5),
        ("string", "é", "é"),
        ("bytes", "é", b"\xe9"),
        ("bytes", b"ab", b"ab"),
        ({"type": "fixed", "name": "Two", "size": 2}, "ab", b"ab"),
        ("null", None, None),
        (UUID_TYPE, ID, ID),
        (UUID_TYPE, UUID(ID), ID),
        (ENUM, "cash", "cash"),
        (MILLIS, WHEN, WHEN),
        (MILLIS, "2026-01-02T03:04:05.678Z", WHEN),
        (MILLIS, "2026-01-02T03:04:05.678", WHEN),
        (MILLIS, "2026-01-02 04:04:05.678999+01:00", WHEN),
        (MILLIS, "1969-12-31T23:59:59.999Z", -1),
        (MILLIS, datetime(2026, 1, 2, 5, 4, 5, 678000, timezone(timedelta(hours=2))), WHEN),
        (MICROS, "2026-01-02T03:04:05.678901Z", WHEN * 1000 + 901),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, datetime(1970, 1, 2), 86_400_000),
        ({"type": "int", "logicalType": "date"}, "2026-01-02", date(2026, 1, 2)),
        ({"type": "int", "logicalType": "date"}, 3, 3),
        ({"type": "int", "logicalType": "time-millis"}, "03:04:05", time(3, 4, 5)),
        (DECIMAL, "12.34", Decimal("12.34")),
        (DECIMAL, 12.5, Decimal("12.5")),
        (DECIMAL, 7, Decimal(7)),
        ({"type": "array", "items": "double"}, [1, 2.5], [1.0, 2.5]),
        ({"type": "map", "values": ["null", "int"]}, {"a": 1, "b": None}, {"a": 1, "b": None}),
        (PLACE, {"latitude": 1, "more": 2}, {"latitude": 1.0}),
        (["null", "int"], None, None),
        (["int", "null"], 4, 4),
        (["null", "int", "string"], "a", ("string", "a")),
        (["null", "string", ENUM], "cash", ("string", "cash")),
        ([PLACE, {"type": "map", "values": "int"}], {"a": 1}, ("map", {"a": 1})),
        ({"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"}, ID, UUID(ID).bytes),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, "1970-01-02T00:00+05:00", 86_400_000),
        ({"type": "string", "logicalType": "unheard-of"}, "a", "a"),
    ],
)
def test_values_are_brought_to_their_type(avro: Any, value: Any, expected: Any) -> None:
    made = coerced(avro, value)
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("avro", "text", "expected"),
    [
        ("boolean", "True", True),
        ("boolean", "0", False),
        ("int", "-5", -5),
        ("double", "1e3", 1000.0),
        ("string", "5", "5"),
        ("string", "", ""),
        (["null", "string"], "", None),
        (["null", "double"], "2", 2.0),
        ("null", "", None),
        (MILLIS, str(WHEN), WHEN),
        (MILLIS, "2026-01-02T03:04:05.678Z", WHEN),
        (DECIMAL, "1.5", Decimal("1.5")),
        ({"type": "array", "items": "string"}, '["a", "b"]', ["a", "b"]),
        ({"type": "map", "values": "double"}, '{"x": 1}', {"x": 1.0}),
        (PLACE, '{"latitude": 2}', {"latitude": 2.0}),
        (["null", {"type": "array", "items": "int"}], "", None),
    ],
)
def test_text_of_a_csv_cell_is_read(avro: Any, text: str, expected: Any) -> None:
    assert coerced(avro, text, text=True) == expected


@pytest.mark.parametrize(
    ("avro", "value", "text", "problem"),
    [
        ("boolean", 1, False, "expected true or false, not 1"),
        ("boolean", "yes", True, "expected true or false"),
        ("int", 2**31, False, "expected a number from -2147483648 to 2147483647"),
        ("int", 1.5, False, "expected a whole number, not 1.5"),
        ("int", True, False, "expected a whole number, not True"),
        ("int", "5", False, "expected a whole number, not '5'"),
        ("int", "five", True, "expected a whole number, not 'five'"),
        ("long", "", True, "expected a whole number, not ''"),
        ("double", "1", False, "expected a number, not '1'"),
        ("double", True, False, "expected a number"),
        ("double", float("nan"), False, "expected a finite number"),
        ("double", 10**400, False, "expected a number"),
        ("double", "inf", True, "expected a finite number"),
        ("float", 1e300, False, "expected a finite number"),
        ("string", 5, False, "expected a string, not 5"),
        ("string", "a" * 100, None, ""),
        ("bytes", "\u20ac", False, "expected bytes"),
        ({"type": "fixed", "name": "Two", "size": 2}, "abc", False, "expected 2 bytes"),
        ("null", 0, False, "expected null, not 0"),
        (UUID_TYPE, "abc", False, "expected a UUID, not 'abc'"),
        (UUID_TYPE, 5, False, "expected a UUID"),
        (ENUM, "cart", False, "expected one of 'card', 'cash', not 'cart'; did you mean 'card'?"),
        (ENUM, None, False, "expected one of"),
        (MILLIS, "yesterday", False, "expected a time in ISO 8601"),
        (MILLIS, "yesterday", True, "expected a time in ISO 8601, or a whole number since the epoch"),
        (MILLIS, None, False, "expected a time in ISO 8601, or a whole number"),
        (MILLIS, 1.5, False, "expected a time"),
        ({"type": "int", "logicalType": "date"}, "2026-13-01", False, "expected a date"),
        (DECIMAL, "1.234", False, "expected a decimal number of 4 digits, 2 of them after the point"),
        (DECIMAL, "123", False, "expected a decimal number of 4 digits"),
        (DECIMAL, "NaN", False, "expected a decimal number of 4 digits"),
        (DECIMAL, True, False, "expected a decimal number, not True"),
        ({"type": "array", "items": "int"}, "[1", True, "expected a list in JSON, not '[1'"),
        ({"type": "array", "items": "int"}, {"a": 1}, False, "expected a list"),
        ({"type": "array", "items": "int"}, [1, "x", None], False, "[1]: expected a whole number, not 'x'; v: [2]:"),
        ({"type": "map", "values": "int"}, {"a": "x"}, False, "['a']: expected a whole number"),
        (PLACE, {}, False, "latitude: is required and missing"),
        (["null", "int"], "x", False, "expected a whole number, not 'x'"),
        (["int", "boolean"], "x", False, "expected a whole number, not 'x' and expected true or false, not 'x'"),
        ("string", ["a" * 100], False, "aaa..."),
    ],
)
def test_what_does_not_fit_is_told(avro: Any, value: Any, text: bool | None, problem: str) -> None:
    if text is None:
        assert coerced(avro, value) == value
        return
    with pytest.raises(UnfitError) as caught:
        coerced(avro, value, text)
    assert str(caught.value).startswith("v: ")
    assert problem in str(caught.value)


EVENT = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "event_id", "type": UUID_TYPE},
        {"name": "happened_at", "type": MILLIS},
        {"name": "amount", "type": "double"},
        {"name": "kind", "type": ENUM, "default": "card"},
        {"name": "raw", "type": "bytes", "default": "\u00ff"},
        {"name": "note", "type": ["null", "string"]},
        {"name": "nested", "type": ["null", "Event"], "default": None},
    ],
}


def test_missing_fields_get_their_default_or_null() -> None:
    row = row_coercer(EVENT)({"event_id": ID, "happened_at": 5, "amount": 1, "bogus": 3}, False)
    assert row == {
        "event_id": ID,
        "happened_at": 5,
        "amount": 1.0,
        "kind": "card",
        "raw": b"\xff",
        "note": None,
        "nested": None,
    }


def test_an_empty_cell_gets_the_default() -> None:
    row = row_coercer(EVENT)({"event_id": ID, "happened_at": "5", "amount": "1", "kind": "", "note": ""}, True)
    assert (row["kind"], row["note"]) == ("card", None)


def test_all_problems_of_a_row_are_listed() -> None:
    with pytest.raises(UnfitError) as caught:
        row_coercer(EVENT)({"event_id": "x", "amuont": 1, "kind": "cart"}, False)
    assert caught.value.problems == [
        "event_id: expected a UUID, not 'x'",
        "happened_at: is required and missing",
        "amount: is required and missing; did you mean 'amuont'?",
        "kind: expected one of 'card', 'cash', not 'cart'; did you mean 'card'?",
    ]


def test_a_record_may_hold_itself() -> None:
    inner = {"event_id": ID, "happened_at": 5, "amount": 1}
    assert row_coercer(EVENT)({**inner, "nested": inner}, False)["nested"]["amount"] == 1.0
    with pytest.raises(UnfitError, match="nested: amount: expected a number"):
        row_coercer(EVENT)({**inner, "nested": {**inner, "amount": "x"}}, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
FIELDS: dict[str, Any] = {
    "boolean": "boolean",
    "int": "int",
    "float": "float",
    "double": ["double", "null"],
    "string": "string",
    "bytes": "bytes",
    "uuid": UUID_TYPE,
    "enum": ENUM,
    "decimal": DECIMAL,
    "millis": MILLIS,
    "micros": ["null", MICROS],
    "date": {"type": "int", "logicalType": "date"},
    "time": {"type": "int", "logicalType": "time-millis"},
    "array": {"type": "array", "items": ["null", "long"]},
    "map": {"type": "map", "values": "string"},
    "place": PLACE,
}


@settings(deadline=None)
@given(st.sampled_from(sorted(FIELDS)), JSON | st.text().map(str.strip), st.booleans())
def test_anything_is_written_or_refused(field: str, value: Any, text: bool) -> None:
    """A row that gets through can be encoded; one that does not is refused and nothing else happens."""
    schema = schema_of(FIELDS[field])
    try:
        record = row_coercer(schema)({"v": str(value) if text else value}, text)
    except UnfitError:
        return
    try:
        fastavro.schemaless_writer(io.BytesIO(), fastavro.parse_schema(schema), record)
    except UnicodeEncodeError:
        assert any("\ud800" <= character <= "\udfff" for character in str(record))


ROWS = st.fixed_dictionaries(
    {
        "event_id": st.uuids().map(str),
        "happened_at": st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)),
        "amount": st.floats(allow_nan=False, allow_infinity=False),
        "kind": st.sampled_from(["card", "cash"]),
        "note": st.none() | st.text(st.characters(exclude_categories=("Cs",)), min_size=1),
    }
)


@given(ROWS)
def test_rows_survive_json_and_csv(row: dict[str, Any]) -> None:
    expected = {
        **row,
        "happened_at": (row["happened_at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1),
    }
    coerce = row_coercer(EVENT)
    as_json = json.loads(json.dumps({**row, "happened_at": row["happened_at"].isoformat()}))
    as_csv = {name: "" if value is None else str(value) for name, value in row.items()}
    for made in (coerce(as_json, False), coerce(as_csv, True)):
        assert {name: made[name] for name in row} == expected
