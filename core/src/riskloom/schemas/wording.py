"""Faults of compatibility in words that a schema's author knows: what was changed, and the smallest way to mend it."""

from __future__ import annotations

import json
from typing import Literal

from riskloom.schemas.defaults import simplest
from riskloom.schemas.model import AvroType, Enum, Named, Record
from riskloom.schemas.resolution import Fault, faults
from riskloom.suggest import closest

Direction = Literal["backward", "forward"]
"""Backward: the newer schema reads older records. Forward: the older schema reads newer records."""

_FIRST = "in a version of its own"


def message_of(fault: Fault, direction: Direction) -> str:
    """Say what was changed.

    Args:
        fault: What was found.
        direction: Who reads: the newer schema or the older one.
    """
    backward = direction == "backward"
    old, new = (fault.written, fault.read) if backward else (fault.read, fault.written)
    where = f"field {fault.path!r}" if fault.path else "the schema"
    match fault.rule:
        case "READER_FIELD_MISSING_DEFAULT_VALUE":
            lost = "was removed, and the older schema has no default for it"
            return f"{where} {'was added without a default' if backward else lost}"
        case "AMBIGUOUS_ALIAS":
            return f"{where} matches several fields of the {'older' if backward else 'newer'} schema: {_matched(fault)}"
        case "NAME_MISMATCH":
            alias = " without an alias" if backward else ""
            return f"{where}: the {old.kind} {_name(old)!r} was renamed {_name(new)!r}{alias}"
        case "MISSING_ENUM_SYMBOLS":
            symbols = ", ".join(_missing(fault))
            if backward:
                return f"{where}: the enum has lost {symbols} and has no default"
            return f"{where}: the enum has got {symbols}, and in the older schema it has no default"
        case "DECIMAL_MISMATCH":
            return f"{where}: it was {old.logical} and became {new.logical}"
    return f"{where}: its type was {old.label} and became {new.label}"


def fix_of(fault: Fault, direction: Direction) -> str:
    """Say the smallest change of the newer schema that mends a fault; the older one cannot be changed any more.

    Args:
        fault: What was found.
        direction: Who reads: the newer schema or the older one.
    """
    return _backward_fix(fault) if direction == "backward" else _forward_fix(fault)


def _backward_fix(fault: Fault) -> str:
    old, new = fault.written, fault.read
    match fault.rule:
        case "READER_FIELD_MISSING_DEFAULT_VALUE":
            return _default(fault)
        case "AMBIGUOUS_ALIAS":
            return f"leave all but one of {_matched(fault)} out of its aliases"
        case "NAME_MISMATCH":
            return f'keep the name {_name(old)!r}, or give {_name(new)!r} "aliases": {json.dumps([_full_name(old)])}'
        case "MISSING_ENUM_SYMBOLS" if isinstance(new, Enum) and new.symbols:
            symbols = ", ".join(_missing(fault))
            return f'keep {symbols}, or give the enum a default, such as "default": {json.dumps(new.symbols[0])}'
        case "MISSING_UNION_BRANCH":
            return f"add {old.label} to its union"
        case "TYPE_MISMATCH" if old.kind == "null":
            return f"keep null in a union with {new.label}"
    return _keep(old)


def _forward_fix(fault: Fault) -> str:
    old, new = fault.read, fault.written
    match fault.rule:
        case "READER_FIELD_MISSING_DEFAULT_VALUE" if fault.field:
            return f"keep `{fault.field.name}`; to remove it, first give it a default {_FIRST}"
        case "AMBIGUOUS_ALIAS":
            return f"have no more than one of the fields {_matched(fault)}"
        case "NAME_MISMATCH":
            return f"keep the name {_name(old)!r}"
        case "MISSING_ENUM_SYMBOLS":
            return f"leave {', '.join(_missing(fault))} out, or first give the enum a default {_FIRST}"
        case "MISSING_UNION_BRANCH":
            return f"keep to {old.label}, or first add {new.label} to its union {_FIRST}"
        case "TYPE_MISMATCH" if new.kind == "null":
            return f"leave null out: keep {old.label}"
    return _keep(old)


def _keep(old: AvroType) -> str:
    return f"keep {old.logical or old.label}; what is new can be a field of its own with a default"


def _default(fault: Fault) -> str:
    """Suggest a default, and an alias where a field of the older schema looks like the new one."""
    field, before, after = fault.field, fault.written, fault.read
    if field is None or not isinstance(before, Record) or not isinstance(after, Record):
        return ""
    try:
        fix = f'give `{field.name}` a default, such as "default": {json.dumps(simplest(field.type))}'
    except ValueError:
        fix = f"give `{field.name}` a type that has a default, such as a union with null"
    taken = {name for other in after.fields for name in (other.name, *other.aliases)}
    gone = [old.name for old in before.fields if old.name not in taken and not faults(old.type, field.type)]
    near = closest(field.name, gone)
    return f'{fix}; or, if it was `{near}` before, give it "aliases": {json.dumps([near])}' if near else fix


def _matched(fault: Fault) -> str:
    known = {field.name for field in fault.written.fields} if isinstance(fault.written, Record) else set()
    names = (fault.field.name, *fault.field.aliases) if fault.field else ()
    return ", ".join(repr(name) for name in dict.fromkeys(names) if name in known)


def _missing(fault: Fault) -> list[str]:
    """The symbols that are written and not known to the reader."""
    if not isinstance(fault.written, Enum) or not isinstance(fault.read, Enum):
        return []
    return [symbol for symbol in fault.written.symbols if symbol not in fault.read.symbols]


def _name(avro: AvroType) -> str:
    return avro.name if isinstance(avro, Named) else avro.kind


def _full_name(avro: AvroType) -> str:
    return avro.full_name if isinstance(avro, Named) else avro.kind
