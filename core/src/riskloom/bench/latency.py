"""From the creation of an event to the receipt of its score, under a steady load; and the same without any scoring."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.bench.cpu import cpu_seconds, spent
from riskloom.bench.environment import environment
from riskloom.bench.job import Job
from riskloom.bench.load import load
from riskloom.bench.pipelines import Pipeline, Pipelines
from riskloom.bench.receive import Receipts, receive
from riskloom.bench.servers import Report, Servers
from riskloom.bench.spans import Span, batch_ends, boundaries, percentiles, ratio
from riskloom.bench.worker import Worker
from riskloom.discovery import InstalledDomain
from riskloom.offsets import end_offsets
from riskloom.produce.rate import Schedule
from riskloom.produce.report import DeliveryReport, Progress

_DRAIN_PATIENCE_S = 30.0
"""How long the end waits without a single new record before it counts the rest as lost."""
_TICK_S = 0.1


@dataclass(frozen=True)
class Plan:
    """What is sent, and when it counts."""

    rate: float
    """Events a second, of all domains together."""
    warm_up: float
    """Seconds of load before those that count."""
    duration: float
    """Seconds that count."""
    batch: float
    """How long a batch of the job lasts, in seconds: state and offsets are saved at its end."""
    seed: int = 0
    configuration: Mapping[str, str] = field(default_factory=dict)
    """Spark properties that win over riskloom's own."""


@dataclass(frozen=True)
class Measured:
    """What one job came to."""

    summary: dict[str, Any]
    """What the JSON says of it."""
    span: Span
    """The time that counts."""
    created_ms: npt.NDArray[np.int64]
    """When each event was made that has a score, in milliseconds since the epoch, shape (n,)."""
    latency_ms: npt.NDArray[np.float64]
    """From then until its score was received, shape (n,)."""

    @property
    def complete(self) -> bool:
        """Whether every event that was due came out, and none as a dead letter."""
        return not any(self.summary[name] for name in ("unsent", "lost", "dead_lettered"))


class LatencyBench:
    """Measures jobs, one after the other, under the same load.

    Args:
        servers: Where everything runs.
        domains: The domains that the load is of.
        plan: The load.
        report: Is told of progress.
    """

    def __init__(self, servers: Servers, domains: Sequence[InstalledDomain], plan: Plan, report: Report) -> None:
        self._servers, self._settings = servers, servers.settings
        self._domains, self._plan, self._report = domains, plan, report

    def measure(self, pipeline: Pipeline) -> Measured:
        """Start a job, put it under load, wait until all of it has come out, and sum up.

        Raises:
            RiskloomError: If something cannot be started, or fails.
        """
        plan = self._plan
        with ExitStack() as stack:
            job = stack.enter_context(pipeline.start())
            begin = end_offsets(self._settings, pipeline.topics)
            consumer = stack.enter_context(Worker(receive, self._settings, begin, pipeline.prefixes))
            while consumer.news is None:
                time.sleep(_TICK_S)
            self._report(
                f"producing {plan.rate:g} events a second for {plan.warm_up:g} s of warm-up and {plan.duration:g} s"
            )
            seconds = plan.warm_up + plan.duration
            producer = stack.enter_context(Worker(load, self._settings, self._domains, plan.rate, seconds, plan.seed))
            pids = {"producer": producer.pid, "consumer": consumer.pid, "job": job.pid, **self._servers.pids}
            cpu = self._under_load(job, producer, consumer, pids)
            delivered: DeliveryReport = producer.result()
            self._report("draining")
            self._drain(job, consumer, delivered.total.acknowledged)
            progress = [dict(report) for report in job.query.recentProgress]
            receipts: Receipts = consumer.result(ask=True)
        return summed_up(plan, receipts, delivered, cpu, batch_ends(progress))

    def _under_load(self, job: Job, producer: Worker, consumer: Worker, pids: Mapping[str, int]) -> dict[str, float]:
        """Wait until the producer is done; answer the CPU seconds of the span that counts, by process."""
        plan, begun = self._plan, 0.0
        begin: dict[str, float] = {}
        last: dict[str, float] = {}
        while not producer.ended:
            job.alive()
            _ = consumer.news  # raises when it has failed
            now: Progress | None = producer.news
            if now is not None:
                begun = begun or time.monotonic() - now.seconds
                elapsed = time.monotonic() - begun
                if not begin and elapsed >= plan.warm_up:
                    begin = cpu_seconds(pids)
                if begin:
                    last |= cpu_seconds(pids)
            time.sleep(_TICK_S)
        return spent(begin, last)

    def _drain(self, job: Job, consumer: Worker, events: int) -> None:
        last, patience = -1, time.monotonic() + _DRAIN_PATIENCE_S
        while (seen := consumer.news or 0) < events and time.monotonic() < patience:
            if seen > last:
                last, patience = seen, time.monotonic() + _DRAIN_PATIENCE_S
            job.alive()
            time.sleep(_TICK_S)


