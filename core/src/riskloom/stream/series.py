"""What the state keeps for a window feature: a series, shared by all features that can be read from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from riskloom.domain import Aggregate, EventDomain, WindowFeature, window_length

ROLLING_TILES = 60
"""The far edge of a rolling window is exact to a sixtieth of it."""

_COLUMNS: dict[Aggregate, frozenset[str]] = {
    "sum": frozenset({"sum"}),
    "mean": frozenset({"sum"}),
    "ratio": frozenset({"sum"}),
    "sum_of_products": frozenset({"sum"}),
    "min": frozenset({"min"}),
    "max": frozenset({"max"}),
    "stddev": frozenset({"squares"}),
    "first": frozenset({"first"}),
    "last": frozenset({"last"}),
    "time_since_last": frozenset({"last"}),
    "correlation": frozenset({"pairs"}),
}
"""What tiles and sessions keep beside a count."""

_OWN_KIND: dict[Aggregate, str] = {
    "distinct_count": "distinct",
    "ewm_mean": "ewm",
    "ewm_variance": "ewm",
    "run_length": "run",
}
"""Aggregates that are not kept in tiles or sessions."""


@dataclass(frozen=True)
class Series:
    """A measure of one domain's events over one window, kept for one entity."""

    source: str
    entity: str | None
    """The entity whose own operator keeps it; None for the last operator, where it is the key of reader and source."""
    kind: str
    """tiles, sessions, distinct, ewm or run."""
    window: timedelta
    """Of a session, its gap; of ewm, its half-life."""
    tiles: int
    """Of a window; 0 where there are none."""
    late_tolerance: timedelta
    measure: str
    """SQL: a double, or the hash of the value as a long for `distinct` and `run`."""
    other: str | None = None
    columns: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[Any, ...]:
        """What two features must have in common to share a series."""
        return (self.source, self.entity, self.kind, self.window, self.tiles, self.measure, self.other)

    @property
    def id(self) -> int:
        """The series' name in the state: the same at every start, another when what is kept differs."""
        text = json.dumps([self.source, self.entity, self._kept()], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big", signed=True)

    def merged(self, other: Series) -> Series:
        """The series that serves the features of both, which share a key."""
        return replace(self, columns=self.columns | other.columns)

    def as_json(self, operator: int) -> dict[str, Any]:
        """Write it as JobPlan.java reads it."""
        return {"id": self.id, "operator": operator, **self._kept()}

    def _kept(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "window_ms": self.window // timedelta(milliseconds=1),
            "tiles": self.tiles,
            "late_tolerance_ms": self.late_tolerance // timedelta(milliseconds=1),
            "measure": self.measure,
            "other": self.other,
            "columns": sorted(self.columns),
        }


def series_of(feature: WindowFeature, domain: EventDomain, source: EventDomain) -> Series:
    """Find what the state must keep for a window feature.

    Args:
        feature: The feature.
        domain: The domain that declares it.
        source: The domain whose events it aggregates.
    """
    window = window_length(feature.window)
    kind = _OWN_KIND.get(feature.aggregate, "sessions" if feature.kind == "session" else "tiles")
    entity = domain.entity_of(feature).name
    keys = {domain.key_entity.name, source.key_entity.name}
    return Series(
        source=source.name,
        entity=None if keys == {entity} else entity,
        kind=kind,
        window=window,
        tiles=_tiles(feature, window) if kind in {"tiles", "distinct"} else 0,
        late_tolerance=source.late_tolerance,
        measure=_measure(feature),
        other=f"CAST(({feature.other}) AS DOUBLE)" if feature.aggregate == "correlation" else None,
        columns=_COLUMNS.get(feature.aggregate, frozenset()) if kind in {"tiles", "sessions"} else frozenset(),
    )


def _tiles(feature: WindowFeature, window: timedelta) -> int:
    if feature.slide is not None:
        return window // window_length(feature.slide)
    return 1 if feature.kind == "tumbling" else ROLLING_TILES


def _measure(feature: WindowFeature) -> str:
    """Write the SQL of what is aggregated, null for events that are left out."""
    if feature.aggregate == "ratio":
        return f"CASE WHEN {feature.where} THEN 1.0D ELSE 0.0D END"
    if feature.aggregate in ("distinct_count", "run_length"):
        measure = f"CASE WHEN ({feature.value}) IS NOT NULL THEN xxhash64({feature.value}) END"
    elif feature.aggregate == "sum_of_products":
        measure = f"CAST(({feature.value}) AS DOUBLE) * CAST(({feature.other}) AS DOUBLE)"
    else:
        measure = f"CAST(({feature.value}) AS DOUBLE)" if feature.value else "CAST(1 AS DOUBLE)"
    return f"CASE WHEN {feature.where} THEN {measure} END" if feature.where else measure
