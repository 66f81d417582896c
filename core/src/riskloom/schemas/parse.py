"""Read an Avro schema, with all that is wrong with it told at once, each problem with its place.

The rules are those of the Avro specification: names and namespaces, what a union may hold, what a default may be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from riskloom.errors import SettingsError
from riskloom.schemas.defaults import misfit
from riskloom.schemas.logical import logical_type
from riskloom.schemas.model import NO_DEFAULT, PRIMITIVES, Array, AvroType, Enum, Field, Fixed, Map, Primitive, Record
from riskloom.schemas.model import Union as AvroUnion
from riskloom.suggest import did_you_mean

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMPLEX = ("record", "error", "enum", "array", "map", "fixed")
_UNKNOWN = Primitive("null")
"""Stands for a type that could not be read, so that reading goes on to the next problem."""


class NotAvro(SettingsError):
    """The text or object is no Avro schema.

    Args:
        problems: One line for each problem, with its place.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("not an Avro schema:" + "".join(f"\n  - {problem}" for problem in problems))


def parse(schema: Any) -> AvroType:
    """Read a schema.

    Args:
        schema: The schema as JSON gives it: a name, a list or a dict.

    Raises:
        NotAvro: If it breaks rules of the specification: all of them are told.
    """
    parser = _Parser()
    read = parser.type(schema, "", "")
    if parser.problems:
        raise NotAvro(parser.problems)
    return read


def load_file(path: Path) -> Any:
    """Read the schema in a file, as JSON gives it.

    Raises:
        SettingsError: If there is no such file, or what it holds is no Avro schema.
    """
    try:
        schema = json.loads(path.read_text("utf-8"))
        parse(schema)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SettingsError(f"{path} cannot be read: {reason}") from None
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"{path} is not an Avro schema: line {error.lineno}, column {error.colno} is not JSON: {error.msg}\n"
            "An Avro schema is a JSON document, such as the schema.avsc of a domain."
        ) from None
    except RecursionError:
        raise SettingsError(f"{path} is not an Avro schema: it is nested too deeply") from None
    except NotAvro as error:
        raise SettingsError(f"{path} is {error}") from None
    return schema


def load_files(*paths: Path) -> list[Any]:
    """Read the schemas in some files, as `load_file` does.

    Raises:
        SettingsError: If files cannot be used: all of them are told.
    """
    read, problems = [], []
    for path in paths:
        try:
            read.append(load_file(path))
        except SettingsError as error:
            problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(problems))
    return read


