"""Pairs of Avro schemas, older and newer, by what the specification's section on schema resolution says of them.

Each pair says whether the newer schema reads records of the older (backward), and the other way round (forward), by the
specification's text. Where Apache Avro for Java or the registry answers otherwise, the pair says what, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Answer = tuple[bool, bool]
"""Backward, forward."""


@dataclass(frozen=True)
class Pair:
    """Two schemas and what is known of them."""

    name: str
    older: Any
    newer: Any
    backward: bool
    forward: bool
    differs: dict[Literal["java", "registry"], tuple[Answer | None, str]] = field(default_factory=dict)
    """Who answers otherwise: the answer, None for an error, and the reason."""

    def answer_of(self, judge: Literal["java", "registry"]) -> Answer | None:
        """What a judge answers."""
        return self.differs[judge][0] if judge in self.differs else (self.backward, self.forward)


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def at(name: str, avro: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": avro, **more}


def of(avro: Any, **more: Any) -> dict[str, Any]:
    """A record with one field `a`."""
    return record(at("a", avro, **more))


def enum(*symbols: str, name: str = "E", **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(size: int, name: str = "F", **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size, **more}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def map_of(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


def decimal(precision: int, scale: int, **more: Any) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale, **more}


def logical(avro: str, name: str) -> dict[str, Any]:
    return {"type": avro, "logicalType": name}


INT, LONG, TEXT = at("a", "int"), at("a", "long"), at("a", "string")
NODE = record(at("value", "int"), at("next", ["null", "Node"], default=None), name="Node")
TREE = record(at("label", "string"), at("children", array("Tree")), name="Tree")
INNER = record(at("x", "int"), name="Inner")
INNER_DEFAULT = record(at("x", "int"), at("y", "int", default=0), name="Inner")
INNER_MORE = record(at("x", "int"), at("y", "int"), name="Inner")
CARD, CASH = record(at("number", "string"), name="Card"), record(at("currency", "string"), name="Cash")

_WHY = "the specification wants equal precision and scale; Avro for Java compares the bytes under a decimal alone"
_UNDER_DECIMALS = {"java": ((True, True), _WHY), "registry": ((True, True), _WHY)}

PAIRS = [
    # "both schemas are the same primitive type", and what each can be promoted to.
    *(Pair(f"same {p}", of(p), of(p), True, True) for p in ("null", "boolean", "int", "long", "float", "double")),
    *(Pair(f"same {p}", of(p), of(p), True, True) for p in ("bytes", "string")),
    Pair("int is promotable to long", of("int"), of("long"), True, False),
    Pair("int is promotable to float", of("int"), of("float"), True, False),
    Pair("int is promotable to double", of("int"), of("double"), True, False),
    Pair("long is promotable to float", of("long"), of("float"), True, False),
    Pair("long is promotable to double", of("long"), of("double"), True, False),
    Pair("float is promotable to double", of("float"), of("double"), True, False),
    Pair("string and bytes are promotable to each other", of("string"), of("bytes"), True, True),
    Pair("int is not promotable to string", of("int"), of("string"), False, False),
    Pair("boolean is not promotable to int", of("boolean"), of("int"), False, False),
    Pair("int is not promotable to boolean", of("int"), of("boolean"), False, False),
    Pair("null is not promotable to int", of("null"), of("int"), False, False),
    Pair("bytes are not fixed", of("bytes"), of(fixed(4)), False, False),
    Pair("string is no enum", of("string"), of(enum("A")), False, False),
    Pair("string is no record", of("string"), of(INNER), False, False),
    Pair("array is no map", of(array("int")), of(map_of("int")), False, False),
    # Records: fields by name, in any order; ignored, defaulted or an error.
    Pair("fields in another order", record(INT, at("b", "string")), record(at("b", "string"), INT), True, True),
    Pair("a field added without a default", record(), record(INT), False, True),
    Pair("a field added with a default", record(), record(at("a", "int", default=1)), True, True),
    Pair("a field added with null as its default", record(), of(["null", "int"], default=None), True, True),
    Pair("a nullable field added without a default", record(), of(["null", "int"]), False, True),
    Pair("a field removed that had a default", of("int", default=1), record(), True, True),
    Pair("a field removed that had none", of("int"), record(), True, False),
    Pair("a default removed", of("int", default=1), of("int"), True, True),
    Pair("a default changed", of("int", default=1), of("int", default=2), True, True),
    Pair("a field renamed", record(at("a", "int")), record(at("b", "int")), False, False),
    Pair("a field renamed with an alias", of("int"), record(at("b", "int", aliases=["a"])), True, False),
    Pair("a field renamed with an alias and promoted", of("int"), record(at("b", "long", aliases=["a"])), True, False),
    Pair(
        "a field renamed with an alias, of another type",
        of("int"),
        record(at("b", "string", aliases=["a"])),
        False,
        False,
    ),
    Pair(
        "a field whose aliases match two fields",
        record(at("a", "int"), at("b", "int")),
        record(at("c", "int", aliases=["a", "b"])),
        False,
        False,
        {
            "java": (None, "SchemaCompatibility cannot choose, and throws an exception"),
            "registry": (None, "it says that the schema is invalid, for the same reason"),
        },
    ),
    Pair("other documentation and order", of("int", doc="x"), of("int", doc="y", order="ignore"), True, True),
    Pair("two changes at once", record(INT, at("b", "int")), record(TEXT, at("c", "int")), False, False),
    # Names: "the same (unqualified) name", or an alias.
    Pair("a record renamed", record(INT, name="A"), record(INT, name="B"), False, False),
    Pair("a record renamed with an alias", record(INT, name="A"), record(INT, name="B", aliases=["A"]), True, False),
    Pair("a record in another namespace", record(INT, name="n.A"), record(INT, name="m.A"), True, True),
    Pair(
        "an alias relative to the namespace",
        record(INT, name="A", namespace="n"),
        record(INT, name="B", namespace="n", aliases=["A"]),
        True,
        False,
    ),
    Pair(
        "an alias of another namespace",
        record(INT, name="A", namespace="n"),
        record(INT, name="B", namespace="m", aliases=["n.A"]),
        True,
        False,
    ),
    Pair(
        "an alias that lacks its namespace",
        record(INT, name="A", namespace="n"),
        record(INT, name="B", namespace="m", aliases=["A"]),
        False,
        False,
    ),
    Pair(
        "the namespace written in the name", record(INT, name="A", namespace="n"), record(INT, name="n.A"), True, True
    ),
    Pair("an enum renamed", of(enum("A", name="X")), of(enum("A", name="Y")), False, False),
    Pair("an enum renamed with an alias", of(enum("A", name="X")), of(enum("A", name="Y", aliases=["X"])), True, False),
    Pair("a fixed renamed", of(fixed(4, name="X")), of(fixed(4, name="Y")), False, False),
    Pair("a fixed renamed with an alias", of(fixed(4, name="X")), of(fixed(4, name="Y", aliases=["X"])), True, False),
    Pair("a nested record renamed", of(record(INT, name="X")), of(record(INT, name="Y")), False, False),
    Pair("an enum in another namespace", of(enum("A", name="n.X")), of(enum("A", name="m.X")), True, True),
    Pair("a fixed in another namespace", of(fixed(4, name="n.X")), of(fixed(4, name="m.X")), True, True),
    # Enums.
    Pair("a symbol added", of(enum("A", "B")), of(enum("A", "B", "C")), True, False),
    Pair("a symbol removed", of(enum("A", "B", "C")), of(enum("A", "B")), False, True),
    Pair("a symbol removed, with a default", of(enum("A", "B")), of(enum("A", default="A")), True, True),
    Pair(
        "a symbol added to an enum with a default",
        of(enum("A", default="A")),
        of(enum("A", "B", default="A")),
        True,
        True,
    ),
    Pair("a field's default is not the enum's", of(enum("A", "B")), of(enum("A"), default="A"), False, True),
    Pair("symbols in another order", of(enum("A", "B")), of(enum("B", "A")), True, True),
    Pair("a symbol renamed", of(enum("A", "B")), of(enum("A", "C")), False, False),
    # Fixed.
    Pair("fixed of the same size", of(fixed(16)), of(fixed(16)), True, True),
    Pair("fixed of another size", of(fixed(16)), of(fixed(20)), False, False),
    # Arrays and maps: "applied recursively".
    Pair("items promoted", of(array("int")), of(array("long")), True, False),
    Pair("items of another type", of(array("int")), of(array("string")), False, False),
    Pair("values promoted", of(map_of("float")), of(map_of("double")), True, False),
    Pair("values of another type", of(map_of("float")), of(map_of("boolean")), False, False),
    Pair("an array in a map, promoted", of(map_of(array("int"))), of(map_of(array("double"))), True, False),
    Pair("a field added in an item", of(array(INNER)), of(array(INNER_MORE)), False, True),
    Pair("a field with a default added in a value", of(map_of(INNER)), of(map_of(INNER_DEFAULT)), True, True),
    # Nested records.
    Pair("a field added in a nested record", of(INNER), of(INNER_MORE), False, True),
    Pair("a field with a default added in a nested record", of(INNER), of(INNER_DEFAULT), True, True),
    Pair(
        "a type defined elsewhere in the record",
        record(at("a", INNER), at("b", "Inner")),
        record(at("b", INNER_DEFAULT), at("a", "Inner")),
        True,
        True,
    ),
    # Unions: both, the reader's alone, the writer's alone.
    Pair("made nullable", of("int"), of(["null", "int"]), True, False),
    Pair("made nullable and promoted", of("int"), of(["null", "long"]), True, False),
    Pair("made nullable and narrowed", of("long"), of(["null", "int"]), False, False),
    Pair("null dropped", of(["null", "int"]), of("int"), False, True),
    Pair("a branch added", of(["null", "int"]), of(["null", "int", "string"]), True, False),
    Pair("a branch removed", of(["null", "int", "string"]), of(["null", "int"]), False, True),
    Pair("branches in another order", of(["null", "int"]), of(["int", "null"]), True, True),
    Pair("a branch promoted", of(["null", "int"]), of(["null", "double"]), True, False),
    Pair("a branch replaced", of(["null", "int"]), of(["null", "string"]), False, False),
    Pair("a union of one and its type", of(["int"]), of("int"), True, True),
    Pair("every branch promoted to one type", of(["int", "float"]), of("double"), True, False),
    Pair("a record of a union changed", of(["null", INNER]), of(["null", INNER_MORE]), False, True),
    Pair("a record of a union with a default more", of(["null", INNER]), of(["null", INNER_DEFAULT]), True, True),
    Pair("a record added to a union", of([CARD]), of([CARD, CASH]), True, False),
    Pair("records of a union in another order", of([CARD, CASH]), of([CASH, CARD]), True, True),
    Pair("an enum of a union has got a symbol", of(["null", enum("A")]), of(["null", enum("A", "B")]), True, False),
    Pair("a union in an array", of(array(["null", "int"])), of(array(["null", "int", "string"])), True, False),
    # Records that hold themselves.
    Pair("a list of nodes", NODE, NODE, True, True),
    Pair(
        "nodes of another value",
        NODE,
        record(at("value", "string"), at("next", ["null", "Node"], default=None), name="Node"),
        False,
        False,
    ),
    Pair(
        "nodes with a default more",
        NODE,
        record(*NODE["fields"], at("weight", "double", default=1.0), name="Node"),
        True,
        True,
    ),
    Pair(
        "a tree whose nodes have a field more", TREE, record(*TREE["fields"], at("n", "int"), name="Tree"), False, True
    ),
    # Logical types: unknown ones are ignored, and what is under them counts. But decimals must match.
    Pair("a uuid of a string", of("string"), of(logical("string", "uuid")), True, True),
    Pair("a timestamp of a long", of("long"), of(logical("long", "timestamp-millis")), True, True),
    Pair("another unit", of(logical("long", "timestamp-millis")), of(logical("long", "timestamp-micros")), True, True),
    Pair("a date widened to a long", of(logical("int", "date")), of("long"), True, False),
    Pair("the same decimal", of(decimal(10, 2)), of(decimal(10, 2)), True, True),
    Pair("another scale", of(decimal(10, 2)), of(decimal(10, 4)), False, False, _UNDER_DECIMALS),
    Pair("another precision", of(decimal(10, 2)), of(decimal(12, 2)), False, False, _UNDER_DECIMALS),
    Pair(
        "a scale of none is one of 0",
        of({"type": "bytes", "logicalType": "decimal", "precision": 9}),
        of(decimal(9, 0)),
        True,
        True,
    ),
    Pair(
        "another scale of a fixed decimal",
        of(fixed(8, logicalType="decimal", precision=10, scale=2)),
        of(fixed(8, logicalType="decimal", precision=10, scale=3)),
        False,
        False,
        _UNDER_DECIMALS,
    ),
    Pair(
        "a decimal that is none, as its scale exceeds its precision", of(decimal(2, 4)), of(decimal(10, 2)), True, True
    ),
    Pair("bytes read as a decimal", of("bytes"), of(decimal(10, 2)), True, True),
    Pair(
        "a decimal in a union",
        of(["null", decimal(10, 2)]),
        of(["null", decimal(10, 3)]),
        False,
        False,
        _UNDER_DECIMALS,
    ),
]
