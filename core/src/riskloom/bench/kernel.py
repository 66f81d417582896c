"""What keyed state costs: bytes a key and CPU time an event, of made-up domains, through the real job."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskloom.bench.cpu import cpu_seconds
from riskloom.bench.job import Job, bench_session, reading
from riskloom.bench.servers import Report, Servers
from riskloom.bench.synthetic import KEY, PARTITIONS, SCHEMA, Generator, synthetic_domain
from riskloom.domain import WindowFeature
from riskloom.errors import DeliveryError, JobError
from riskloom.offsets import end_offsets, total
from riskloom.produce.client import Client
from riskloom.produce.encode import BatchEncoder
from riskloom.produce.rate import Stopwatch
from riskloom.produce.report import Ledger
from riskloom.schemas.registry import register_all
from riskloom.stream.job import SHUFFLE_PARTITIONS, Mode, start_query
from riskloom.stream.session import spark_log
from riskloom.stream.slots import local_master, reading_tasks
from riskloom.stream.supervise import wait
from riskloom.topics import SCORES_TOPIC, ensure_topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_BLOCK_EVENTS = 50_000
_TICK_S = 0.05
_PATIENCE_S = 60.0
_TASKS = reading_tasks(PARTITIONS) + SHUFFLE_PARTITIONS
_WEEK_MS = 7 * 24 * 3_600_000
_NO_END = "1 hour"
"""A batch that does not end while it is measured: what its end costs, `bench latency` tells."""


@dataclass(frozen=True)
class Workload:
    """A domain of made-up events and what is sent of it."""

    features: Sequence[WindowFeature]
    keys: int
    ages: Sequence[float]
    """When each key had an event before what is measured, in seconds before it, oldest first."""
    rounds: int
    """How often `round_events` are sent and scored; the cheapest round counts."""
    round_events: int
    deduplicate: bool = False


@dataclass(frozen=True)
class Cost:
    """What a workload came to."""

    bytes_per_key: float
    """Of the state, after the history."""
    us_per_event: float
    """CPU microseconds of the job's JVM, all of it, in the cheapest round."""
    events_per_s: float
    """Scored in that round, from a backlog, by the clock."""


class KernelBench:
    """Measures workloads one after the other, in one JVM, which so has compiled the code that they share.

    Args:
        servers: Where everything runs.
        spark: A session made by `kernel_bench`.
        report: Is told of progress.
    """

    def __init__(self, servers: Servers, spark: SparkSession, report: Report) -> None:
        self._settings, self._spark, self._report, self._run = servers.settings, spark, report, 0

    def measure(self, name: str, work: Workload) -> Cost:
        """Fill the state of a domain, and then score events of keys drawn at random.

        The history is drained by available-now. What counts is scored in Real-Time Mode from the same checkpoint: there
        each event reads and writes its key's state. The events that count all happen at one moment, so that the state
        stays as large as it is, and at a moment where every window begins a tile, so that each run has the same tiles.

        Args:
            name: What to call it in the progress.
            work: The workload.

        Raises:
            RiskloomError: If the job fails.
        """
        self._run += 1
        topic = f"riskloom-bench-{self._run}"
        installed = synthetic_domain(f"bench_{self._run}", topic, work.features, deduplicate=work.deduplicate)
        ensure_topics(self._settings, [installed])
        schemas = register_all(self._settings, [installed])
        checkpoint = self._settings.home_dir / "checkpoints" / topic
        now_ms = time.time_ns() // 1_000_000 // _WEEK_MS * _WEEK_MS
        with Client(self._settings, {}, Stopwatch()) as client:
            sender = _Sender(client, topic, schemas[topic].schema_id)
            for age in work.ages:
                sender.send(np.arange(work.keys), now_ms - round(age * 1000))
            drain = start_query(
                self._spark, self._settings, [installed], schemas, checkpoint=checkpoint, mode=Mode.AVAILABLE_NOW
            )
            wait(drain, spark_log(self._settings), Event())
            kept = self._bytes_per_key(str(checkpoint))
            query = start_query(self._spark, self._settings, [installed], schemas, checkpoint=checkpoint, batch=_NO_END)
            try:
                job = reading(self._spark, self._settings, query, _TASKS)
                chance = np.random.default_rng(0)
                rounds = [
                    self._round(job, sender, chance.integers(0, work.keys, work.round_events), now_ms)
                    for _ in range(work.rounds)
                ]
            finally:
                query.stop()
        us_per_event, events_per_s = min(rounds)
        self._report(f"{name}: {kept:,.0f} bytes a key, {us_per_event:.1f} us an event")
        return Cost(round(kept, 1), round(us_per_event, 2), round(events_per_s))

    def _round(self, job: Job, sender: _Sender, keys: npt.NDArray[np.int64], time_ms: int) -> tuple[float, float]:
        """Send events and wait for their scores; answer CPU microseconds an event, and events a second."""
        scores = self._scores()
        before, begin = _cpu_seconds(job), time.monotonic()
        sender.send(keys, time_ms)
        last, patience = scores, time.monotonic() + _PATIENCE_S
        while (now := self._scores()) < scores + len(keys):
            job.alive()
            if now > last:
                last, patience = now, time.monotonic() + _PATIENCE_S
            if time.monotonic() > patience:
                raise JobError(f"{scores + len(keys) - now} events were not scored; see {spark_log(self._settings)}")
            time.sleep(_TICK_S)
        seconds, cpu = time.monotonic() - begin, _cpu_seconds(job) - before
        return cpu / len(keys) * 1e6, len(keys) / seconds

    def _scores(self) -> int:
        return total(end_offsets(self._settings, [SCORES_TOPIC])[SCORES_TOPIC])

    def _bytes_per_key(self, checkpoint: str) -> float:
        """Read the state that a finished query left."""
        states = self._spark.read.format("statestore").option("stateVarName", "windows").load(checkpoint)
        return float(states.selectExpr("avg(length(value.value))").collect()[0][0])


class _Sender:
    """Sends made-up events to one topic."""

    def __init__(self, client: Client, topic: str, schema_id: int) -> None:
        self._client, self._topic = client, topic
        self._encoder = BatchEncoder(SCHEMA, schema_id, KEY)
        self._generator, self._ledger = Generator(seed=0), Ledger()

    def send(self, keys: npt.NDArray[np.int64], time_ms: int) -> None:
        """Send an event of each of some keys, all of one time, and wait until Kafka has them."""
        for begin in range(0, len(keys), _BLOCK_EVENTS):
            block = keys[begin : begin + _BLOCK_EVENTS]
            events = self._generator.of_keys(np.full(len(block), time_ms), block)
            for part in self._encoder.encode(events):
                self._client.send(self._topic, part, self._ledger, lambda: False)
        self._client.drain(lambda: None)
        if self._ledger.failed:
            raise DeliveryError(f"Kafka did not take {self._ledger.failed.total():,} events; see its log")


@contextmanager
def kernel_bench(servers: Servers, configuration: Mapping[str, str], report: Report) -> Iterator[KernelBench]:
    """Have a JVM to measure workloads in.

    Args:
        servers: Where everything runs.
        configuration: Spark properties that win over riskloom's own.
        report: Is told of progress.
    """
    with bench_session(
        servers.settings,
        local_master(Mode.REALTIME, _TASKS),
        shuffle_partitions=SHUFFLE_PARTITIONS,
        configuration=configuration,
    ) as spark:
        yield KernelBench(servers, spark, report)


def _cpu_seconds(job: Job) -> float:
    return cpu_seconds({"job": job.pid})["job"]
