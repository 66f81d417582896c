"""What differs between two versions of a schema, in words, whether it breaks something or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from riskloom.schemas.model import Array, AvroType, Enum, Field, Fixed, Map, Record, Union
from riskloom.schemas.parse import parse


def changes(older: Any, newer: Any) -> list[str]:
    """List the changes from one schema to the next.

    Args:
        older: A schema, as JSON gives it.
        newer: The one that came after it.

    Returns:
        One line for each change; empty when they are equal. Where nothing but documentation, the order of fields and
        the like differs, one line says so.

    Raises:
        NotAvro: If one is no Avro schema.
    """
    found = list(dict.fromkeys(_Walk().compare(parse(older), parse(newer), "")))
    return found or (["documentation, aliases or the order of fields"] if older != newer else [])


class _Walk:
    def __init__(self) -> None:
        # Records that hold themselves are compared once.
        self._seen: set[tuple[AvroType, AvroType]] = set()

    def compare(self, old: AvroType, new: AvroType, path: str) -> Iterator[str]:
        if (old, new) in self._seen:
            return
        self._seen.add((old, new))
        where = f"field `{path}`" if path else "the schema"
        match old, new:
            case Union(), Union() if [_key(b) for b in old.branches] == [_key(b) for b in new.branches]:
                for before, after in zip(old.branches, new.branches, strict=True):
                    yield from self.compare(before, after, path)
            case Array(), Array():
                yield from self.compare(old.items, new.items, f"{path}[]")
            case Map(), Map():
                yield from self.compare(old.values, new.values, f"{path}{{}}")
            case Record(), Record():
                yield from _renamed(old, new, where)
                yield from self._compare_fields(old, new, path)
            case Enum(), Enum():
                yield from _renamed(old, new, where)
                yield from _symbols(old, new, where)
            case _ if old.label != new.label:
                yield f"{where}: {old.label} became {new.label}"

    def _compare_fields(self, old: Record, new: Record, path: str) -> Iterator[str]:
        before = {field.name: field for field in old.fields}
        kept = set()
        for field in new.fields:
            inner = f"{path}.{field.name}" if path else field.name
            name = next((name for name in (field.name, *field.aliases) if name in before), None)
            if name is None:
                yield f"field `{inner}` added: {field.type.label}{_default(field)}"
                continue
            kept.add(name)
            if name != field.name:
                yield f"field `{inner}` was called `{name}`"
            if _default(before[name]) != _default(field):
                was, now = (_default(one) or ", no default" for one in (before[name], field))
                yield f"field `{inner}`: {was[2:]} became {now[2:]}"
            yield from self.compare(before[name].type, field.type, inner)
        for field in old.fields:
            if field.name not in kept:
                yield f"field `{f'{path}.' if path else ''}{field.name}` removed: {field.type.label}"


def _key(avro: AvroType) -> str:
    """What makes a type the same branch of a union as another."""
    return avro.full_name if isinstance(avro, Record | Enum | Fixed) else avro.kind


def _renamed(old: Record | Enum, new: Record | Enum, where: str) -> Iterator[str]:
    if old.full_name != new.full_name:
        yield f"{where}: {old.kind} {old.full_name} is now called {new.full_name}"


def _symbols(old: Enum, new: Enum, where: str) -> Iterator[str]:
    for verb, these, those in (("added", new, old), ("removed", old, new)):
        symbols = [symbol for symbol in these.symbols if symbol not in those.symbols]
        if symbols:
            yield f"{where}: enum symbols {verb}: {', '.join(symbols)}"
    if old.default != new.default:
        yield f"{where}: default symbol {old.default or 'none'} became {new.default or 'none'}"


def _default(field: Field) -> str:
    return f", default {json.dumps(field.default)}" if field.has_default else ""
