"""Keeps a running query's status up to date, in a thread of its own."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from riskloom.errors import DeliveryError
from riskloom.offsets import Offsets, end_offsets
from riskloom.settings import Settings
from riskloom.stream.metrics import DomainMetrics, JobMonitor
from riskloom.stream.status import Batch, Rate, Rates, WindowState

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

_log = logging.getLogger(__name__)

_EVERY_S = 2.0
"""As often as the executors report."""
_RECENT_S = 10.0


class Reporter:
    """Reads a query's numbers every two seconds while this context lasts, and once more at its end.

    Args:
        query: The query.
        monitor: The one that it was started with.
        settings: Where Kafka is.
        topics: The topic of each domain.
        positions: Where the query began to read.
        update: Is given the parts of `JobStatus` that change.
    """

    def __init__(
        self,
        query: StreamingQuery,
        monitor: JobMonitor,
        settings: Settings,
        topics: Mapping[str, str],
        positions: Offsets,
        update: Callable[..., None],
    ) -> None:
        self._query, self._monitor, self._settings = query, monitor, settings
        self._topics, self._positions, self._tell = topics, positions, update
        self._samples: deque[tuple[float, int, int]] = deque([(time.monotonic(), 0, 0)])
        self._start = self._samples[0]
        self._ended = Event()
        self._thread = Thread(target=self._run, name="status", daemon=True)

    def __enter__(self) -> Reporter:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if kind is None:  # else the JVM may be gone
            self._monitor.settle()
            self._update()

    def _run(self) -> None:
        from py4j.protocol import Py4JError

        while not self._ended.wait(_EVERY_S):
            try:
                self._update()
            except (Py4JError, OSError) as error:  # the JVM is going: whoever waits for the query will say why
                _log.debug("the job's numbers cannot be read: %s", error)

    def _update(self) -> None:
        domains = self._monitor.read()
        self._tell(domains=domains, rates=self._rates(domains), lag=self._lag(domains), **_progress(self._query))

    def _rates(self, domains: Mapping[str, DomainMetrics]) -> Rates:
        now = time.monotonic()
        read, scored = (sum(getattr(one, name) for one in domains.values()) for name in ("read", "scored"))
        self._samples.append((now, read, scored))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _RECENT_S:
            self._samples.popleft()
        recent, whole = self._samples[0], self._start

        def rate(place: int, count: int) -> Rate:
            return Rate(
                last_10_s=round((count - recent[place]) / max(now - recent[0], 1e-9), 1),
                since_start=round((count - whole[place]) / max(now - whole[0], 1e-9), 1),
            )

        return Rates(read=rate(1, read), scored=rate(2, scored))

    def _lag(self, domains: Mapping[str, DomainMetrics]) -> dict[str, int] | None:
        try:
            ends = end_offsets(self._settings, self._topics.values())
        except DeliveryError:
            return None
        lag = {}
        for name, topic in self._topics.items():
            begun, read = self._positions.get(topic, {}), domains[name].positions
            lag[topic] = sum(max(0, end - read.get(p, begun.get(p, 0))) for p, end in ends[topic].items())
        return lag


def _progress(query: StreamingQuery) -> dict[str, Any]:
    """Read what the query says of its last batch; nothing before the first has ended."""
    progress = query.lastProgress
    if progress is None:
        return {}
    operators = progress["stateOperators"]
    rows = sum(operator["numRowsTotal"] for operator in operators)
    seconds = progress["batchDuration"] / 1000
    return {
        "window_state": WindowState(
            # Spark reports 0 where it does not count.
            rows=rows or None,
            memory_bytes=sum(operator["memoryUsedBytes"] for operator in operators),
            disk_bytes=sum(operator["customMetrics"].get("rocksdbSstFileSize", 0) for operator in operators),
        ),
        "last_batch": Batch(
            id=progress["batchId"],
            events=progress["numInputRows"],
            seconds=seconds,
            ended=datetime.fromisoformat(progress["timestamp"]) + timedelta(seconds=seconds),
        ),
    }
