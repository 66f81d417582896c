"""Starts everything, runs it for a while, drains it, and sums up."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from riskloom.demo.observer import Latency, Observer, Seen
from riskloom.discovery import InstalledDomain
from riskloom.produce.producer import produce_events
from riskloom.produce.report import DeliveryReport, Progress
from riskloom.schemas.registry import register_all
from riskloom.settings import Settings, load_settings
from riskloom.stack.local import LocalStack
from riskloom.stream.job import SHUFFLE_PARTITIONS, Mode, start_query
from riskloom.stream.session import spark_log, spark_session
from riskloom.stream.slots import local_master, tasks_of
from riskloom.stream.supervise import require_running, stop, wait_until_reading
from riskloom.stream.warmup import warm_up
from riskloom.topics import ensure_topics

WARM_UP_S = 20.0
"""Seconds at the start of the load that `latency_ms` leaves out: the JVM is still compiling."""

_DRAIN_PATIENCE_S = 20.0
"""How long the drain waits without a single new score before it counts the rest as lost."""
_TICK_S = 0.25

Report = Callable[[str], None]


@dataclass(frozen=True)
class Moment:
    """What a live view shows."""

    elapsed: float
    """Seconds since the first event."""
    duration: float
    produced: Mapping[str, int]
    seen: Seen
    recent_latency: Latency
    """Of the last five seconds."""


@dataclass(frozen=True)
class Summary:
    """What the demo came to. Counts are by domain."""

    seconds: float
    warm_up_seconds: float
    produced: Mapping[str, int]
    scored: Mapping[str, int]
    dead_lettered: Mapping[str, int]
    lost: int
    """Produced, minus scored, minus dead-lettered, after the drain."""
    latency_ms: Latency
    """Event creation to receipt of its score, without the warm-up."""
    latency_ms_all: Latency
    """The same, of the whole run."""
    levels: Mapping[str, Mapping[str, int]]
    top: Sequence[Mapping[str, Any]]
    producer: Mapping[str, Any]

    @property
    def passed(self) -> bool:
        """Whether events were scored and none was lost."""
        return self.lost == 0 and sum(self.scored.values()) > 0

    def as_dict(self) -> dict[str, Any]:
        """The summary as `--json` prints it."""
        return asdict(self)


@contextmanager
def started(
    domains: Sequence[InstalledDomain], home: Path, report: Report, asked: Event
) -> Iterator[tuple[Settings, Callable[[], None]]]:
    """Have servers and job run for as long as this context lasts.

    Args:
        domains: The domains to score.
        home: An empty folder for the servers' data, the logs and the checkpoint.
        report: Is told of progress.
        asked: Set when the user wants to stop.

    Yields:
        Where the servers are, and a function that raises JobError when the job no longer runs.
    """
    with ExitStack() as stack, ThreadPoolExecutor(1, "stack") as pool:
        # Kafka takes as long to start as Spark: both at once.
        local = LocalStack(home, short_lived=True)
        servers: Future[dict[str, str]] = pool.submit(stack.enter_context, local.running(report))
        settings = Settings(home=home)
        partitions = sum(installed.domain.topic.partitions for installed in domains)
        tasks = tasks_of(domains, partitions, Mode.REALTIME)
        report("starting Spark")
        spark = spark_session(
            settings,
            local_master(Mode.REALTIME, tasks),
            shuffle_partitions=SHUFFLE_PARTITIONS,
            short_lived=True,
        )
        stack.callback(stop, spark)
        report("compiling the job")
        warm_up(spark, settings, domains)
        settings = load_settings(home=home, **servers.result())
        ensure_topics(settings, domains)
        schemas = register_all(settings, domains)
        report("starting the job in Real-Time Mode")
        query = start_query(spark, settings, domains, schemas, checkpoint=home / "checkpoint")
        alive = partial(require_running, query, spark_log(settings))
        wait_until_reading(spark, tasks, alive, asked)
        yield settings, alive


def run_demo(
    domains: Sequence[InstalledDomain],
    *,
    rate: float,
    duration: float,
    seed: int,
    report: Report,
    show: Callable[[Moment], None],
    asked: Event,
) -> Summary:
    """Produce events for a while on servers of its own, and watch them being scored.

    Args:
        domains: The domains to run.
        rate: Events a second, of all domains together.
        duration: Seconds.
        seed: Of the generators.
        report: Is told of progress, in one line.
        show: Is given what a live view shows, a few times a second.
        asked: Set when the user wants to stop early; what was produced is drained and summed up all the same.

    Raises:
        RiskloomError: If something cannot be started, or the job fails.
    """
    with (
        tempfile.TemporaryDirectory(prefix="riskloom-demo-", ignore_cleanup_errors=True) as folder,
        ExitStack() as stack,
    ):
        settings, alive = stack.enter_context(started(domains, Path(folder), report, asked))
        observer = Observer(settings)
        stack.callback(observer.close)
        report(f"producing {rate:g} events a second for {duration:g} s")
        sent: dict[str, int] = {}

        def progress(now: Progress) -> None:
            sent.update(now.sent)

        began = time.time()

        def look() -> None:
            alive()
            now = time.time()
            show(Moment(now - began, duration, dict(sent), observer.seen(), observer.latency(since=now - 5)))

        with ThreadPoolExecutor(1, "producer") as pool:
            delivery = pool.submit(
                produce_events,
                settings,
                domains,
                throughput=rate,
                duration=duration,
                mix=None,
                seed=seed,
                stop=asked,
                progress=progress,
            )
            try:
                while not delivery.done():
                    look()
                    time.sleep(_TICK_S)
            except BaseException:
                asked.set()
                raise
        delivered = delivery.result()
        ended = time.time()
        report("draining")
        _drain(observer, delivered, look)
        return _summary(observer, delivered, began, ended)


def _drain(observer: Observer, delivered: DeliveryReport, look: Callable[[], None]) -> None:
    last, patience = -1, time.monotonic() + _DRAIN_PATIENCE_S
    while (total := observer.seen().total) < delivered.total.sent and time.monotonic() < patience:
        if total > last:
            last, patience = total, time.monotonic() + _DRAIN_PATIENCE_S
        look()
        time.sleep(_TICK_S)


def _summary(observer: Observer, delivered: DeliveryReport, began: float, ended: float) -> Summary:
    seen = observer.seen()
    levels: dict[str, dict[str, int]] = {}
    for (domain, level), count in sorted(seen.levels.items()):
        levels.setdefault(domain, {})[level] = count
    produced = {name: delivery.sent for name, delivery in delivered.domains.items()}
    return Summary(
        seconds=round(ended - began, 1),
        warm_up_seconds=WARM_UP_S,
        produced=produced,
        scored={name: seen.scored[name] for name in produced},
        dead_lettered={name: seen.dead_lettered[name] for name in produced | seen.dead_lettered},
        lost=sum(produced.values()) - seen.total,
        latency_ms=observer.latency(since=began + WARM_UP_S),
        latency_ms_all=observer.latency(),
        levels=levels,
        top=seen.top,
        producer=delivered.total.model_dump(),
    )
