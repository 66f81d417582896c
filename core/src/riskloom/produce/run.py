"""What every run of the producer has: a clock, ledgers, someone to tell, and an orderly end with a report."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from riskloom.produce.client import Client
from riskloom.produce.rate import TOLERANCE, Stopwatch, limit
from riskloom.produce.report import DeliveryReport, Ledger, Progress

_PROGRESS_S = 0.2


class Run:
    """What a run keeps while it goes on: the clock, the ledgers and who is told.

    Args:
        ledgers: By domain.
        client: Where the events go.
        stopwatch: The time by stage.
        stop: Set from outside to end the run.
        progress: Called a few times a second.
    """

    def __init__(
        self,
        ledgers: Mapping[str, Ledger],
        client: Client,
        stopwatch: Stopwatch,
        stop: threading.Event | None,
        progress: Callable[[Progress], None] | None,
    ) -> None:
        self.client = client
        self._ledgers = ledgers
        self._stopwatch = stopwatch
        self._stop = stop or threading.Event()
        self._progress = progress
        self._told = 0.0
        self._start = time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether the run was ended from outside."""
        return self._stop.is_set()

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def serve(self, until: float = 0.0) -> None:
        """Take in delivery reports and tell the progress.

        Args:
            until: When to come back, in seconds after the start; at once when that has passed.
        """
        with self._stopwatch.stage("acknowledge"):
            self.client.poll()
        while not self.stopped and (left := until - self.elapsed()) > 0:
            with self._stopwatch.stage("idle"):
                self.client.poll(min(left, _PROGRESS_S))
            self.tell()
        self.tell()

    def tell(self) -> None:
        """Call the progress callback, if it is time."""
        now = self.elapsed()
        if self._progress is None or now - self._told < _PROGRESS_S:
            return
        self._told = now
        total = Ledger.merged(self._ledgers)
        self._progress(
            Progress(
                seconds=now,
                sent={name: ledger.sent for name, ledger in self._ledgers.items()},
                acknowledged=max(0, total.acknowledged - self.client.waiting),  # dead letters of a file wait as well
                failed=total.failed.total(),
                rejected=total.rejected,
            )
        )

    def finish(self, asked: Mapping[str, float | None], asked_total: float | None) -> DeliveryReport:
        """Wait for what was sent and sum up.

        Args:
            asked: Events a second that were asked for, by domain.
            asked_total: The same over all domains; None for as many as possible.
        """
        sending = self.elapsed()
        self.client.drain(self.tell)
        seconds = self.elapsed()
        total = Ledger.merged(self._ledgers)
        held = asked_total is not None and total.sent >= (1 - TOLERANCE) * asked_total * sending - 1
        stages = self._stopwatch.seconds
        return DeliveryReport(
            domains={name: ledger.delivery(seconds, asked[name]) for name, ledger in self._ledgers.items()},
            total=total.delivery(seconds, asked_total),
            seconds=round(seconds, 3),
            interrupted=self.stopped,
            limited_by=None if held else limit(stages, broker_is_busy=self.client.broker_is_busy),
            stage_seconds={name: round(spent, 3) for name, spent in stages.items()},
        )
