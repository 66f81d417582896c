"""Avro types in words, for people who read a schema and not its JSON."""

from __future__ import annotations

from typing import Any


def type_in_words(avro: Any) -> str:
    """Say an Avro type.

    Args:
        avro: The type: a name, a union or a definition.

    Returns:
        Such as `string (uuid)`, `double or null`, `list of string`, `map of double`, `one of auto, home`.
    """
    if isinstance(avro, str):
        return avro
    if isinstance(avro, list):
        known = [type_in_words(branch) for branch in avro if branch != "null"]
        return " or ".join([*known, "null"] if "null" in avro else known)
    match avro["type"]:
        case "array":
            return f"list of {type_in_words(avro['items'])}"
        case "map":
            return f"map of {type_in_words(avro['values'])}"
        case "enum":
            return f"one of {', '.join(avro['symbols'])}"
        case "record":
            fields = ", ".join(f"{field['name']} {type_in_words(field['type'])}" for field in avro["fields"])
            return f"record ({fields})"
        case "fixed":
            kind = f"{avro['size']} bytes"
        case other:
            kind = type_in_words(other)
    return f"{kind} ({avro['logicalType']})" if "logicalType" in avro else kind
