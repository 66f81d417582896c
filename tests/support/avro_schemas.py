"""Strategies: Avro schemas of any shape, and changes of them as an author makes them."""

from __future__ import annotations

import copy
from itertools import count
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from riskloom.schemas.defaults import simplest
from riskloom.schemas.parse import NotAvro, parse

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")


class _Author:
    """Writes schemas, each named type with a name of its own."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.numbers = count()

    def choose(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def type(self, depth: int) -> Any:
        kind = self.choose("primitive", "primitive", "enum", "fixed", "array", "map", "union", "record")
        if kind == "primitive" or (depth == 0 and kind in {"array", "map", "union", "record"}):
            return self.choose(*PRIMITIVES)
        match kind:
            case "enum":
                return {"type": "enum", "name": self.name("E"), "symbols": ["A", "B"]}
            case "fixed":
                return {"type": "fixed", "name": self.name("F"), "size": self.choose(1, 2)}
            case "array":
                return {"type": "array", "items": self.type(depth - 1)}
            case "map":
                return {"type": "map", "values": self.type(depth - 1)}
            case "union":
                return [self.choose("null", "int"), self.choose("string", "double"), self.record(depth - 1)]
        return self.record(depth - 1)

    def record(self, depth: int) -> dict[str, Any]:
        fields = [self.field(depth) for _ in range(self.choose(0, 1, 2))]
        return {"type": "record", "name": self.name("R"), "fields": fields}

    def field(self, depth: int) -> dict[str, Any]:
        field = {"name": self.name("f"), "type": self.type(depth)}
        return with_default(field) if self.choose(True, False) else field

    def name(self, prefix: str) -> str:
        return f"{prefix}{next(self.numbers)}"

    def change(self, avro: Any) -> Any:
        """Change one thing, at the top or somewhere below."""
        if isinstance(avro, list):
            return self.change_union(avro)
        match avro["type"] if isinstance(avro, dict) else avro:
            case "record" if avro["fields"] and self.choose(True, True, False):
                field = self.choose(*avro["fields"])
                field["type"] = self.change(field["type"])
                field.pop("default", None)
            case "record":
                self.change_fields(avro)
            case "array":
                avro["items"] = self.change(avro["items"])
            case "map":
                avro["values"] = self.change(avro["values"])
            case "enum":
                match self.choose("more", "less", "default", "name"):
                    case "more":
                        avro["symbols"] = [*avro["symbols"], self.name("C")]
                    case "less" if len(avro["symbols"]) > 1:
                        avro["symbols"] = avro["symbols"][1:]
                    case "default":
                        avro |= {"symbols": avro["symbols"][:1], "default": avro["symbols"][0]}
                    case _:
                        self.rename(avro)
            case "fixed":
                avro["size"] += 1
            case _:
                nullable = avro if avro == "null" else ["null", avro]
                return self.choose(nullable, self.type(1), *PRIMITIVES)
        return avro

    def change_union(self, avro: list[Any]) -> Any:
        match self.choose("more", "less", "order", "branch", "one"):
            case "more":
                return [*avro, self.type(1)]
            case "less":
                return avro[1:]
            case "order":
                return avro[::-1]
            case "one":
                return avro[-1]
        number = self.choose(*range(len(avro)))
        return [*avro[:number], self.change(avro[number]), *avro[number + 1 :]]

    def change_fields(self, avro: dict[str, Any]) -> None:
        match self.choose("more", "less", "order", "field", "name"):
            case "more":
                avro["fields"].append(self.field(1))
            case "less":
                avro["fields"] = avro["fields"][1:]
            case "order":
                avro["fields"] = avro["fields"][::-1]
            case "field" if avro["fields"]:
                self.rename(avro["fields"][0])
            case _:
                self.rename(avro)

    def rename(self, named: dict[str, Any]) -> None:
        before, named["name"] = named["name"], self.name("n")
        if self.choose(True, False):
            named["aliases"] = [before]


def with_default(field: dict[str, Any]) -> dict[str, Any]:
    return {**field, "default": simplest(parse(field["type"]))}


@st.composite
def schemas(draw: Any) -> dict[str, Any]:
    """A record schema."""
    return _Author(draw).record(3)


@st.composite
def pairs(draw: Any) -> tuple[Any, Any]:
    """A schema and what became of it by one to three changes."""
    author = _Author(draw)
    older = author.record(3)
    newer = copy.deepcopy(older)
    for _ in range(author.choose(1, 2, 3)):
        newer = author.change(newer)
    try:
        parse(newer)
    except NotAvro:
        assume(False)
    return older, newer