def summed_up(
    plan: Plan, receipts: Receipts, delivered: DeliveryReport, cpu: Mapping[str, float], ends_ms: Sequence[float]
) -> Measured:
    """Sum up what a job came to.

    Args:
        plan: The load.
        receipts: What was received.
        delivered: What the producer says.
        cpu: CPU seconds by process.
        ends_ms: When batches ended, in milliseconds since the epoch.
    """
    # An event may be scored again after a restart: its first score counts.
    _, first = np.unique(receipts.identities, return_index=True)
    created_ms = receipts.created_ms[first]
    latency_ms = receipts.received_ms[first] - created_ms
    begin_ms = float(created_ms.min(initial=time.time_ns() // 1_000_000)) + plan.warm_up * 1000
    span = Span(begin_ms, begin_ms + plan.duration * 1000)
    counted = span.holds(created_ms)
    total = delivered.total
    due = _due(delivered, plan.warm_up + plan.duration)
    summary = {
        **percentiles(latency_ms[counted]),
        "events": int(counted.sum()),
        "unsent": due - total.acknowledged,
        "received": len(first),
        "repeated": len(receipts.identities) - len(first),
        "dead_lettered": receipts.others,
        "lost": total.acknowledged - len(first) - receipts.others,
        "boundaries": boundaries(ends_ms, span, created_ms, latency_ms),
        "cpu_seconds": cpu,
        "producer": {**total.model_dump(), "limited_by": delivered.limited_by},
    }
    return Measured(summary, span, created_ms, latency_ms)


def _due(delivered: DeliveryReport, seconds: float) -> int:
    """How many events the schedule had, whether they were sent or not."""
    return sum(Schedule(d.asked_rate, 0.0).due(seconds) for d in delivered.domains.values() if d.asked_rate)


def bench_latency(
    servers: Servers,
    domains: Sequence[InstalledDomain],
    plan: Plan,
    *,
    report: Report,
    with_floor: bool = True,
    plot: Path | None = None,
) -> tuple[dict[str, Any], bool]:
    """Measure the job that scores, then the one that passes records through.

    Args:
        servers: Where everything runs.
        domains: The domains.
        plan: The load.
        report: Is told of progress.
        with_floor: Whether to measure the pass-through job.
        plot: A file for a picture of the latencies over time.

    Returns:
        What the JSON says, and whether every event that was due came out.

    Raises:
        RiskloomError: If something cannot be started, or fails.
    """
    about = environment(servers.settings)
    pipelines = Pipelines(servers.settings, domains, plan.batch, plan.configuration, report)
    bench = LatencyBench(servers, domains, plan, report)
    measured = {"job": bench.measure(pipelines.scoring)}
    result = {
        "bench": "latency",
        **about,
        "rate": plan.rate,
        "duration_s": plan.duration,
        "warm_up_s": plan.warm_up,
        "batch_s": plan.batch,
        "partitions": {installed.domain.topic.name: installed.domain.topic.partitions for installed in domains},
        **measured["job"].summary,
    }
    if with_floor:
        measured["floor"] = bench.measure(pipelines.floor)
        result["floor"] = measured["floor"].summary
        result["ratio"] = ratio(result["p95_ms"], result["floor"]["p95_ms"])
    if plot is not None:
        from riskloom.bench.plots import plot_latency

        plot_latency(plot, measured)
    return result, all(one.complete for one in measured.values())
