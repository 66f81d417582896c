"""Vectorised pieces that generators share. Nothing here holds or imitates personal data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint16)
_UUID_GROUPS = ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24))  # from, to, place in the text

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

USERS = 50_000
"""How many people the shipped domains are about: enough that one of them is seldom busy by chance."""
COMPROMISED_USERS = 1_000
"""The first so many of `users` are identities in the wrong hands. Patterns draw their subjects from them, so that
a user's trouble shows in more than one domain."""


def seeded(name: str, seed: int) -> np.random.Generator:
    """Start a source of randomness of its own for each generator, so that equal seeds do not make them move together.

    Args:
        name: The generator's name.
        seed: The user's seed, 0 or more.
    """
    return np.random.default_rng([seed, *name.encode()])


def uuids(rng: np.random.Generator, n: int) -> pa.Array:
    """Make random version 4 UUIDs (RFC 9562) in their text form.

    Args:
        rng: The source of randomness.
        n: How many.

    Returns:
        A string array of length n.
    """
    return _uuid_text(np.frombuffer(rng.bytes(16 * n), dtype=np.uint8).reshape(n, 16), version=4)


@lru_cache(maxsize=32)
def population(name: str, n: int) -> pa.Array:
    """Name the members of a fixed population, such as `users`, which several domains share.

    The same name gives the same members on every machine, whatever the seed of a generator; a larger population
    begins with the members of a smaller one. The ids are UUIDs of version 8 (RFC 9562): a hash of the name.

    Args:
        name: The population's name.
        n: Its size.

    Returns:
        A string array of n different UUIDs.
    """
    return _uuid_text(np.frombuffer(_hash(f"population/{name}", 16 * n), dtype=np.uint8).reshape(n, 16), version=8)


def trait(name: str, n: int) -> Floats:
    """Give each member of a population a fixed number, from which a lasting property such as a home is made.

    Args:
        name: The trait's name, such as `users/home`: the same name gives the same numbers on every machine.
        n: The population's size.

    Returns:
        n numbers, uniform in [0, 1).
    """
    return np.frombuffer(_hash(f"trait/{name}", 4 * n), dtype="<u4") / 2.0**32


def pick(uniform: Floats, weights: Any, row: Ints | None = None) -> Ints:
    """Turn uniform numbers into weighted choices, each by its own row of weights where there are several.

    Args:
        uniform: n numbers in [0, 1).
        weights: Relative weights, shape (k,), or (rows, k): such as one row for each hour of the day.
        row: With weights of shape (rows, k), which row each of the n choices uses.

    Returns:
        n indexes below k.
    """
    table = np.atleast_2d(np.asarray(weights, dtype=float))
    upto = np.cumsum(table, axis=1) / table.sum(axis=1, keepdims=True)
    upto[:, -1] = 1.0  # rounding must not leave a gap at the end
    if row is None:
        return np.searchsorted(upto[0], uniform, side="right")
    # One search over all rows at once: row r holds the numbers from r to r + 1.
    found = np.searchsorted((upto + np.arange(len(table))[:, None]).ravel(), uniform + row, side="right")
    return np.asarray(np.minimum(found - row * table.shape[1], table.shape[1] - 1), dtype=np.int64)


def text(values: Any, index: Ints, null: Bools | None = None) -> pa.Array:
    """Look up strings by index.

    Args:
        values: The k strings, as a sequence or as an Arrow array, which is quicker where there are many.
        index: n indexes below k.
        null: Where to put null instead, shape (n,).

    Returns:
        A string array of length n.
    """
    known = values if isinstance(values, pa.Array) else _strings(tuple(values))
    return known.take(pa.array(index, mask=null))


def choose(rng: np.random.Generator, values: Any, n: int, weights: Any = None) -> pa.Array:
    """Draw n of some strings.

    Args:
        rng: The source of randomness.
        values: The k strings to draw from.
        n: How many to draw.
        weights: Relative weights, shape (k,). Default: all alike.

    Returns:
        A string array of length n.
    """
    return text(values, pick(rng.random(n), np.ones(len(values)) if weights is None else weights))


def lists(values: Any, chosen: Bools) -> pa.Array:
    """Make lists of strings, each holding some of the same values.

    Args:
        values: The k strings.
        chosen: Which of them each of the n lists holds, shape (n, k).

    Returns:
        A list array of length n.
    """
    ends = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), text(values, np.nonzero(chosen)[1]))


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


