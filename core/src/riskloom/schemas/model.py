"""An Avro schema with its names resolved: what the rules of compatibility look at.

Made by `riskloom.schemas.parse`. A type that is used in several places is one object there, also where a record holds
itself, so types are compared by identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

PRIMITIVES: Final = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NO_DEFAULT: Final = object()
"""A field without a default, as null is a value."""


@dataclass(eq=False)
class Primitive:
    """One of `PRIMITIVES`."""

    kind: str
    logical: str = ""
    """The logical type in words, such as `uuid` or `decimal(10, 2)`; empty without one."""

    @property
    def label(self) -> str:
        """How a sentence names the type, such as `long (timestamp-millis)`."""
        return f"{self.kind} ({self.logical})" if self.logical else self.kind


@dataclass(eq=False)
class Array:
    """A list of items."""

    items: AvroType
    kind: str = "array"
    logical: str = ""

    @property
    def label(self) -> str:
        """Such as `array of string`."""
        return f"array of {self.items.label}"


@dataclass(eq=False)
class Map:
    """Values by strings."""

    values: AvroType
    kind: str = "map"
    logical: str = ""

    @property
    def label(self) -> str:
        """Such as `map of double`."""
        return f"map of {self.values.label}"


@dataclass(eq=False)
class Union:
    """One of several types."""

    branches: list[AvroType]
    kind: str = "union"
    logical: str = ""

    @property
    def label(self) -> str:
        """Such as `null or string`."""
        return " or ".join(branch.label for branch in self.branches)


@dataclass(eq=False)
class Named:
    """What records, enums and fixed types have in common."""

    full_name: str
    """With its namespace, where it has one."""
    aliases: tuple[str, ...]
    """Full names, too."""

    @property
    def name(self) -> str:
        """The unqualified name."""
        return self.full_name.rpartition(".")[2]


@dataclass(eq=False)
class Field:
    """A field of a record."""

    name: str
    type: AvroType
    aliases: tuple[str, ...] = ()
    default: Any = NO_DEFAULT

    @property
    def has_default(self) -> bool:
        """Whether a reader has a value for records without the field."""
        return self.default is not NO_DEFAULT


@dataclass(eq=False)
class Record(Named):
    """Named fields, in order. Also an error of a protocol, which is resolved like a record."""

    fields: list[Field] = field(default_factory=list)
    kind: str = "record"
    logical: str = ""

    @property
    def label(self) -> str:
        """Such as `record Address`."""
        return f"record {self.name}"


@dataclass(eq=False)
class Enum(Named):
    """One of some symbols."""

    symbols: tuple[str, ...]
    default: str | None = None
    """The symbol that a reader takes for one that it does not know."""
    kind: str = "enum"
    logical: str = ""

    @property
    def label(self) -> str:
        """Such as `enum Kind`."""
        return f"enum {self.name}"


@dataclass(eq=False)
class Fixed(Named):
    """So many bytes."""

    size: int
    logical: str = ""
    kind: str = "fixed"

    @property
    def label(self) -> str:
        """Such as `fixed Hash of 16 bytes`."""
        words = f"fixed {self.name} of {self.size} bytes"
        return f"{words} ({self.logical})" if self.logical else words


AvroType = Primitive | Array | Map | Union | Record | Enum | Fixed
