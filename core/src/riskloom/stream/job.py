"""The query that scores: Kafka records of all domains in, scores and dead letters out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskloom.discovery import InstalledDomain
from riskloom.errors import JobError
from riskloom.offsets import Offsets
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.stream.checkpoint import offsets_json
from riskloom.stream.plan import job_plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from riskloom.stream.metrics import JobMonitor

SHUFFLE_PARTITIONS = min(4, os.cpu_count() or 1)
"""Tasks that keep the windows' state: more than cores would only add connections, one from each task that reads."""

READERS = min(4, os.cpu_count() or 1)
"""Tasks that read the topics in Real-Time Mode, each with one consumer of its share of the partitions.

In the other modes, in which tasks take turns, there are as many as the executors have cores.
"""

_SHARED_SOURCE = "io.riskloom.kernel.SharedKafkaSource"

_CLIENT = {
    # Asked at every poll whether metrics are due, which took a tenth of the time spent in polls.
    "enable.metrics.push": "false",
}

_FETCH = {
    # A Real-Time task would otherwise fetch nearly one record per request.
    "fetch.min.bytes": "65536",
    "fetch.max.wait.ms": "10",
}

_FETCH_BATCH = _FETCH | {
    # A poll costs much, however few its records. In Real-Time Mode they would keep those of other partitions waiting.
    "max.poll.records": "5000",
}

_READ = {
    # `riskloom dlq replay` sends records in transactions: what an aborted one sent is sent again, and is an event once.
    "isolation.level": "read_committed",
}

_REALTIME_SINK = {"linger.ms": "5"}
_BATCH_SINK = {
    # A score is 1 to 2 KB: at the client's own 16 KB and no wait a request holds a handful, and writing them costs as
    # much as everything before it.
    "linger.ms": "20",
    "batch.size": "262144",
    # Most of a score are the names of its features: a fifth is left, which is less to send, to store and to read.
    "compression.type": "lz4",
}


class Mode(StrEnum):
    """How the query is triggered. The scores are the same in all three."""

    REALTIME = "realtime"
    MICRO_BATCH = "micro-batch"
    AVAILABLE_NOW = "available-now"


def scored(
    records: DataFrame, plan: Mapping[str, Any], monitor: JobMonitor | None = None, *, in_batches: bool = True
) -> DataFrame:
    """Score Kafka records, streaming or not.

    Args:
        records: Columns key, value, topic, partition, offset, as Spark's Kafka source gives them.
        plan: The job's plan.
        monitor: Is given the numbers of the job while it runs.
        in_batches: Whether many events of a key come at once, which are then put together on their way. In Real-Time
            Mode none waits for another.

    Returns:
        Columns topic, key, value, as Spark's Kafka sink takes them.

    Raises:
        JobError: If Spark cannot compile a domain's SQL; the text names the domain.
    """
    in_jvm = monitor.in_jvm if monitor else None
    return _kernel(records, lambda job: job.apply(records._jdf, json.dumps(plan), in_batches, in_jvm))


def decoded(records: DataFrame, plan: Mapping[str, Any]) -> DataFrame:
    """Only decode Kafka records, streaming or not, to measure what that costs of the whole.

    Args:
        records: As for `scored`.
        plan: The job's plan.

    Returns:
        One column of bytes.

    Raises:
        JobError: As for `scored`.
    """
    return _kernel(records, lambda job: job.decode(records._jdf, json.dumps(plan)))


def _kernel(records: DataFrame, call: Callable[[Any], Any]) -> DataFrame:
    """Call the kernel's RiskJob on records."""
    from pyspark.sql import DataFrame

    spark = records.sparkSession
    jvm: Any = spark._jvm
    with compiling():
        return DataFrame(call(jvm.io.riskloom.kernel.RiskJob), spark)


@contextmanager
def compiling() -> Iterator[None]:
    """Name the domain whose SQL Spark cannot compile.

    Raises:
        JobError: If it cannot.
    """
    from pyspark.errors import IllegalArgumentException

    try:
        yield
    except IllegalArgumentException as error:
        reason = str(error).splitlines()[0]
        raise JobError(
            f"Spark cannot compile what is declared: {reason}\n"
            "Mend the plugin's SQL (`riskloom domains show NAME` lists it), or leave it out with --without NAME."
        ) from None


