"""A plain Python reference of the kernel's rolling windows: lists instead of tiles, sums instead of merges."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

TILES = 60


@dataclass
class Window:
    """One series of one key: the values that its tiles would hold."""

    window_ms: int
    tolerance_ms: int
    values: list[tuple[int, float]] = field(default_factory=list)

    def tile(self, time_ms: int) -> int:
        return (time_ms * TILES) // self.window_ms

    @property
    def keep(self) -> int:
        return TILES + math.ceil(self.tolerance_ms * TILES / self.window_ms)

    def add(self, time_ms: int, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            return
        newest = max((self.tile(t) for t, _ in self.values), default=self.tile(time_ms))
        newest = max(newest, self.tile(time_ms))
        self.values = [(t, v) for t, v in [*self.values, (time_ms, value)] if self.tile(t) > newest - self.keep]

    def at(self, time_ms: int) -> list[float]:
        end = self.tile(time_ms)
        return [v for t, v in self.values if end - TILES < self.tile(t) <= end]


def aggregate(name: str, values: list[float], default: float | None) -> float | None:
    """Reduce a window's values as the feature with this aggregate does."""
    if not values:
        return default
    match name:
        case "count":
            return float(len(values))
        case "sum":
            return math.fsum(values)
        case "mean":
            return math.fsum(values) / len(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "stddev":
            return statistics.stdev(values) if len(values) > 1 else None
    raise ValueError(name)
