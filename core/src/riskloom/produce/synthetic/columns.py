"""Columns drawn at random: identifiers, weighted choices, strings and lists of them."""

from __future__ import annotations

from binascii import hexlify
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_UUID_PLACES = (0, 4, 9, 14, 19, 24, 28, 32)  # in the text, of each 4 of the 32 digits

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


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
    drawn = rng.integers(0, 2**64, (n, 2), dtype=np.uint64)  # much faster than rng.bytes
    return fixed_width(uuid_text(drawn.view(np.uint8), version=4))


def uuid_text(raw: npt.NDArray[np.uint8], version: int) -> npt.NDArray[np.uint8]:
    """Write 16-byte rows as UUIDs of a version (RFC 9562).

    Args:
        raw: The bytes, shape (n, 16).
        version: The version to mark them with.

    Returns:
        Their ASCII characters, shape (n, 36).
    """
    raw = raw.copy()
    raw[:, 6] = (raw[:, 6] & 0x0F) | (version << 4)
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    digits = _digits().take(raw.view(np.uint16))
    text = np.full((len(raw), 36), ord("-"), dtype=np.uint8)
    for n, place in enumerate(_UUID_PLACES):
        text[:, place : place + 4].view(np.uint32)[:, 0] = digits[:, n]
    return text


def fixed_width(text: npt.NDArray[np.uint8], null: Bools | None = None) -> pa.Array:
    """Take rows of UTF-8 as strings.

    Args:
        text: Strings of the same number of bytes, shape (n, width).
        null: Where to put null instead, shape (n,).

    Returns:
        A string array of length n.
    """
    n, width = text.shape
    ends = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    valid = None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little"))
    return pa.StringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(text)), valid)


def divided(whole: Ints, by: int) -> tuple[Ints, Ints]:
    """Divide with a rest: `np.divmod` by one number, at a third of its time, as NumPy divides many numbers at once.

    Args:
        whole: What to divide, shape (n,).
        by: The divisor, above 0.

    Returns:
        The quotients, rounded down, and the rests, from 0 to below `by`.
    """
    quotient = whole // by
    return quotient, whole - quotient * by


def rest(whole: Ints, by: int) -> Ints:
    """Give the second of what `divided` gives.

    Args:
        whole: What to divide, shape (n,).
        by: The divisor, above 0.
    """
    return divided(whole, by)[1]


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
    upto = table.cumsum(axis=1)[:, :-1] / table.sum(axis=1, keepdims=True)  # beyond all of them is the last choice
    if row is None or (row == row[:1]).all():  # such as the hour of events of one minute
        return np.searchsorted(upto[0 if row is None or not len(row) else row[0]], uniform, side="right")
    # Adding up comparisons is quicker than a search in each row's own limits, as there are seldom many choices.
    found = np.zeros(len(uniform), dtype=np.int64)
    for limits in upto.T:
        found += uniform >= limits[row]
    return found


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


def same(value: str, n: int) -> pa.Array:
    """Repeat a string.

    Args:
        value: The string.
        n: How many times.

    Returns:
        A string array of length n.
    """
    data = value.encode()
    return fixed_width(np.frombuffer(data * n, dtype=np.uint8).reshape(n, len(data)))


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
    n, k = chosen.shape
    ends = np.zeros(n + 1, dtype=np.int32)
    ends[1:] = chosen.ravel().cumsum(dtype=np.int32)[k - 1 :: k]
    return pa.ListArray.from_arrays(pa.array(ends), text(values, rest(np.flatnonzero(chosen), k)))


@lru_cache(maxsize=1)
def _digits() -> npt.NDArray[np.uint32]:
    """List the four hexadecimal digits of each two bytes, by the number that the two are."""
    return np.frombuffer(hexlify(np.arange(2**16, dtype=np.uint16).tobytes()), dtype=np.uint32)


@lru_cache(maxsize=256)
def _strings(values: tuple[str, ...]) -> pa.Array:
    return pa.array(values, type=pa.string())
