"""Defaults of fields: whether one fits its type, and one to suggest where there is none."""

from __future__ import annotations

import json
from typing import Any

from riskloom.schemas.model import Array, AvroType, Enum, Fixed, Map, Primitive, Record, Union

_INTEGERS = {"int": 2**31, "long": 2**63}
_SIMPLEST = {
    "null": None,
    "boolean": False,
    "int": 0,
    "long": 0,
    "float": 0.0,
    "double": 0.0,
    "bytes": "",
    "string": "",
}


def misfit(default: Any, avro: AvroType) -> str:
    """Say why a default does not fit a type.

    Args:
        default: The default, as JSON gives it.
        avro: The field's type. A default of a union fits when it fits one of its types.

    Returns:
        A reason, empty when it fits.
    """
    match avro:
        case Union(branches=branches):
            fits = any(not misfit(default, branch) for branch in branches)
        case Array(items=items):
            fits = isinstance(default, list)
            if fits:
                return next((why for value in default if (why := misfit(value, items))), "")
        case Map(values=values):
            fits = isinstance(default, dict)
            if fits:
                return next((why for value in default.values() if (why := misfit(value, values))), "")
        case Record(fields=fields):
            fits = isinstance(default, dict)
            if fits:
                for field in fields:
                    if field.name not in default and not field.has_default:
                        return f"{json.dumps(default)} has no {field.name!r}"
                    if field.name in default and (why := misfit(default[field.name], field.type)):
                        return why
        case Enum(symbols=symbols):
            fits = default in symbols
        case Fixed(size=size):
            fits = _are_bytes(default) and len(default) == size
        case Primitive(kind=kind):
            fits = _fits_primitive(default, kind)
    return "" if fits else f"{json.dumps(default)} is not {avro.label}"


def simplest(avro: AvroType) -> Any:
    """Find the simplest default for a type: null, false, zero, nothing, the first symbol.

    Raises:
        ValueError: If there is none, as a record of this type holds itself and nothing else.
    """
    return _simplest(avro, ())


def _simplest(avro: AvroType, within: tuple[AvroType, ...]) -> Any:
    match avro:
        case Union(branches=branches):
            # Releases of Avro before 1.12 take a default of the first type alone.
            return _simplest(branches[0], within)
        case Array():
            return []
        case Map():
            return {}
        case Enum(symbols=symbols):
            return symbols[0] if symbols else ""
        case Fixed(size=size):
            return "\0" * size
        case Record(fields=fields):
            if avro in within:
                raise ValueError(f"{avro.label} holds itself")
            return {f.name: f.default if f.has_default else _simplest(f.type, (*within, avro)) for f in fields}
    return _SIMPLEST[avro.kind]


def _fits_primitive(default: Any, kind: str) -> bool:
    match kind:
        case "null":
            return default is None
        case "boolean":
            return isinstance(default, bool)
        case "int" | "long":
            most = _INTEGERS[kind]
            return isinstance(default, int) and not isinstance(default, bool) and -most <= default < most
        case "float" | "double":
            return isinstance(default, int | float) and not isinstance(default, bool)
        case "bytes":
            return _are_bytes(default)
    return isinstance(default, str)


def _are_bytes(default: Any) -> bool:
    """Bytes are written as a text whose code points are their values."""
    return isinstance(default, str) and all(ord(character) < 256 for character in default)
