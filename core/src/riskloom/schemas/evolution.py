"""A domain's schema beside the versions before it: is it new, and may it be the next one?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from riskloom.schemas.compatibility import Incompatibility, Level, compared, conflicts


@dataclass(frozen=True)
class Verdict:
    """What a schema is beside the versions of it that are kept."""

    state: Literal["first", "unchanged", "changed"]
    """`unchanged`: it is the newest version that is kept. `changed`: it differs from that. `first`: none is kept."""
    version: int
    """The number that it has, or would get."""
    compared: list[int]
    """The versions that it was compared with."""
    conflicts: dict[int, list[Incompatibility]]
    """What it breaks, by the version that it does not fit."""

    @property
    def compatible(self) -> bool:
        """Whether it may be that version."""
        return not self.conflicts


def judge(schema: Any, kept: Mapping[int, Any], level: Level) -> Verdict:
    """Judge a schema by the versions that are kept.

    A schema that is kept as the newest version already is compared with those before it: so a version whose snapshot
    was written in the same change as the schema is judged as well.

    Args:
        schema: The schema as it is now, as JSON gives it.
        kept: The versions that are kept, by number, ascending.
        level: What is asked of a new version.

    Raises:
        NotAvro: If a schema is no Avro schema.
    """
    newest = max(kept, default=0)
    unchanged = bool(kept) and kept[newest] == schema
    earlier = {number: one for number, one in kept.items() if not unchanged or number < newest}
    return Verdict(
        state="unchanged" if unchanged else "changed" if kept else "first",
        version=newest if unchanged else newest + 1,
        compared=compared(list(earlier), level),
        conflicts=conflicts(schema, earlier, level),
    )
