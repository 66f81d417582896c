"""Vectorised pieces that generators share. Nothing here holds or imitates personal data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

_HYPHENS = (8, 13, 18, 23)
_HEX_POSITIONS = np.array([i for i in range(36) if i not in _HYPHENS])


def uuids(rng: np.random.Generator, n: int) -> pa.Array:
    """Make random version 4 UUIDs (RFC 9562) in their text form.

    Args:
        rng: The source of randomness.
        n: How many.

    Returns:
        A string array of length n.
    """
    raw = rng.integers(0, 256, size=(n, 16), dtype=np.uint8)
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    text = np.full((n, 36), ord("-"), dtype=np.uint8)
    text[:, _HEX_POSITIONS] = np.frombuffer(raw.tobytes().hex().encode(), dtype=np.uint8).reshape(n, 32)
    return pa.array(text.view("S36").ravel(), type=pa.binary(36)).cast(pa.binary()).cast(pa.string())


def choose(rng: np.random.Generator, values: Any, n: int, weights: Any = None) -> pa.Array:
    """Draw n of some values as a string array.

    Args:
        rng: The source of randomness.
        values: The values to draw from, shape (k,).
        n: How many to draw.
        weights: Relative weights, shape (k,). Default: all alike.
    """
    share = None if weights is None else np.asarray(weights, dtype=float) / np.sum(weights)
    return pa.array(values, type=pa.string()).take(pa.array(rng.choice(len(values), size=n, p=share)))
