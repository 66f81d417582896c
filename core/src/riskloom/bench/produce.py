"""How many events a second one process delivers to Kafka, beside librdkafka without any making and encoding."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from riskloom.bench.cpu import cpu_seconds
from riskloom.bench.environment import environment
from riskloom.bench.loops import Loop, Loops, Sent
from riskloom.bench.servers import Report, Servers
from riskloom.bench.spans import ratio
from riskloom.discovery import InstalledDomain
from riskloom.errors import DeliveryError
from riskloom.offsets import end_offsets, total
from riskloom.produce.client import DEFAULTS, UNPACED
from riskloom.produce.producer import produce_events
from riskloom.produce.report import DeliveryReport
from riskloom.schemas.registry import register_all
from riskloom.topics import ensure_topics

_STAGES = ("generate", "encode", "enqueue", "acknowledge", "queue_full")


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    duration: float
    """Seconds of each run."""
    rounds: int
    """How often the producer and raw librdkafka take turns, after one uncounted turn of each."""
    events: int = 262_144
    """How many different events the comparisons send over and over: more than a processor's cache holds."""
    seed: int = 0


@dataclass(frozen=True)
class _Run:
    """What one run delivered."""

    per_s: float
    """Records that the topics grew by, a second."""
    lost: int
    """Events that were sent and are not in the topics."""
    cpu_us: Mapping[str, float]
    """Microseconds of processor time an event, by process."""
    report: DeliveryReport | None = None
    """Of riskloom's own producer."""


def bench_produce(
    servers: Servers, domains: Sequence[InstalledDomain], plan: Plan, *, report: Report
) -> tuple[dict[str, Any], bool]:
    """Measure the producer without a rate, raw librdkafka and confluent's Avro serializer in turns.

    Args:
        servers: Where everything runs.
        domains: The domains, mixed by their shares.
        plan: What is measured.
        report: Is told of progress.

    Returns:
        What the JSON says, and whether every event that was sent is in its topic.

    Raises:
        RiskloomError: If a server cannot be reached, Kafka takes nothing, or a generator fails.
    """
    about = environment(servers.settings)
    ensure_topics(servers.settings, domains)
    ids = {topic: schema.schema_id for topic, schema in register_all(servers.settings, domains).items()}
    report(f"making {plan.events:,} events for the comparison")
    loops = Loops(servers.settings, domains, ids, plan.events, plan.seed)
    bench = _Bench(servers, domains, plan, ids)
    turns: dict[str, Callable[[], _Run]] = {
        "riskloom": bench.riskloom,
        "raw librdkafka": partial(bench.loop, loops.raw()),
    }
    runs: dict[str, list[_Run]] = {name: [] for name in turns}
    for number in range(plan.rounds + 1):
        for name, turn in turns.items():
            run = turn()
            counted = f"{number} of {plan.rounds}" if number else "warm-up"
            report(f"{name}, {counted}: {run.per_s:,.0f} events a second")
            if number:
                runs[name].append(run)
    report("AvroSerializer and produce")
    serializer = bench.loop(loops.avro_serializer())
    ours, raw = runs["riskloom"], runs["raw librdkafka"]
    result = {
        "bench": "produce",
        **about,
        "duration_s": plan.duration,
        "rounds": plan.rounds,
        "client": {name: servers.settings.kafka_client.get(name, own) for name, own in (DEFAULTS | UNPACED).items()},
        **_summary(ours, raw, serializer),
    }
    return result, not any(run.lost for run in (*ours, *raw, serializer))


def _summary(ours: Sequence[_Run], raw: Sequence[_Run], serializer: _Run) -> dict[str, Any]:
    """Put the runs together; figures of several runs are medians, the ratio that of the ratios of each round."""
    reports = [run.report for run in ours if run.report]
    return {
        "events_per_s": round(median(run.per_s for run in ours)),
        "raw_librdkafka_per_s": round(median(run.per_s for run in raw)),
        "ratio": round(median(one.per_s / other.per_s for one, other in zip(ours, raw, strict=True)), 3),
        "avro_serializer_per_s": round(serializer.per_s),
        "avro_serializer_ratio": ratio(median(run.per_s for run in ours), serializer.per_s),
        "stage_us": {stage: _stage_us(reports, stage) for stage in _STAGES},
        "cpu_us": {
            "riskloom": _medians([run.cpu_us for run in ours]),
            "raw_librdkafka": _medians([run.cpu_us for run in raw]),
            "avro_serializer": _medians([serializer.cpu_us]),
        },
        "event_bytes": round(median(report.total.bytes / max(1, report.total.sent) for report in reports)),
        "limited_by": reports[-1].limited_by,
        "lost": sum(run.lost for run in (*ours, *raw, serializer)),
        "by_round": [
            {"events_per_s": round(one.per_s), "raw_librdkafka_per_s": round(other.per_s)}
            for one, other in zip(ours, raw, strict=True)
        ],
    }


def _stage_us(reports: Sequence[DeliveryReport], stage: str) -> float:
    return round(median(1e6 * r.stage_seconds.get(stage, 0.0) / max(1, r.total.sent) for r in reports), 3)


def _medians(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in figures), 3) for name in figures[0]}


class _Bench:
    """Runs one way of sending after the other, and looks into the topics for what came."""

    def __init__(
        self, servers: Servers, domains: Sequence[InstalledDomain], plan: Plan, schema_ids: Mapping[str, int]
    ) -> None:
        self._servers, self._domains, self._plan, self._ids = servers, domains, plan, schema_ids
        self._pids = {"producer": os.getpid(), **{n: pid for n, pid in servers.pids.items() if n == "kafka"}}

    def riskloom(self) -> _Run:
        """Run the producer without a rate."""
        settings, plan = self._servers.settings, self._plan
        reports: list[DeliveryReport] = []

        def produce(seconds: float) -> Sent:
            made = produce_events(
                settings, self._domains, throughput=0.0, duration=seconds, seed=plan.seed, schema_ids=self._ids
            )
            reports.append(made)
            return Sent(made.total.sent, made.seconds)

        run = self.loop(produce)
        return _Run(run.per_s, run.lost, run.cpu_us, reports[0])

    def loop(self, send: Loop) -> _Run:
        """Run a way of sending."""
        before, cpu = self._written(), cpu_seconds(self._pids)
        sent = send(self._plan.duration)
        after, delivered = cpu_seconds(self._pids), self._written() - before
        if delivered <= 0:
            raise DeliveryError(f"Kafka took none of the {sent.events:,} events that were sent; see its log")
        each = 1e6 / delivered
        return _Run(
            per_s=delivered / sent.seconds,
            lost=sent.events - delivered,
            cpu_us={name: each * (after[name] - cpu[name]) for name in self._pids},
        )

    def _written(self) -> int:
        topics = [installed.domain.topic.name for installed in self._domains]
        return sum(map(total, end_offsets(self._servers.settings, topics).values()))
