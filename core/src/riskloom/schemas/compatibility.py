"""Why a schema cannot read what an older one wrote: Avro's rules of schema resolution, told by field.

The registry decides; this only finds the field at fault in words that a schema's author knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}
_NAMED = {"record", "error", "enum", "fixed"}


def unreadable(written: Mapping[str, Any], read: Mapping[str, Any]) -> list[str]:
    """List what keeps records of one schema from being read as another.

    Args:
        written: The Avro schema of the records.
        read: The Avro schema they are to be read as.

    Returns:
        One line for each field at fault; empty when every record can be read.
    """
    return list(_Comparison(_names(written), _names(read)).compare(written, read, ""))


class _Comparison:
    def __init__(self, written_names: Mapping[str, Any], read_names: Mapping[str, Any]) -> None:
        self._written = written_names
        self._read = read_names
        # Records that hold themselves are compared once.
        self._seen: set[tuple[str, str]] = set()

    def compare(self, written: Any, read: Any, path: str) -> Iterator[str]:
        written = self._written.get(written, written) if isinstance(written, str) else written
        read = self._read.get(read, read) if isinstance(read, str) else read
        if isinstance(written, list):
            for branch in written:
                yield from self.compare(branch, read, path)
        elif isinstance(read, list):
            attempts = {_kind(branch): list(self.compare(written, branch, path)) for branch in read}
            if all(attempts.values()):
                yield from attempts.get(_kind(written), [_changed(path, written, read)])
        else:
            yield from self._compare_types(written, read, path)

    def _compare_types(self, written: Any, read: Any, path: str) -> Iterator[str]:
        match _kind(written), _kind(read):
            case ("record", "record"):
                yield from self._compare_records(written, read, path)
            case ("array", "array"):
                yield from self.compare(written["items"], read["items"], f"{path}[]")
            case ("map", "map"):
                yield from self.compare(written["values"], read["values"], f"{path}{{}}")
            case ("enum", "enum"):
                gone = [symbol for symbol in written["symbols"] if symbol not in read["symbols"]]
                if gone and "default" not in read:
                    yield f"{_field(path)}: the enum has lost {', '.join(gone)} and has no default"
            case ("fixed", "fixed") if written["size"] != read["size"]:
                yield f"{_field(path)}: fixed of {written['size']} bytes became one of {read['size']}"
            case (old, new) if old != new and new not in _PROMOTIONS.get(old, ()):
                yield _changed(path, written, read)

    def _compare_records(self, written: Any, read: Any, path: str) -> Iterator[str]:
        pair = (written["name"], read["name"])
        if pair in self._seen:
            return
        self._seen.add(pair)
        if _short(pair[0]) != _short(pair[1]) and pair[0] not in read.get("aliases", ()):
            yield f"{_field(path)}: the record {pair[0]!r} was renamed {pair[1]!r} without an alias"
        old = {field["name"]: field for field in written["fields"]}
        for field in read["fields"]:
            name = f"{path}.{field['name']}" if path else field["name"]
            before = next((old[n] for n in (field["name"], *field.get("aliases", ())) if n in old), None)
            if before is not None:
                yield from self.compare(before["type"], field["type"], name)
            elif "default" not in field:
                yield f"field {name!r} was added without a default"


def _names(schema: Any) -> dict[str, Any]:
    """Collect the named types of a schema, by short name and by full name."""
    found: dict[str, Any] = {}
    if isinstance(schema, list):
        for branch in schema:
            found |= _names(branch)
    elif isinstance(schema, Mapping):
        if isinstance(schema.get("type"), str) and schema["type"] in _NAMED:
            found |= {schema["name"]: schema, _short(schema["name"]): schema}
            if schema.get("namespace"):
                found[f"{schema['namespace']}.{schema['name']}"] = schema
        for part in (*schema.get("fields", ()), schema.get("items"), schema.get("values"), schema.get("type")):
            found |= _names(part)
    return found


def _kind(schema: Any) -> str:
    while isinstance(schema, Mapping):
        schema = schema["type"]
    return "union" if isinstance(schema, list) else str(schema)


def _changed(path: str, written: Any, read: Any) -> str:
    became = " or ".join(_kind(branch) for branch in read) if isinstance(read, list) else _kind(read)
    return f"{_field(path)}: its type was {_kind(written)} and became {became}"


def _field(path: str) -> str:
    return f"field {path!r}" if path else "the record"


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]