class _Parser:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self._named: dict[str, AvroType] = {}

    def type(self, schema: Any, path: str, namespace: str) -> AvroType:
        match schema:
            case str():
                return self._reference(schema, path, namespace)
            case list():
                return self._union(schema, path, namespace)
            case {"type": str(kind)} if kind in _COMPLEX:
                return self._complex(kind, schema, path, namespace)
            case {"type": str(kind)} if kind in PRIMITIVES:
                return Primitive(kind, logical_type(schema))
            case {"type": inner}:
                return self.type(inner, path, namespace)
            case dict():
                return self._wrong(path, "has no `type`")
        return self._wrong(path, f"is {json.dumps(schema)}, which is no type: it must be a name, a list or an object")

    def _wrong(self, path: str, problem: str) -> AvroType:
        self.problems.append(f"{f'{path!r}' if path else 'the schema'} {problem}")
        return _UNKNOWN

    def _reference(self, name: str, path: str, namespace: str) -> AvroType:
        if name in PRIMITIVES:
            return Primitive(name)
        # A name without a namespace is looked for in the enclosing one, then, as Java's parser does, in none.
        for full in (_full(name, namespace), name):
            if full in self._named:
                return self._named[full]
        if name in _COMPLEX:
            return self._wrong(path, f"is the bare word {name!r}: write it as an object, with its `type` and the rest")
        near = did_you_mean(name, [*PRIMITIVES, *self._named])
        return self._wrong(path, f"has the type {name!r}, which is neither Avro's nor defined before it{near}")

    def _union(self, schema: list[Any], path: str, namespace: str) -> AvroType:
        branches = []
        seen: set[str] = set()
        for branch in schema:
            read = self.type(branch, path, namespace)
            key = read.full_name if isinstance(read, Record | Enum | Fixed) else read.kind
            if read.kind == "union":
                self._wrong(path, "is a union that holds a union")
            elif key in seen and read is not _UNKNOWN:
                self._wrong(path, f"is a union that holds {key!r} twice")
            else:
                branches.append(read)
                seen.add(key)
        if not schema:
            self._wrong(path, "is a union of nothing")
        return AvroUnion(branches)

    def _complex(self, kind: str, schema: Mapping[str, Any], path: str, namespace: str) -> AvroType:
        if kind in ("array", "map"):
            attribute, mark = ("items", "[]") if kind == "array" else ("values", "{}")
            if attribute not in schema:
                return self._wrong(path, f"is {kind} without `{attribute}`")
            inner = self.type(schema[attribute], path + mark, namespace)
            return Array(inner) if kind == "array" else Map(inner)
        name = schema.get("name")
        if not isinstance(name, str):
            return self._wrong(path, f"is {kind} without a `name`")
        full = _full(name, schema["namespace"] if isinstance(schema.get("namespace"), str) else namespace)
        if not all(_NAME.fullmatch(part) for part in full.split(".")):
            self._wrong(path, f"has the name {full!r}: letters, digits and _ are allowed, and no digit first")
        if full in self._named or full in PRIMITIVES:
            self._wrong(path, f"defines {full!r} a second time" if full in self._named else f"is called {full!r}")
        space = full.rpartition(".")[0]
        aliases = tuple(_full(alias, space) for alias in self._strings(schema, "aliases", path))
        if kind == "enum":
            return self._enum(schema, full, aliases, path)
        if kind == "fixed":
            size = schema.get("size")
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                return self._wrong(path, f"is fixed with the `size` {json.dumps(size)}: it must be a whole number")
            return self._define(Fixed(full, aliases, size, logical_type(schema)))
        return self._record(schema, full, aliases, path)

    def _define(self, read: Record | Enum | Fixed) -> AvroType:
        return self._named.setdefault(read.full_name, read)

    def _strings(self, schema: Mapping[str, Any], attribute: str, path: str) -> list[str]:
        values = schema.get(attribute) or []
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            return values
        self._wrong(path, f"has `{attribute}` that are not a list of names")
        return []

    def _enum(self, schema: Mapping[str, Any], full: str, aliases: tuple[str, ...], path: str) -> AvroType:
        symbols, default = self._strings(schema, "symbols", path), schema.get("default")
        if "symbols" not in schema:
            self._wrong(path, "is enum without `symbols`")
        for symbol in symbols:
            if not _NAME.fullmatch(symbol):
                self._wrong(path, f"has the symbol {symbol!r}: letters, digits and _ are allowed, and no digit first")
        for symbol in sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
            self._wrong(path, f"has the symbol {symbol!r} twice")
        if default is not None and default not in symbols:
            self._wrong(path, f"has the default {json.dumps(default)}, which is none of its symbols")
        return self._define(Enum(full, aliases, tuple(symbols), default))

    def _record(self, schema: Mapping[str, Any], full: str, aliases: tuple[str, ...], path: str) -> AvroType:
        record = Record(full, aliases)
        self._define(record)
        fields = schema.get("fields")
        if not isinstance(fields, list):
            return self._wrong(path, "is record without a list of `fields`")
        for number, field in enumerate(fields, 1):
            if not isinstance(field, dict) or not isinstance(field.get("name"), str):
                self._wrong(path, f"has a field, number {number}, that is not an object with a `name`")
                continue
            record.fields.append(self._field(field, f"{path}.{field['name']}" if path else field["name"], full))
        names = [field.name for field in record.fields]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._wrong(path, f"has the field {name!r} twice")
        return record

    def _field(self, field: Mapping[str, Any], path: str, record: str) -> Field:
        name = field["name"]
        if not _NAME.fullmatch(name):
            self._wrong(path, "has a name with something other than letters, digits and _, or with a digit first")
        aliases = tuple(self._strings(field, "aliases", path))
        if "type" not in field:
            self._wrong(path, "has no `type`")
            return Field(name, _UNKNOWN, aliases)
        before = len(self.problems)
        read = self.type(field["type"], path, record.rpartition(".")[0])
        default = field.get("default", NO_DEFAULT)
        if default is not NO_DEFAULT and len(self.problems) == before and (why := misfit(default, read)):
            self._wrong(path, f"has a default that does not fit its type: {why}")
        return Field(name, read, aliases, default)


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
