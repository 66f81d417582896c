"""The weather at every city and time: the same for all claims of a place, with seasons and storms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskloom.produce.synthetic import CITIES, Bools, Clock, Floats, Ints, hashed, pick

NAMES = ("clear", "rain", "snow", "storm", "hail", "hurricane")
STORM, HURRICANE = 3, 5
"""Storm, hail and hurricane, the last three, damage cars and homes."""

_SPELL_MS = 6 * 3_600_000  # the weather of a place changes at most four times a day
_SEVERITY = np.array([0.0, 0.2, 0.4, 0.6, 0.65, 0.85])
_SEASON = np.cos((np.arange(12) - 0.5) / 12 * 2 * np.pi)  # 1 in mid-January, -1 in mid-July
_GULF = [c.name.endswith(("FL", "LA")) or c.name.startswith("Houston") for c in CITIES]
_NORTH = [c.latitude > 38 and not c.name.startswith("Seattle") for c in CITIES]
_CLIMATE = np.where(_GULF, 2, np.where(_NORTH, 1, 0))  # of each city: mild, snowy, hurricanes
_SNOW = np.clip(_SEASON, 0, None) * 22
_HURRICANE = np.array([0, 0, 0, 0, 0, 1, 2, 5, 6, 3, 1, 0.0])
_HAIL = 2 - 1.5 * _SEASON  # hail is a summer's storm
_BY_CLIMATE_AND_MONTH = np.stack(
    [
        np.stack([71 - snow - wind, 19 + 0 * snow, snow, 7 + 0 * snow, _HAIL, wind], axis=1)
        for snow, wind in ((0 * _SNOW, 0 * _SNOW), (_SNOW, 0 * _SNOW), (0 * _SNOW, _HURRICANE))
    ]
).reshape(36, 6)
_PEOPLE = np.array([city.weight for city in CITIES])


@dataclass(frozen=True)
class Weather:
    """The weather at the cities over a span of time.

    Attributes:
        kind: Indexes into `NAMES`, shape (spells, cities).
        severity: From 0 (calm) to 1 (extreme), shape (spells, cities).
        first: The number of the first spell.
    """

    kind: Ints
    severity: Floats
    first: int

    @classmethod
    def over(cls, key: int, times: Ints) -> Weather:
        """Look up the weather from the earliest to the latest of some times.

        Args:
            key: Which weather, see `key_of`.
            times: Milliseconds since the epoch.
        """
        first, last = (int(times.min()) // _SPELL_MS, int(times.max()) // _SPELL_MS) if len(times) else (0, 0)
        spell, city = (grid.ravel() for grid in np.mgrid[first : last + 1, 0 : len(CITIES)])
        month = Clock.at(spell * _SPELL_MS, city).month
        kind = pick(hashed(key, spell, city), _BY_CLIMATE_AND_MONTH, _CLIMATE[city] * 12 + month)
        severity = np.clip(_SEVERITY[kind] + 0.5 * (hashed(key, spell, city, 1) - 0.5), 0.05, 1.0) * (kind > 0)
        shape = (last + 1 - first, len(CITIES))
        return cls(kind.reshape(shape), severity.reshape(shape), first)

    def row(self, times: Ints) -> Ints:
        """Say which rows of the tables some times are in."""
        return times // _SPELL_MS - self.first

    def hit(self, uniform: Floats, row: Ints) -> Ints:
        """Draw where losses happen: where people live, and several times as often where a storm rages.

        Args:
            uniform: n numbers in [0, 1).
            row: n rows of the tables.
        """
        return pick(uniform, _PEOPLE * (1 + 4 * self.severity * self.storms), row)

    @property
    def storms(self) -> Bools:
        """Where and when a storm rages, shape (spells, cities)."""
        stormy: Bools = self.kind >= STORM
        return stormy
