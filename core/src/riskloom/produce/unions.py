"""Unions of several types: from a struct of members, as columns have them, to the branch that fastavro shall write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Convert = Callable[[Any], Any]


def branch_name(branch: Any) -> str:
    """Name a union's branch as fastavro does: by its full name or its type.

    Args:
        branch: A branch of a parsed schema.
    """
    if isinstance(branch, str):
        return branch
    return str(branch.get("name") or branch["type"])


def members_to_branches(avro_schema: Mapping[str, Any]) -> Convert:
    """Make the function that turns rows of a record batch into what fastavro writes.

    Args:
        avro_schema: A parsed Avro record schema: every name in it is a full one.

    Returns:
        A function of a row. Where the schema has no union of several types it is the row itself.
    """
    return _converter(avro_schema, {}) or _same


def _same(value: Any) -> Any:
    return value


def _converter(avro: Any, named: dict[str, Convert | None]) -> Convert | None:
    """Find what is to be done with values of a type; None for nothing."""
    if isinstance(avro, str):
        return named.get(avro)
    if isinstance(avro, list):
        return _union([branch for branch in avro if branch != "null"], named)
    match avro["type"]:
        case "record" | "error":
            fields = {field["name"]: _converter(field["type"], named) for field in avro["fields"]}
            named[avro["name"]] = made = _record({name: part for name, part in fields.items() if part is not None})
            return made
        case "array":
            item = _converter(avro["items"], named)
            return None if item is None else lambda values: [item(value) for value in values]
        case "map":
            value_of = _converter(avro["values"], named)
            return None if value_of is None else lambda values: {key: value_of(v) for key, v in values.items()}
        case dict() | list():
            return _converter(avro["type"], named)
    return None


def _record(parts: Mapping[str, Convert]) -> Convert | None:
    if not parts:
        return None
    return lambda row: row | {name: convert(row[name]) for name, convert in parts.items()}


def _union(branches: list[Any], named: dict[str, Convert | None]) -> Convert | None:
    converters = [_converter(branch, named) or _same for branch in branches]
    if len(branches) == 1:
        convert = converters[0]
        return None if convert is _same else lambda value: None if value is None else convert(value)
    names = [branch_name(branch) for branch in branches]

    def to_branch(members: Mapping[str, Any] | None) -> Any:
        for place, value in enumerate((members or {}).values()):
            if value is not None:
                return names[place], converters[place](value)
        return None

    return to_branch
