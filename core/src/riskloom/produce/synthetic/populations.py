"""Who and what events are about: fixed populations, the same for every seed and in every domain."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskloom.produce.synthetic.columns import Bools, Floats, Ints, fixed_width, uuid_text

USERS = 50_000
"""How many people the shipped domains are about: enough that one of them is seldom busy by chance."""
COMPROMISED_USERS = 1_000
"""The first so many of `users` are identities in the wrong hands. Patterns draw their subjects from them, so that
a user's trouble shows in more than one domain."""


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
    return fixed_width(_ids(name, n))


def members(name: str, n: int, index: Ints, null: Bools | None = None) -> pa.Array:
    """Name some members of a population: what `text` would look up in it, several times as fast.

    Args:
        name: The population's name, as in `population`.
        n: Its size.
        index: Which members: k indexes below n.
        null: Where to put null instead, shape (k,).

    Returns:
        A string array of length k.
    """
    return fixed_width(_ids(name, n).take(index, axis=0), null)


def trait(name: str, n: int) -> Floats:
    """Give each member of a population a fixed number, from which a lasting property such as a home is made.

    Args:
        name: The trait's name, such as `users/home`: the same name gives the same numbers on every machine.
        n: The population's size.

    Returns:
        n numbers, uniform in [0, 1).
    """
    return np.frombuffer(_hash(f"trait/{name}", 4 * n), dtype="<u4") / 2.0**32


@lru_cache(maxsize=32)
def _ids(name: str, n: int) -> npt.NDArray[np.uint8]:
    return uuid_text(np.frombuffer(_hash(f"population/{name}", 16 * n), dtype=np.uint8).reshape(n, 16), version=8)


def _hash(name: str, size: int) -> bytes:
    return hashlib.shake_256(f"riskloom/{name}".encode()).digest(size)
