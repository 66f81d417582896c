"""The Spark job of a benchmark: compiled as well as `riskloom run` does it, watched until it reads its topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

from riskloom.settings import Settings
from riskloom.stream.session import spark_log, spark_session
from riskloom.stream.supervise import require_running, stop, wait_until_reading

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


@dataclass(frozen=True)
class Job:
    """A running query."""

    query: StreamingQuery
    pid: int
    """The process of its JVM."""
    alive: Callable[[], None]
    """Raises JobError when the query no longer runs."""


@contextmanager
def bench_session(
    settings: Settings, master: str, *, shuffle_partitions: int, configuration: Mapping[str, str]
) -> Iterator[SparkSession]:
    """Have a Spark session with a JVM of its own for as long as this context lasts."""
    spark = spark_session(settings, master, shuffle_partitions=shuffle_partitions, configuration=configuration)
    try:
        yield spark
    finally:
        stop(spark)


def jvm_pid(spark: SparkSession) -> int:
    """Ask a session's JVM for its process id."""
    jvm: Any = spark._jvm
    return int(jvm.java.lang.ProcessHandle.current().pid())


def reading(spark: SparkSession, settings: Settings, query: StreamingQuery, tasks: int) -> Job:
    """Wait until a Real-Time query reads its topics.

    Args:
        spark: Its session, which runs nothing else.
        settings: The job's, for its log.
        query: The query.
        tasks: The tasks of all its stages.

    Raises:
        JobError: If the query ends.
    """
    alive = partial(require_running, query, spark_log(settings))
    wait_until_reading(spark, tasks, alive, Event())
    return Job(query, jvm_pid(spark), alive)