def start_query(
    spark: SparkSession,
    settings: Settings,
    domains: Sequence[InstalledDomain],
    schemas: Mapping[str, RegisteredSchema],
    *,
    checkpoint: Path | str,
    mode: Mode = Mode.REALTIME,
    batch: str = "5 minutes",
    max_batch_events: int = 750_000,
    starting_offsets: Offsets | None = None,
    emit_from: Offsets | None = None,
    entities: Sequence[str] | None = None,
    monitor: JobMonitor | None = None,
) -> StreamingQuery:
    """Start scoring.

    Args:
        spark: A session made by `riskloom.stream.session.spark_session`.
        settings: Where the servers are.
        domains: The domains to score.
        schemas: Their registered schemas and those of the topics written, by topic.
        checkpoint: Folder or address of the checkpoint: offsets and state. A query started again from it goes on
            where the last one ended, and emits again at most the scores of one batch.
        mode: How the query is triggered.
        batch: In Real-Time Mode, how long a batch lasts: state and offsets are saved at its end.
        max_batch_events: In the other modes, the most events in a batch.
        starting_offsets: Where a new checkpoint begins to read: every partition of every topic. Without it at the
            topics' beginning.
        emit_from: Records below these offsets update the windows and are not scored.
        entities: Those with an operator of their own in the checkpoint's state; without it those that are needed.
        monitor: Is given the numbers of the query while it runs.
    """
    records = read_events(
        spark,
        settings,
        domains,
        mode=mode,
        max_batch_events=max_batch_events,
        starting=offsets_json(starting_offsets) if starting_offsets else "earliest",
    )
    plan = job_plan(settings, [installed.domain for installed in domains], schemas, emit_from, entities)
    scores = scored(records, plan, monitor, in_batches=mode is not Mode.REALTIME)
    return start_writing(scores, settings, name="riskloom-scores", checkpoint=checkpoint, mode=mode, batch=batch)


def read_events(
    spark: SparkSession,
    settings: Settings,
    domains: Sequence[InstalledDomain],
    *,
    mode: Mode = Mode.REALTIME,
    max_batch_events: int = 750_000,
    starting: str = "earliest",
) -> DataFrame:
    """Read the topics of domains as a stream.

    Args:
        spark: The session.
        settings: Where Kafka is.
        domains: The domains whose topics are read.
        mode: How the query will be triggered.
        max_batch_events: As for `start_query`.
        starting: Where a new checkpoint begins: `earliest`, `latest`, or offsets as JSON.

    Returns:
        The columns of Spark's Kafka source, key and value as bytes.
    """
    topics = [installed.domain.topic.name for installed in domains]
    if mode is Mode.REALTIME:
        options = _source(settings, topics, _FETCH | _READ, starting) | {"readers": str(READERS)}
    else:
        options = _source(settings, topics, _FETCH_BATCH | _READ, starting)
        options["readers"] = str(max(READERS, spark.sparkContext.defaultParallelism))
        options["maxOffsetsPerTrigger"] = str(max_batch_events)
    return spark.readStream.format(_SHARED_SOURCE).options(**options).load()


def read_topics(spark: SparkSession, settings: Settings, topics: Sequence[str], *, max_batch_events: int) -> DataFrame:
    """Read topics as a stream in batches, from their beginning.

    Args:
        spark: The session.
        settings: Where Kafka is.
        topics: Their names.
        max_batch_events: The most records in a batch.

    Returns:
        The columns of Spark's Kafka source, key and value as bytes.
    """
    source = _source(settings, topics, {})
    return spark.readStream.format("kafka").options(**source, maxOffsetsPerTrigger=str(max_batch_events)).load()


def read_history(spark: SparkSession, settings: Settings, end: Offsets) -> DataFrame:
    """Read topics as a batch, from their beginning.

    Args:
        spark: The session.
        settings: Where Kafka is.
        end: Up to where: every partition of every topic.

    Returns:
        The columns of Spark's Kafka source, key and value as bytes.
    """
    options = _source(settings, end, _FETCH_BATCH | _READ) | {"endingOffsets": offsets_json(end)}
    return spark.read.format("kafka").options(**options).load()


def start_writing(
    records: DataFrame,
    settings: Settings,
    *,
    name: str,
    checkpoint: Path | str,
    mode: Mode = Mode.REALTIME,
    batch: str = "5 minutes",
) -> StreamingQuery:
    """Start a query that writes a stream to Kafka.

    Args:
        records: Columns topic, key, value, as Spark's Kafka sink takes them.
        settings: Where Kafka is.
        name: The query's name.
        checkpoint: As for `start_query`.
        mode: How the query is triggered.
        batch: As for `start_query`.
    """
    batching = _REALTIME_SINK if mode is Mode.REALTIME else _BATCH_SINK
    sink = {"kafka.bootstrap.servers": settings.bootstrap_servers, **_kafka(_CLIENT | batching | settings.kafka_spark)}
    writer = (
        records.writeStream.format("kafka")
        .options(**sink)
        .option("checkpointLocation", str(checkpoint))
        .outputMode("update")
        .queryName(name)
    )
    match mode:
        case Mode.REALTIME:
            writer = writer.trigger(realTime=batch)  # type: ignore[call-overload]  # missing in pyspark's types
        case Mode.MICRO_BATCH:
            writer = writer.trigger(processingTime="0 seconds")
        case Mode.AVAILABLE_NOW:
            writer = writer.trigger(availableNow=True)
    return writer.start()


def _source(
    settings: Settings, topics: Iterable[str], properties: dict[str, str], starting: str = "earliest"
) -> dict[str, str]:
    """Write the options of Spark's Kafka source; `properties` are the consumer's, and the user's win over them."""
    return {
        "kafka.bootstrap.servers": settings.bootstrap_servers,
        "subscribe": ",".join(topics),
        "startingOffsets": starting,
        **_kafka(_CLIENT | properties | settings.kafka_spark),
    }


def _kafka(properties: Mapping[str, str]) -> dict[str, str]:
    return {f"kafka.{name}": value for name, value in properties.items()}
