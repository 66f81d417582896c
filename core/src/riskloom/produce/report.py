"""What a run of the producer reports: while it runs, and at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

_KEPT_LATENCIES = 16_384  # enough for a steady 99th percentile


class _Report(BaseModel):
    model_config = ConfigDict(frozen=True)


class Latency(_Report):
    """Milliseconds from handing an event to librdkafka until its acknowledgement was seen."""

    p50: float
    p95: float
    p99: float
    samples: int
    """How many acknowledgements were measured, evenly spread over the run; all of them in a short run."""


class Delivery(_Report):
    """What became of the events of one domain, or of all."""

    sent: int
    """Events handed to the Kafka client."""
    acknowledged: int
    """Events that Kafka acknowledged."""
    failed: dict[str, int]
    """Events that were not delivered, by librdkafka's name of the reason."""
    rejected: int
    """Rows of a file that did not fit the schema; they are in `dead-letters`."""
    bytes: int
    """Size of the values sent, before compression."""
    rate: float
    """Acknowledged events a second."""
    asked_rate: float | None
    """Events a second that were asked for; None for as many as possible."""
    delivery_ratio: float
    """Acknowledged of sent, 0 to 1; 1 when nothing was sent."""
    latency_ms: Latency | None
    """None when nothing was acknowledged, and of a run without a rate: it would measure how long the queue is."""


class DeliveryReport(_Report):
    """The end of a run."""

    domains: dict[str, Delivery]
    total: Delivery
    seconds: float
    """From the first event to the last acknowledgement."""
    interrupted: bool
    """Whether the run was stopped before its end."""
    limited_by: str | None
    """What kept the rate below the asked one by over 2 %, or limited a run without one: `generator`, `encoding`,
    `reading`, `enqueueing`, `acknowledging` (taking in delivery reports), `librdkafka` (its queue was full while the
    broker was quick) or `broker`."""
    stage_seconds: dict[str, float]
    """Where the time went, in seconds by stage; `idle` is waiting for the next event to be due."""
    unknown_columns: tuple[str, ...] = ()
    """Columns of a file that the schema does not have; they were not sent."""

    @property
    def complete(self) -> bool:
        """Whether everything was delivered: nothing failed, no row was rejected."""
        return not self.total.failed and not self.total.rejected

    def to_json(self) -> str:
        """Write the report as one JSON object."""
        return self.model_dump_json(indent=2)


@dataclass(frozen=True)
class Progress:
    """How far a run has come."""

    seconds: float
    """Since the start."""
    sent: Mapping[str, int]
    """Events handed to the Kafka client, by domain."""
    acknowledged: int
    """Events of all domains that Kafka acknowledged."""
    failed: int
    """Events of all domains that were not delivered."""
    rejected: int
    """Rows that did not fit the schema."""


class Ledger:
    """Counts what becomes of the events of one topic."""

    def __init__(self) -> None:
        self.sent = 0
        self.bytes = 0
        self.rejected = 0
        self.failed: Counter[str] = Counter()
        self.latencies: list[float] = []
        self._reports = 0
        self._every = 1

    @property
    def acknowledged(self) -> int:
        """How many events Kafka has, once none is waited for: all that were sent and did not fail."""
        return self.sent - self.failed.total()

    def on_acknowledged(self, latency: float) -> None:
        """Note how many seconds an event took. It is called for each of a paced run, so it does little."""
        self._reports += 1
        if self._reports % self._every == 0:
            self.latencies.append(latency)
            if len(self.latencies) == 2 * _KEPT_LATENCIES:  # halve them, so that they stay evenly spread
                self.latencies = self.latencies[1::2]
                self._every *= 2

    def delivery(self, seconds: float, asked_rate: float | None) -> Delivery:
        """Sum up.

        Args:
            seconds: How long the run took.
            asked_rate: Events a second that were asked for, None for as many as possible.
        """
        latency = None
        if self.latencies:
            p50, p95, p99 = (round(float(q) * 1000, 2) for q in np.percentile(self.latencies, (50, 95, 99)))
            latency = Latency(p50=p50, p95=p95, p99=p99, samples=len(self.latencies))
        return Delivery(
            sent=self.sent,
            acknowledged=self.acknowledged,
            failed=dict(self.failed),
            rejected=self.rejected,
            bytes=self.bytes,
            rate=round(self.acknowledged / seconds, 1) if seconds > 0 else 0.0,
            asked_rate=asked_rate,
            delivery_ratio=self.acknowledged / self.sent if self.sent else 1.0,
            latency_ms=latency,
        )

    @classmethod
    def merged(cls, ledgers: Mapping[str, Ledger]) -> Ledger:
        """Add up the ledgers of several topics.

        Each topic's samples count by how many events they stand for.
        """
        total = cls()
        coarsest = max((ledger._every for ledger in ledgers.values()), default=1)
        for ledger in ledgers.values():
            total.sent += ledger.sent
            total.bytes += ledger.bytes
            total.rejected += ledger.rejected
            total.failed.update(ledger.failed)
            total.latencies += ledger.latencies[:: coarsest // ledger._every]
        return total
