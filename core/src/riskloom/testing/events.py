"""The generated events that the checks look at."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from riskloom.discovery import InstalledDomain
from riskloom.domain import EventDomain
from riskloom.produce.generators import make_generator

_BATCH = 500
_START_MS = 1_760_000_000_000
_GAP_MS = 100
_PATTERN_RATE = 0.05  # enough patterns among the events to tell whether they score higher


def event_times(n: int) -> Any:
    """The times for which events are made: int64, milliseconds since the epoch, ten a second."""
    return _START_MS + np.arange(n, dtype=np.int64) * _GAP_MS


def make_events(installed: InstalledDomain, seed: int, n: int) -> pa.Table:
    """Make events with a generator of its own."""
    generator = make_generator(installed, seed, _PATTERN_RATE)
    parts = np.array_split(event_times(n), max(1, n // _BATCH))
    return pa.Table.from_batches([generator.batch(part) for part in parts])


def digest(events: pa.Table) -> str:
    """Name events by their content."""
    return hashlib.sha256(repr(events.to_pylist()).encode()).hexdigest()


def digest_of(domain: EventDomain, seed: int, n: int) -> str:
    """Make events of a domain, and name them by their content."""
    return digest(make_events(InstalledDomain(domain, "", "", ""), seed, n))
