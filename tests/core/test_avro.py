from __future__ import annotations

from typing import Any

import fastavro
import pytest
from every_type import SCHEMA

from riskloom.avro import unusable

PLACE = {"type": "record", "name": "Place", "fields": [{"name": "city", "type": "string"}]}
EMPTY = {"type": "record", "name": "Empty", "fields": []}


def record(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "Event", "fields": [{"name": "f", "type": kind}]}


def decimal(base: Any, precision: Any, scale: Any = 0) -> dict[str, Any]:
    kind = {"type": "fixed", "name": "Money", "size": base} if isinstance(base, int) else {"type": base}
    return kind | {"logicalType": "decimal", "precision": precision, "scale": scale}


def test_every_type_that_can_be_used_passes() -> None:
    assert unusable(SCHEMA) == []


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (["null", "Event"], "field 'f': record 'Event' holds itself"),
        (
            PLACE | {"fields": [{"name": "parts", "type": {"type": "array", "items": "Place"}}]},
            "field 'f.parts[]': record 'Place' holds itself",
        ),
        ({"type": "array", "items": "null"}, "field 'f': its items take no bytes"),
        ({"type": "array", "items": EMPTY}, "field 'f': its items take no bytes"),
        ({"type": "map", "values": {"type": "array", "items": "null"}}, "field 'f{}': its items take no bytes"),
        (decimal("bytes", 39), "field 'f': a decimal has at most 38 digits, and its precision is 39"),
        (decimal(20, 40), "field 'f': a decimal has at most 38 digits, and its precision is 40"),
        ({"type": "long", "logicalType": "date"}, "field 'f': logical type 'date' is of int, not of long"),
        (
            {"type": "int", "logicalType": "timestamp-millis"},
            "field 'f': logical type 'timestamp-millis' is of long, not of int",
        ),
        (
            {"type": "bytes", "logicalType": "uuid"},
            "field 'f': logical type 'uuid' is of fixed or string, not of bytes",
        ),
        ({"type": "fixed", "name": "Id", "size": 8, "logicalType": "uuid"}, "field 'f': a uuid has 16 bytes, not 8"),
        (
            PLACE | {"fields": [{"name": "city", "type": "int"}, {"name": "City", "type": "int"}]},
            "field 'f': its record has 2 fields 'city'",
        ),
        (
            PLACE | {"fields": [{"name": "at", "type": PLACE | {"name": "other.Place"}}]},
            "field 'f.at': two types are called 'Place'",
        ),
    ],
)
def test_a_type_that_cannot_be_used_is_told_with_its_field(kind: Any, problem: str) -> None:
    schema = record(kind)
    fastavro.parse_schema(schema)  # Avro finds nothing wrong with it
    (told,) = unusable(schema)
    assert told.startswith(problem)


def test_all_problems_are_told_at_once() -> None:
    schema = record({"type": "array", "items": "null"})
    schema["fields"].append({"name": "g", "type": decimal("bytes", 50)})
    assert [problem[:9] for problem in unusable(schema)] == ["field 'f'", "field 'g'"]


@pytest.mark.parametrize(
    "kind", [{"type": "long", "logicalType": "timestamp-nanos"}, {"type": "string", "logicalType": 5}]
)
def test_a_logical_type_that_is_unknown_is_left_alone(kind: Any) -> None:
    assert unusable(record(kind)) == []
