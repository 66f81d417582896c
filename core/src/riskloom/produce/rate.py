"""When events are due: an open-loop schedule, which does not wait for Kafka, and what kept a run from holding it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")

TOLERANCE = 0.02
"""How far below the asked rate a run may stay before it says what limited it."""

_WAIT_STAGES = ("idle", "queue_full")
_NAMES = {
    "generate": "generator",
    "read": "reading",
    "encode": "encoding",
    "enqueue": "enqueueing",
    "acknowledge": "acknowledging",
}


@dataclass(frozen=True)
class Schedule:
    """Events at even distances: number k, from 0, is due (k + 1) / rate seconds after the start.

    Attributes:
        rate: Events a second, above 0.
        start_ms: The start in milliseconds since the epoch, UTC.
    """

    rate: float
    start_ms: float

    def due(self, seconds: float) -> int:
        """Count the events due within some seconds of the start."""
        return int(seconds * self.rate + 1e-6)  # 0.3 s at 10 a second are 3 events, rounding errors or not

    def seconds(self, number: int) -> float:
        """Tell when the events before this number are all due, in seconds after the start."""
        return number / self.rate

    def times(self, first: int, beyond: int) -> npt.NDArray[np.int64]:
        """List event times.

        Args:
            first: Number of the first event.
            beyond: Number after the last one.

        Returns:
            Milliseconds since the epoch, UTC, ascending, shape (beyond - first,).
        """
        return (self.start_ms + np.arange(first + 1, beyond + 1) * (1000.0 / self.rate)).astype(np.int64)


class Stopwatch:
    """Adds up the time spent in each stage of a run."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of a block for a stage."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - begin

    def timed(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Pass items on, and count the time that each took to come for a stage."""
        coming = iter(items)
        while True:
            with self.stage(name):
                try:
                    item = next(coming)
                except StopIteration:
                    return
            yield item


def limit(stages: Mapping[str, float], *, broker_is_busy: bool) -> str:
    """Name what limited a run.

    Args:
        stages: Seconds by stage: generate or read, encode, enqueue, acknowledge, queue_full, idle.
        broker_is_busy: Whether requests waited for the broker while the queue was full.
    """
    work = {name: seconds for name, seconds in stages.items() if name not in _WAIT_STAGES}
    slowest = max(work, key=lambda name: work[name], default="enqueue")
    if stages.get("queue_full", 0.0) > work.get(slowest, 0.0):
        return "broker" if broker_is_busy else "librdkafka"
    return _NAMES.get(slowest, slowest)
