"""What a new version of a schema may change: the levels of compatibility, and what breaks them.

Backward: the new schema reads what older ones wrote. Forward: older ones read what the new one writes. Full: both. A
level is asked of the version before, a transitive one of all versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from riskloom.schemas.parse import parse
from riskloom.schemas.resolution import RULES, Rule, faults
from riskloom.schemas.wording import Direction, fix_of, message_of

Level = Literal["BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
BOTH: Final[tuple[Direction, ...]] = ("backward", "forward")
_DIRECTIONS: dict[str, tuple[Direction, ...]] = {"BACKWARD": ("backward",), "FORWARD": ("forward",), "FULL": BOTH}


@dataclass(frozen=True)
class Incompatibility:
    """One thing that a new version must not change."""

    direction: Direction
    path: str
    """Where, such as `order.lines[].price`: `[]` is an array's item, `{}` a map's value, `<Card>` a union's branch.
    Empty for the schema itself."""
    rule: Rule
    message: str
    """What was changed."""
    fix: str
    """The smallest change of the new version that mends it."""

    @property
    def explanation(self) -> str:
        """What the rule says."""
        return RULES[self.rule]

    def as_json(self) -> dict[str, str]:
        """Answer all of it, for scripts."""
        return {**asdict(self), "explanation": self.explanation}

    def __str__(self) -> str:
        return f"{self.direction}: {self.message} ({self.rule}); {self.fix}"


def incompatibilities(older: Any, newer: Any, directions: Iterable[Direction] = BOTH) -> list[Incompatibility]:
    """List what keeps two schemas from reading each other's records.

    Args:
        older: The older schema, as JSON gives it.
        newer: The newer one.
        directions: Which of them is to read the other.

    Raises:
        NotAvro: If one is no Avro schema.
    """
    old, new = parse(older), parse(newer)
    found = []
    for direction in directions:
        written, read = (old, new) if direction == "backward" else (new, old)
        found += [
            Incompatibility(direction, fault.path, fault.rule, message_of(fault, direction), fix_of(fault, direction))
            for fault in faults(written, read)
        ]
    return found


def directions_of(level: Level) -> tuple[Direction, ...]:
    """Name the directions in which a level wants records to be read."""
    return _DIRECTIONS[level.removesuffix("_TRANSITIVE")]


def compared(earlier: Sequence[int], level: Level) -> list[int]:
    """Choose the versions that a level compares a new one with.

    Args:
        earlier: The numbers of the versions before it, ascending.
        level: The level.
    """
    return list(earlier if level.endswith("_TRANSITIVE") else earlier[-1:])


def conflicts(newest: Any, earlier: Mapping[int, Any], level: Level) -> dict[int, list[Incompatibility]]:
    """List what keeps a schema from being the next version.

    Args:
        newest: The schema.
        earlier: The versions before it, by number, ascending.
        level: What is asked of it.

    Returns:
        By the number of the version that it does not fit; empty when it fits.
    """
    found = {
        number: incompatibilities(earlier[number], newest, directions_of(level))
        for number in compared(list(earlier), level)
    }
    return {number: listed for number, listed in found.items() if listed}


def listing(found: Mapping[int, list[Incompatibility]]) -> str:
    """Write what `conflicts` found as indented lines, to go into the middle of an error's text."""
    return "".join(f"\n  - version {number}, {one}" for number, listed in found.items() for one in listed)
