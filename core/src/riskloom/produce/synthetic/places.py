"""Where events happen, and what the clocks and calendars show there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskloom.produce.synthetic.columns import Ints, pick, rest
from riskloom.produce.synthetic.populations import trait


@dataclass(frozen=True)
class City:
    """A place where events happen.

    Attributes:
        name: As events carry it, such as `Miami, FL`.
        latitude: Degrees north.
        longitude: Degrees east.
        utc_offset: Hours from UTC, standard time.
        weight: Relative number of people.
    """

    name: str
    latitude: float
    longitude: float
    utc_offset: int
    weight: float


CITIES = (
    City("New York, NY", 40.71, -74.01, -5, 8.3),
    City("Los Angeles, CA", 34.05, -118.24, -8, 3.9),
    City("Chicago, IL", 41.88, -87.63, -6, 2.7),
    City("Houston, TX", 29.76, -95.37, -6, 2.3),
    City("Phoenix, AZ", 33.45, -112.07, -7, 1.6),
    City("Philadelphia, PA", 39.95, -75.17, -5, 1.6),
    City("San Diego, CA", 32.72, -117.16, -8, 1.4),
    City("Dallas, TX", 32.78, -96.80, -6, 1.3),
    City("Jacksonville, FL", 30.33, -81.66, -5, 0.95),
    City("Seattle, WA", 47.61, -122.33, -8, 0.74),
    City("Denver, CO", 39.74, -104.99, -7, 0.72),
    City("Oklahoma City, OK", 35.47, -97.52, -6, 0.68),
    City("Boston, MA", 42.36, -71.06, -5, 0.67),
    City("Memphis, TN", 35.15, -90.05, -6, 0.63),
    City("Atlanta, GA", 33.75, -84.39, -5, 0.5),
    City("Miami, FL", 25.76, -80.19, -5, 0.45),
    City("Minneapolis, MN", 44.98, -93.27, -6, 0.43),
    City("Tampa, FL", 27.95, -82.46, -5, 0.4),
    City("New Orleans, LA", 29.95, -90.07, -6, 0.38),
    City("Cleveland, OH", 41.50, -81.69, -5, 0.36),
)
"""Where generated events happen: the same places in every domain."""


def homes(name: str, n: int) -> Ints:
    """Give each member of a population its fixed home.

    Args:
        name: The population's name, as in `population`.
        n: Its size.

    Returns:
        n indexes into `CITIES`, by the cities' weights.
    """
    return pick(trait(f"{name}/home", n), [city.weight for city in CITIES])


_UTC_OFFSET_MS = np.array([city.utc_offset for city in CITIES]) * 3_600_000


@dataclass(frozen=True)
class Clock:
    """What calendars and clocks show at some event times.

    Attributes:
        local_ms: Local time in milliseconds since the local 1970, shape (n,).
    """

    local_ms: Ints

    @classmethod
    def at(cls, times: Ints, city: Ints) -> Clock:
        """Read the local clock.

        Args:
            times: n event times in milliseconds since the epoch, UTC.
            city: n indexes into `CITIES`.
        """
        return cls(local_ms=times + _UTC_OFFSET_MS[city])

    @property
    def hour(self) -> Ints:
        """Hour of the day, 0 to 23, shape (n,)."""
        return rest(self.local_ms // 3_600_000, 24)

    @property
    def weekday(self) -> Ints:
        """Day of the week, 0 for Monday to 6, shape (n,)."""
        return rest(self.local_ms // 86_400_000 + 3, 7)  # 1970 began on a Thursday

    @property
    def month(self) -> Ints:
        """Month of the year, 0 to 11, shape (n,)."""
        day = self.local_ms // 86_400_000
        first, last = (day.min(), day.max()) if len(day) else (0, 0)
        # Many events, few days: the calendar is asked once for each day.
        months = np.arange(first, last + 1).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
        return months[day - first]
