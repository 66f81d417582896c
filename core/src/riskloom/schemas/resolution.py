"""Avro's rules of schema resolution: what keeps records written with one schema from being read as another.

The rules are those of the specification's section "Schema Resolution", under the names that Apache Avro's own
`SchemaCompatibility` gives them; this one does not stop at the first fault, and looks into unions for the branch that
was meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from riskloom.schemas.logical import is_decimal
from riskloom.schemas.model import Array, AvroType, Enum, Field, Fixed, Map, Named, Record, Union

Rule = Literal[
    "TYPE_MISMATCH",
    "NAME_MISMATCH",
    "MISSING_UNION_BRANCH",
    "READER_FIELD_MISSING_DEFAULT_VALUE",
    "AMBIGUOUS_ALIAS",
    "MISSING_ENUM_SYMBOLS",
    "FIXED_SIZE_MISMATCH",
    "DECIMAL_MISMATCH",
]

RULES: Final[dict[Rule, str]] = {
    "TYPE_MISMATCH": "the reader's type must be the writer's, or one that it can be promoted to: int to long, float or "
    "double; long to float or double; float to double; string to bytes and back",
    "NAME_MISMATCH": "records, enums and fixed types must have the same unqualified name, or the reader's an alias for "
    "the writer's full name",
    "MISSING_UNION_BRANCH": "each type that was written must match one of the reader's union",
    "READER_FIELD_MISSING_DEFAULT_VALUE": "a field of the reader that the writer does not have must have a default",
    "AMBIGUOUS_ALIAS": "a field of the reader must match one field of the writer, by its name or by one alias",
    "MISSING_ENUM_SYMBOLS": "each symbol that was written must be one of the reader's, unless its enum has a default",
    "FIXED_SIZE_MISMATCH": "fixed types must have the same size",
    "DECIMAL_MISMATCH": "decimals match if their scales and precisions match",
}
"""What each rule says."""

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


@dataclass(frozen=True)
class Fault:
    """One place where a rule is broken."""

    rule: Rule
    path: str
    """Where, by the reader's names, such as `order.lines[].price`; empty for the whole schema. `[]` is an array's
    item, `{}` a map's value, `<Card>` a branch of a union."""
    written: AvroType
    """What the writer has there: of a missing field, the record that should hold it."""
    read: AvroType
    field: Field | None = None
    """The reader's field that the writer lacks, or has several times."""


def faults(written: AvroType, read: AvroType) -> list[Fault]:
    """List what keeps records of one schema from being read as another.

    Args:
        written: The schema of the records.
        read: The schema they are to be read as.

    Returns:
        All faults, in the order of the reader's fields; empty when every record can be read. A type that is used in
        several places is at fault once, where it is met first.
    """
    return list(dict.fromkeys(_Comparison().compare(written, read, "")))


class _Comparison:
    def __init__(self) -> None:
        # By pair: what was found. A pair that is met again while it is looked into has no fault of its own.
        self._known: dict[tuple[AvroType, AvroType], list[Fault]] = {}

    def compare(self, written: AvroType, read: AvroType, path: str) -> list[Fault]:
        pair = (written, read)
        if pair not in self._known:
            self._known[pair] = []
            self._known[pair] = self._compare(written, read, path)
        return self._known[pair]

    def _compare(self, written: AvroType, read: AvroType, path: str) -> list[Fault]:
        match written, read:
            case Union(), _:
                return [fault for branch in written.branches for fault in self.compare(branch, read, path)]
            case _, Union():
                return self._compare_with_branches(written, read, path)
            case Array(), Array():
                return self.compare(written.items, read.items, f"{path}[]")
            case Map(), Map():
                return self.compare(written.values, read.values, f"{path}{{}}")
            case Record(), Record():
                return self._name(written, read, path) + self._compare_fields(written, read, path)
            case Enum(), Enum():
                gone = read.default is None and not set(written.symbols) <= set(read.symbols)
                return self._name(written, read, path) + self._fault(gone, "MISSING_ENUM_SYMBOLS", path, written, read)
            case Fixed(), Fixed():
                other = self._fault(written.size != read.size, "FIXED_SIZE_MISMATCH", path, written, read)
                return self._name(written, read, path) + (other or self._decimals(written, read, path))
        if written.kind == read.kind:
            return self._decimals(written, read, path)
        broken = read.kind not in _PROMOTIONS.get(written.kind, ())
        return self._fault(broken, "TYPE_MISMATCH", path, written, read)

    def _compare_with_branches(self, written: AvroType, read: Union, path: str) -> list[Fault]:
        """Look for a branch that takes what was written; where there is none, for the one that was meant."""
        several = len([branch for branch in read.branches if branch.kind != "null"]) > 1
        meant: list[Fault] = []
        rejected: dict[tuple[AvroType, AvroType], list[Fault]] = {}
        for branch in read.branches:
            known = dict(self._known)
            name = branch.name if isinstance(branch, Named) else branch.kind
            found = self.compare(written, branch, f"{path}<{name}>" if several else path)
            if not found:
                return []
            # What was found on the way is not told if another branch fits: it must be found again elsewhere.
            rejected |= self._known
            self._known = known
            if branch.kind == written.kind and (not isinstance(branch, Named) or _same_name(written, branch)):
                meant = found
        self._known = rejected
        return meant or [Fault("MISSING_UNION_BRANCH", path, written, read)]

    def _compare_fields(self, written: Record, read: Record, path: str) -> list[Fault]:
        found = []
        old = {field.name: field for field in written.fields}
        for field in read.fields:
            inner = f"{path}.{field.name}" if path else field.name
            before = [old[name] for name in dict.fromkeys((field.name, *field.aliases)) if name in old]
            if len(before) > 1:
                found.append(Fault("AMBIGUOUS_ALIAS", inner, written, read, field))
            elif before:
                found += self.compare(before[0].type, field.type, inner)
            elif not field.has_default:
                found.append(Fault("READER_FIELD_MISSING_DEFAULT_VALUE", inner, written, read, field))
        return found

    def _name(self, written: AvroType, read: AvroType, path: str) -> list[Fault]:
        return self._fault(not _same_name(written, read), "NAME_MISMATCH", path, written, read)

    def _decimals(self, written: AvroType, read: AvroType, path: str) -> list[Fault]:
        both = is_decimal(written.logical) and is_decimal(read.logical)
        return self._fault(both and written.logical != read.logical, "DECIMAL_MISMATCH", path, written, read)

    def _fault(self, broken: bool, rule: Rule, path: str, written: AvroType, read: AvroType) -> list[Fault]:
        return [Fault(rule, path, written, read)] if broken else []


def _same_name(written: AvroType, read: AvroType) -> bool:
    return (
        isinstance(written, Named)
        and isinstance(read, Named)
        and (written.name == read.name or written.full_name in read.aliases)
    )
