"""Random numbers that are looked up instead of drawn: the same for the same place, whatever was asked before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskloom.produce.synthetic.columns import Floats, Ints

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def key_of(rng: np.random.Generator) -> int:
    """Draw a key for `hashed` from a source of randomness.

    Args:
        rng: The source of randomness.
    """
    return int(rng.integers(0, 2**63))


def hashed(key: int, *where: Ints | int) -> Floats:
    """Give each combination of numbers a fixed random number, such as the weather of a city in an hour.

    Nothing is kept, so a generator can look back and ahead in time, and split its events into batches as it likes.

    Args:
        key: Which of many tables of numbers to look in.
        where: What the numbers hang on: arrays of shape (n,) or numbers, at least one of them an array.

    Returns:
        n numbers, uniform in [0, 1).
    """
    mixed: npt.NDArray[np.uint64] = _mix(np.asarray(key, dtype=np.uint64).reshape(1))  # keys may follow each other
    for part in where:
        mixed = _mix(mixed + np.asarray(part, dtype=np.int64).view(np.uint64) + _STEP)  # wraps around, as it should
    numbers: Floats = (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scatter the bits: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    x = (x ^ (x >> np.uint64(30))) * _MIX[0]
    x = (x ^ (x >> np.uint64(27))) * _MIX[1]
    return x ^ (x >> np.uint64(31))
