"""What of Avro riskloom can use: types that are sound Avro, and yet have no meaning in SQL or none that is safe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_MOST_DIGITS = 38
"""Of a decimal, in Spark as in Arrow."""

_BASES = {
    "date": {"int"},
    "time-millis": {"int"},
    "time-micros": {"long"},
    "timestamp-millis": {"long"},
    "timestamp-micros": {"long"},
    "local-timestamp-millis": {"long"},
    "local-timestamp-micros": {"long"},
    "decimal": {"bytes", "fixed"},
    "uuid": {"string", "fixed"},
}
_NAMED = {"record", "error", "enum", "fixed"}


def unusable(avro_schema: Mapping[str, Any]) -> list[str]:
    """List what riskloom cannot use of a schema.

    Args:
        avro_schema: An Avro record schema that Avro itself finds nothing wrong with.

    Returns:
        One line for each type at fault, with the path of its field; empty when all can be used.
    """
    return list(_Walk().fields(avro_schema, ""))


class _Walk:
    def __init__(self) -> None:
        self._named: dict[str, Mapping[str, Any]] = {}
        self._open: list[str] = []

    def fields(self, record: Mapping[str, Any], path: str) -> Iterator[str]:
        name = _short(record["name"])
        self._named[name] = record
        self._open.append(name)
        counts = Counter(field["name"].lower() for field in record["fields"])
        if path:
            for twin in (field for field, count in counts.items() if count > 1):
                yield f"field {path!r}: its record has {counts[twin]} fields {twin!r}: SQL does not tell cases apart"
        for field in record["fields"]:
            yield from self.type(field["type"], f"{path}.{field['name']}" if path else field["name"])
        self._open.pop()

    def type(self, avro: Any, path: str) -> Iterator[str]:
        if isinstance(avro, list):
            for branch in avro:
                yield from self.type(branch, path)
        elif isinstance(avro, str):
            if _short(avro) in self._open:
                yield (
                    f"field {path!r}: record {_short(avro)!r} holds itself, and SQL has no type for it: "
                    "give it as deep as it gets, or as text"
                )
        else:
            yield from self._definition(avro, path)

    def _definition(self, avro: Mapping[str, Any], path: str) -> Iterator[str]:
        kind = avro["type"]
        if kind in _NAMED:
            before = self._named.setdefault(_short(avro["name"]), avro)
            if before is not avro:
                yield f"field {path!r}: two types are called {_short(avro['name'])!r}: rename one"
        if isinstance(avro.get("logicalType"), str):
            yield from _logical(avro, path)
        match kind:
            case "record" | "error":
                yield from self.fields(avro, path)
            case "array":
                if self._takes_no_bytes(avro["items"]):
                    yield (
                        f"field {path!r}: its items take no bytes, so that a record could claim any number of them: "
                        "use a count"
                    )
                yield from self.type(avro["items"], f"{path}[]")
            case "map":
                yield from self.type(avro["values"], f"{path}{{}}")
            case dict() | list():
                yield from self.type(kind, path)

    def _takes_no_bytes(self, avro: Any) -> bool:
        if isinstance(avro, str):
            avro = self._named.get(_short(avro), avro)
        if not isinstance(avro, Mapping):
            return bool(avro == "null")
        match avro["type"]:
            case "record" | "error":
                # One that holds itself does so in a union, an array or a map, which take a byte.
                return all(self._takes_no_bytes(field["type"]) for field in avro["fields"])
            case "fixed":
                return bool(avro["size"] == 0)
            case other:
                return bool(other == "null")


def _logical(avro: Mapping[str, Any], path: str) -> Iterator[str]:
    """Name logical types that Avro ignores where they stand: half of the readers would not."""
    name, kind = avro["logicalType"], avro["type"]
    if name in _BASES and kind not in _BASES[name]:
        bases = " or ".join(sorted(_BASES[name]))
        yield f"field {path!r}: logical type {name!r} is of {bases}, not of {kind}"
    elif name == "uuid" and kind == "fixed" and avro["size"] != 16:
        yield f"field {path!r}: a uuid has 16 bytes, not {avro['size']}"
    elif name == "decimal" and avro["precision"] > _MOST_DIGITS:
        yield f"field {path!r}: a decimal has at most {_MOST_DIGITS} digits, and its precision is {avro['precision']}"


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]
