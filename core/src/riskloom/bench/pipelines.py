"""The two jobs whose latency is measured: the one that scores, and one that only passes records through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from riskloom.bench.job import Job, bench_session, reading
from riskloom.bench.receive import Prefix
from riskloom.bench.servers import Report
from riskloom.discovery import InstalledDomain
from riskloom.domain import Topic
from riskloom.offsets import Offsets, end_offsets
from riskloom.schemas.registry import RegisteredSchema, register_all
from riskloom.schemas.topics import RISK_SCORE_SCHEMA
from riskloom.settings import Settings
from riskloom.stream.job import SHUFFLE_PARTITIONS, Mode, read_events, start_query, start_writing
from riskloom.stream.metrics import JobMonitor
from riskloom.stream.slots import local_master, reading_tasks, tasks_of
from riskloom.stream.warmup import warm_up
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC, create_topics, ensure_topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FLOOR_TOPIC = "riskloom-bench-floor"
"""Where the pass-through job writes."""


@dataclass(frozen=True)
class Pipeline:
    """A job to measure."""

    start: Callable[[], AbstractContextManager[Job]]
    """Has it run for as long as the context lasts."""
    topics: Sequence[str]
    """Where its records appear."""
    prefixes: Mapping[int, Prefix]
    """How they are read, by schema id."""


class Pipelines:
    """Both jobs over the same topics, each in a JVM of its own.

    Args:
        settings: Where the servers are.
        domains: The domains: all of their topics, with all of their partitions.
        batch: How long a batch lasts, in seconds.
        configuration: Spark properties that win over riskloom's own.
        report: Is told of progress.
    """

    def __init__(
        self,
        settings: Settings,
        domains: Sequence[InstalledDomain],
        batch: float,
        configuration: Mapping[str, str],
        report: Report,
    ) -> None:
        self._settings, self._domains, self._configuration = settings, domains, configuration
        self._batch, self._report = f"{round(batch * 1000)} milliseconds", report
        ensure_topics(settings, domains)
        self._schemas: Mapping[str, RegisteredSchema] = register_all(settings, domains)
        self._partitions = sum(map(len, self._ends().values()))
        self._tasks = tasks_of(domains, self._partitions, Mode.REALTIME)

    @property
    def scoring(self) -> Pipeline:
        """The job that scores, as `riskloom run` starts it."""
        scores = Prefix.of(RISK_SCORE_SCHEMA, "event_time", ("domain", "event_id"))
        topics = (SCORES_TOPIC, DEAD_LETTERS_TOPIC)
        return Pipeline(self._scoring, topics, {self._schemas[SCORES_TOPIC].schema_id: scores})

    @property
    def floor(self) -> Pipeline:
        """A job with the same source and the same sink that writes key and value as they are."""
        events = {
            self._schemas[domain.topic.name].schema_id: Prefix.of(
                domain.avro_schema, domain.event_time, (domain.event_id,)
            )
            for domain in (installed.domain for installed in self._domains)
        }
        create_topics(self._settings, [Topic(name=FLOOR_TOPIC)])
        return Pipeline(self._passing, (FLOOR_TOPIC,), events)

    @contextmanager
    def _scoring(self) -> Iterator[Job]:
        self._report("starting the job that scores")
        with self._session() as spark:
            warm_up(spark, self._settings, self._domains)
            query = start_query(
                spark,
                self._settings,
                self._domains,
                self._schemas,
                checkpoint=self._settings.home_dir / "checkpoints" / "scoring",
                starting_offsets=self._ends(),
                batch=self._batch,
                monitor=JobMonitor(spark),
            )
            yield reading(spark, self._settings, query, self._tasks)

    @contextmanager
    def _passing(self) -> Iterator[Job]:
        from pyspark.sql.functions import lit

        self._report("starting the job that passes records through")
        with self._session() as spark:
            records = read_events(spark, self._settings, self._domains, starting="latest")
            query = start_writing(
                records.select(lit(FLOOR_TOPIC).alias("topic"), "key", "value"),
                self._settings,
                name="riskloom-bench-floor",
                checkpoint=self._settings.home_dir / "checkpoints" / "floor",
                batch=self._batch,
            )
            yield reading(spark, self._settings, query, reading_tasks(self._partitions))

    def _session(self) -> AbstractContextManager[SparkSession]:
        return bench_session(
            self._settings,
            local_master(Mode.REALTIME, self._tasks),
            shuffle_partitions=SHUFFLE_PARTITIONS,
            configuration=self._configuration,
        )

    def _ends(self) -> Offsets:
        """Where the domains' topics end now: what was in them before is none of the load."""
        return end_offsets(self._settings, [installed.domain.topic.name for installed in self._domains])