@dataclass(frozen=True)
class Clock:
    """What calendars and clocks show at some event times.

    Attributes:
        hour: Hour of the day, 0 to 23, shape (n,).
        month: Month of the year, 0 to 11, shape (n,).
    """

    hour: Ints
    month: Ints

    @classmethod
    def at(cls, times: Ints, city: Ints) -> Clock:
        """Read the local clock.

        Args:
            times: n event times in milliseconds since the epoch, UTC.
            city: n indexes into `CITIES`.
        """
        local = times + np.array([c.utc_offset for c in CITIES])[city] * 3_600_000
        month = local.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12
        return cls(hour=local // 3_600_000 % 24, month=month)


@dataclass(frozen=True)
class Burst:
    """The events of one batch that belong to bursts, k of them.

    Attributes:
        slot: Their positions in the batch, ascending.
        subject: Who or what each is about: an index into the population.
        step: How many events of its burst came before it.
        left: How many events of its burst are still to come; 0 for its last.
    """

    slot: Ints
    subject: Ints
    step: Ints
    left: Ints


class Bursts:
    """Spread runs of events about one subject over time: the shape of card testing, repeated claims, sensor spikes.

    A burst may reach over several batches; its events then follow in the batches to come.

    Args:
        rng: The source of randomness.
        rate: The share of all events that belong to bursts, 0 to below 1.
        subjects: How many subjects there are to draw from, evenly.
        length: The fewest and the most events of a burst.
        gap_ms: The mean time between two events of a burst, milliseconds.
    """

    def __init__(
        self, rng: np.random.Generator, *, rate: float, subjects: int, length: tuple[int, int], gap_ms: float
    ) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"a rate of {rate} is not a share from 0 to below 1")
        self._rng, self._subjects, self._length, self._gap_ms = rng, subjects, length, gap_ms
        self._start = rate / ((length[0] + length[1]) / 2)
        self._waiting = np.empty((0, 4), dtype=np.int64)  # due time, subject, step, left

    def take(self, times: Ints) -> Burst:
        """Say which events of a batch belong to bursts.

        Args:
            times: The event times of the batch, milliseconds since the epoch, ascending.
        """
        starts = np.flatnonzero(self._rng.random(len(times)) < self._start)
        lengths = self._rng.integers(self._length[0], self._length[1] + 1, len(starts))
        burst = np.repeat(np.arange(len(starts)), lengths)
        step = np.arange(len(burst)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        gaps = np.where(step == 0, 0.0, self._rng.exponential(self._gap_ms, len(burst)))
        upto = np.cumsum(gaps)
        since_start = upto - upto[np.arange(len(burst)) - step] if len(burst) else upto
        subject = self._rng.integers(0, self._subjects, len(starts))[burst]
        due = times[starts][burst] + since_start.astype(np.int64)
        new = np.stack([due, subject, step, lengths[burst] - 1 - step], axis=1)
        waiting = np.concatenate([self._waiting, new])
        waiting = waiting[np.argsort(waiting[:, 0], kind="stable")]

        # The first free slot at or after each due time: slots must rise by one at least.
        order = np.arange(len(waiting))
        slot = np.maximum.accumulate(np.searchsorted(times, waiting[:, 0]) - order) + order
        now = slot < len(times)
        self._waiting = waiting[~now]
        _, subject, step, left = waiting[now].T
        return Burst(slot=slot[now], subject=subject, step=step, left=left)


@lru_cache(maxsize=256)
def _strings(values: tuple[str, ...]) -> pa.Array:
    return pa.array(values, type=pa.string())


def _hash(name: str, size: int) -> bytes:
    return hashlib.shake_256(f"riskloom/{name}".encode()).digest(size)


def _uuid_text(raw: npt.NDArray[np.uint8], version: int) -> pa.Array:
    raw = raw.copy()
    raw[:, 6] = (raw[:, 6] & 0x0F) | (version << 4)
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    digits = _HEX[raw].view(np.uint8)
    chars = np.full((len(raw), 36), ord("-"), dtype=np.uint8)
    for begin, end, place in _UUID_GROUPS:
        chars[:, place : place + end - begin] = digits[:, begin:end]
    ends = np.arange(0, 36 * len(raw) + 1, 36, dtype=np.int32)
    return pa.StringArray.from_buffers(len(raw), pa.py_buffer(ends), pa.py_buffer(chars))
