"""Rows of files to records of an Avro schema: each value is brought to the field's type, or the problem is named.

A schema is compiled once into nested functions. What is accepted, beyond values that fit already:

- text of a CSV file: numbers, booleans, JSON for arrays, maps and records; empty is null where null is allowed;
- timestamps in ISO 8601 (UTC when no zone is given) or as a whole number of the field's unit since the epoch, UTC;
- dates and times of day in ISO 8601 or as whole numbers of the field's unit, decimals as text;
- bytes as text of code points 0 to 255, as Avro writes them in JSON;
- a union of several types: the first that takes the value;
- a missing field: its default, else null where null is allowed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from riskloom.produce.unions import branch_name
from riskloom.suggest import did_you_mean, listed

Coerce = Callable[[Any, bool], Any]
"""Takes a value, and whether it is the text of a CSV cell; returns what fastavro writes, or raises `UnfitError`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"millis": timedelta(milliseconds=1), "micros": timedelta(microseconds=1)}
_RANGES = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_FLOAT_MAX = 3.4028234663852886e38
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_UUID_BYTES = 16
_SHOWN = 60  # characters of a wrong value in a message


class UnfitError(ValueError):
    """A row does not fit the schema. `problems` lists each field at fault."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


def row_coercer(avro_schema: Mapping[str, Any]) -> Callable[[Mapping[str, Any], bool], dict[str, Any]]:
    """Make the function that brings rows to a schema.

    Args:
        avro_schema: An Avro record schema.

    Returns:
        A function of a row and of whether its values are text of a CSV file. It returns the record to write, without
        the columns that the schema does not have, and raises `UnfitError` with all problems of the row.
    """
    from fastavro import parse_schema

    named: dict[str, Coerce] = {}
    # Parsed, a type and each mention of it have its full name.
    parsed: Any = parse_schema(dict(avro_schema))
    to_record = _record(parsed, named)
    named[parsed["name"]] = _json_text(to_record, dict, "an object")
    return to_record


def _coercer(avro: Any, named: dict[str, Coerce]) -> Coerce:
    if isinstance(avro, list):
        return _union(avro, named)
    if isinstance(avro, str):
        # A name is looked up when it is met in a row: a record may hold itself.
        return _PRIMITIVES.get(avro) or (lambda value, text: named[avro](value, text))
    logical = avro.get("logicalType", "")
    if logical == "uuid" and avro["type"] == "string":
        return _uuid
    if logical == "uuid" and avro["type"] == "fixed":
        named[avro["name"]] = _uuid_bytes
        return _uuid_bytes
    if logical == "decimal":
        if "name" in avro:
            named[avro["name"]] = _decimal(avro)
        return _decimal(avro)
    if logical in _LOGICAL:
        return _LOGICAL[logical]
    if logical.startswith(("timestamp-", "local-timestamp-")) and (unit := _UNITS.get(logical.rsplit("-", 1)[1])):
        return _timestamp(unit, local=logical.startswith("local"))
    match avro["type"]:
        case "record" | "error":
            made: Coerce = _json_text(_record(avro, named), dict, "an object")
        case "enum":
            made = _enum(avro["symbols"])
        case "fixed":
            made = _fixed(avro["size"])
        case "array":
            return _json_text(_array(_coercer(avro["items"], named)), list, "a list")
        case "map":
            return _json_text(_map(_coercer(avro["values"], named)), dict, "an object")
        case other:
            return _coercer(other, named)
    named[avro["name"]] = made
    return made


def _record(avro: Mapping[str, Any], named: dict[str, Coerce]) -> Callable[[Mapping[str, Any], bool], dict[str, Any]]:
    fields = []
    for field in avro["fields"]:
        coerce = _coercer(field["type"], named)
        optional = field["type"] == "null" or (isinstance(field["type"], list) and "null" in field["type"])
        fields.append((field["name"], coerce, "default" in field, field.get("default"), optional))

    def to_record(row: Mapping[str, Any], text: bool) -> dict[str, Any]:
        record, problems = {}, []
        for name, coerce, has_default, default, optional in fields:
            try:
                if name in row and not (text and row[name] == "" and has_default and not optional):
                    record[name] = coerce(row[name], text)
                elif has_default:
                    record[name] = coerce(default, False)
                elif optional:
                    record[name] = None
                else:
                    problems.append(f"{name}: is required and missing{did_you_mean(name, row)}")
            except UnfitError as error:
                problems += [f"{name}: {problem}" for problem in error.problems]
        if problems:
            raise UnfitError(problems)
        return record

    return to_record


def _union(branches: list[Any], named: dict[str, Coerce]) -> Coerce:
    nullable = "null" in branches
    coercers = [(branch_name(branch), _coercer(branch, named)) for branch in branches if branch != "null"]

    def to_branch(value: Any, text: bool) -> Any:
        if nullable and (value is None or (text and value == "")):
            return None
        problems: list[str] = []
        for name, coerce in coercers:
            try:
                made = coerce(value, text)
            except UnfitError as error:
                problems += error.problems
            else:
                # Several types may take the value: the first that does is meant, and fastavro is told so.
                return made if len(coercers) == 1 else (name, made)
        raise UnfitError(problems if len(coercers) == 1 else [" and ".join(problems)])

    return to_branch


def _array(coerce: Coerce) -> Coerce:
    def to_array(values: list[Any], text: bool) -> list[Any]:
        return _each([f"[{place}]" for place in range(len(values))], values, coerce)

    return to_array


def _map(coerce: Coerce) -> Coerce:
    def to_map(values: dict[str, Any], text: bool) -> dict[str, Any]:
        return dict(zip(values, _each([f"[{key!r}]" for key in values], values.values(), coerce), strict=True))

    return to_map


def _each(places: list[str], values: Iterable[Any], coerce: Coerce) -> list[Any]:
    made, problems = [], []
    for place, value in zip(places, values, strict=True):
        try:
            made.append(coerce(value, False))
        except UnfitError as error:
            problems += [f"{place}: {problem}" for problem in error.problems]
    if problems:
        raise UnfitError(problems)
    return made


def _json_text(coerce: Callable[[Any, bool], Any], kind: type, expected: str) -> Coerce:
    """Read a CSV cell as JSON first, and insist on a list or an object."""

    def to_compound(value: Any, text: bool) -> Any:
        if text and isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise _unfit(f"{expected} in JSON", value) from None
        if not isinstance(value, kind):
            raise _unfit(expected, value)
        return coerce(value, False)

    return to_compound


def _unfit(expected: str, value: Any) -> UnfitError:
    shown = repr(value)
    return UnfitError([f"expected {expected}, not {shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'}"])


def _null(value: Any, text: bool) -> None:
    if value is not None and not (text and value == ""):
        raise _unfit("null", value)


def _boolean(value: Any, text: bool) -> bool:
    if isinstance(value, bool):
        return value
    if text and (known := _BOOLEANS.get(value.strip().lower())) is not None:
        return known
    raise _unfit("true or false", value)


def _integer(kind: str) -> Coerce:
    low, high = _RANGES[kind]

    def to_integer(value: Any, text: bool) -> int:
        if text and isinstance(value, str):
            try:
                number = int(value)
            except ValueError:
                raise _unfit("a whole number", value) from None
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        else:
            raise _unfit("a whole number", value)
        if not low <= number <= high:
            raise _unfit(f"a number from {low} to {high}", value)
        return number

    return to_integer


def _real(largest: float) -> Coerce:
    def to_real(value: Any, text: bool) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str) or (isinstance(value, str) and not text):
            raise _unfit("a number", value)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise _unfit("a number", value) from None
        if not math.isfinite(number) or abs(number) > largest:
            raise _unfit("a finite number", value)
        return number

    return to_real


def _string(value: Any, text: bool) -> str:
    if not isinstance(value, str):
        raise _unfit("a string", value)
    return value


def _uuid(value: Any, text: bool) -> str:
    if not isinstance(value, UUID):
        try:
            UUID(value)
        except (ValueError, TypeError, AttributeError):
            raise _unfit("a UUID", value) from None
    return str(value)


def _uuid_bytes(value: Any, text: bool) -> bytes:
    # No UUID is written in 16 characters: those are the bytes.
    as_bytes = isinstance(value, bytes) or (isinstance(value, str) and len(value) == _UUID_BYTES)
    return _fixed(_UUID_BYTES)(value, text) if as_bytes else UUID(_uuid(value, text)).bytes


def _bytes(value: Any, text: bool) -> bytes:
    try:
        return value.encode("latin-1") if isinstance(value, str) else bytes(memoryview(value))
    except (UnicodeEncodeError, TypeError):
        raise _unfit("bytes, or text of code points 0 to 255", value) from None


def _fixed(size: int) -> Coerce:
    def to_fixed(value: Any, text: bool) -> bytes:
        data = _bytes(value, text)
        if len(data) != size:
            raise _unfit(f"{size} bytes", value)
        return data

    return to_fixed


def _enum(symbols: list[str]) -> Coerce:
    allowed, names = frozenset(symbols), listed(symbols)

    def to_symbol(value: Any, text: bool) -> str:
        if not isinstance(value, str):
            raise _unfit(f"one of {names}", value)
        if value not in allowed:
            raise UnfitError([f"{_unfit(f'one of {names}', value).problems[0]}{did_you_mean(value, symbols)}"])
        return value

    return to_symbol


def _timestamp(unit: timedelta, *, local: bool) -> Coerce:
    whole = _integer("long")

    def to_epoch(value: Any, text: bool) -> int:
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                if not text:
                    raise _unfit("a time in ISO 8601", value) from None
        if isinstance(value, datetime):
            # What the clock on the wall shows has no zone: one that is given is left out.
            return ((value.replace(tzinfo=UTC) if local or not value.tzinfo else value) - _EPOCH) // unit
        try:
            return int(whole(value, text))
        except UnfitError:
            raise _unfit("a time in ISO 8601, or a whole number since the epoch", value) from None

    return to_epoch


def _decimal(avro: Mapping[str, Any]) -> Coerce:
    precision, scale = avro["precision"], avro.get("scale", 0)

    def to_decimal(value: Any, text: bool) -> Decimal:
        try:
            number = Decimal(str(value))  # text, so that 0.1 is 0.1, and true is none
        except (InvalidOperation, TypeError, ValueError):
            raise _unfit("a decimal number", value) from None
        _, digits, exponent = number.as_tuple()
        if not isinstance(exponent, int) or -exponent > scale or len(digits) + exponent + scale > precision:
            raise _unfit(f"a decimal number of {precision} digits, {scale} of them after the point", value)
        return number

    return to_decimal


def _iso(kind: type[date] | type[time], expected: str, base: str) -> Coerce:
    whole = _integer(base)

    def from_iso(value: Any, text: bool) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return kind.fromisoformat(value)
        except (ValueError, TypeError):
            try:
                return whole(value, text)
            except UnfitError:
                raise _unfit(f"{expected} in ISO 8601, or a whole number", value) from None

    return from_iso


_PRIMITIVES: dict[str, Coerce] = {
    "null": _null,
    "boolean": _boolean,
    "int": _integer("int"),
    "long": _integer("long"),
    "float": _real(_FLOAT_MAX),
    "double": _real(math.inf),
    "string": _string,
    "bytes": _bytes,
}
_LOGICAL: dict[str, Coerce] = {
    "date": _iso(date, "a date", "int"),
    "time-millis": _iso(time, "a time of day", "int"),
    "time-micros": _iso(time, "a time of day", "long"),
}
