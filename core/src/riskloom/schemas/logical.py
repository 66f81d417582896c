"""Logical types: what bytes or numbers mean, told in a word that two schemas can be compared by."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, log10
from typing import Any


def logical_type(schema: Mapping[str, Any]) -> str:
    """Name the logical type of a schema.

    Args:
        schema: A definition of a primitive or fixed type.

    Returns:
        Such as `timestamp-millis` or `decimal(10, 2)`; empty without one, and for a decimal that is not valid, which
        the specification tells readers to take as plain bytes.
    """
    name = schema.get("logicalType")
    if not isinstance(name, str):
        return ""
    if name != "decimal":
        return name
    precision, scale = schema.get("precision"), schema.get("scale", 0)
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision or precision < 1:
        return ""
    if schema["type"] == "fixed":
        size = schema["size"]
        fits = size > 0 and precision <= floor(log10(2) * (8 * size - 1))
    else:
        fits = schema["type"] == "bytes"
    return f"decimal({precision}, {scale})" if fits else ""


def is_decimal(logical: str) -> bool:
    """Say whether a logical type, as `logical_type` names it, is a decimal."""
    return logical.startswith("decimal(")
