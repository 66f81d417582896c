"""What goes on around the devices: heat that follows season, day and weather, and machines that follow shifts."""

from __future__ import annotations

import numpy as np

from riskloom.produce.synthetic import CITIES, Clock, Floats, Ints, divided, hashed

_DAY_MS = 86_400_000
_SPELL_MS = 3 * _DAY_MS  # how long warm and cold air stays
_LATITUDE = np.array([city.latitude for city in CITIES])
_DAY = np.sin((np.arange(24) - 9) / 24 * 2 * np.pi)  # by the hour: warmest in the afternoon
_SEASON = -np.cos((np.arange(12) - 0.5) / 12 * 2 * np.pi)  # by the month: -1 in mid-January, 1 in mid-July
_SHIFT = np.array([*[36.0] * 5, 42, 54, 63, 68, 70, 70, 66, 60, 66, 70, 70, 66, 60, 54, 50, 46, 42, 39, 37])
"""Load by the hour of a working day, percent."""


def ambient(key: int, times: Ints, city: Ints) -> Floats:
    """Work out the temperature around some devices, halls being warmer than the air outside.

    Args:
        key: Which weather, see `key_of`.
        times: Milliseconds since the epoch, shape (n,).
        city: n indexes into `CITIES`.

    Returns:
        n temperatures in degrees Celsius, to which each device adds its own noise.
    """
    clock = Clock.at(times, city)
    spell, into = divided(times, _SPELL_MS)
    part = into / _SPELL_MS
    # Air masses come and go: from one random number to the next. Some are heat waves.
    anomaly = [10 * (hashed(key, spell + i, city) - 0.5) for i in (0, 1)]
    weather = anomaly[0] * (1 - part) + anomaly[1] * part
    yearly = 24 - 0.25 * (_LATITUDE[city] - 26) + (2 + 0.35 * (_LATITUDE[city] - 26)) * _SEASON[clock.month]
    mean: Floats = yearly + weather + 5 * _DAY[clock.hour]
    return mean


def shift_load(times: Ints, city: Ints) -> Floats:
    """Say how busy machines are by the shifts: less at night and at weekends.

    Args:
        times: Milliseconds since the epoch, shape (n,).
        city: n indexes into `CITIES`.

    Returns:
        n loads in percent.
    """
    clock = Clock.at(times, city)
    weekend = clock.weekday >= 5
    load: Floats = _SHIFT[clock.hour] * np.where(weekend, 0.8, 1.0)
    return load
