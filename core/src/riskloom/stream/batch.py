"""Score events in a Spark batch, by the kernel of the stream, with neither Kafka nor a registry.

History, evaluation and the plugin kit use it. Events go to Spark as Parquet files of the records that the producer
would send; scores come back the same way and are read in pieces: neither is ever whole in Python's memory.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskloom.domain import EventDomain
from riskloom.produce.encode import BatchEncoder
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.stream.job import scored
from riskloom.stream.metrics import JobMonitor
from riskloom.stream.plan import job_plan
from riskloom.stream.results import Scores
from riskloom.stream.session import spark_log, spark_session
from riskloom.stream.supervise import explained, stop
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ORDER = "_riskloom_order"
"""An optional column of events, int64, 0 or more: each key's events are taken in its order, whatever their domain."""

RECORDS = pa.schema([("topic", pa.string()), ("value", pa.binary()), ("offset", pa.int64())])
"""What `score_records` takes: a record's topic, its Confluent Avro, and its place among those of its keys."""

_FILE_RECORDS = 250_000  # a file is a task: enough of them for every core
_BLOCK_EVENTS = 16_384
_POLL_S = 1.0
_TIE_BITS = 16  # of an offset, below the milliseconds: events of a domain in one of them
_FARTHEST_MS = 2 ** (62 - _TIE_BITS)  # in the year 4199: what is further from 1970 keeps its domain's order alone


@contextmanager
def batch_session(settings: Settings, configuration: Mapping[str, str] | None = None) -> Iterator[SparkSession]:
    """Have a Spark session of this machine's cores until the block ends, and its JVM with it.

    Args:
        settings: Where the local files are.
        configuration: Spark properties that win over riskloom's own.
    """
    import os

    spark = spark_session(
        settings, "local[*]", shuffle_partitions=2 * (os.cpu_count() or 1), configuration=configuration
    )
    try:
        yield spark
    finally:
        stop(spark)


@contextmanager
def score_events(
    spark: SparkSession,
    settings: Settings,
    domains: Sequence[EventDomain],
    events: Mapping[str, pa.Table | Iterable[pa.RecordBatch]],
    *,
    folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Scores]:
    """Score events, each key's in the given order.

    Without a column `ORDER` a domain's events keep the order in which they are given, and those of several domains are
    merged by event time. No event is refused for being ahead of a clock: there is none.

    Args:
        spark: A session of `batch_session` or of the job.
        settings: Where the local files are.
        domains: The domains of the job: those with events, and those that features name as sources.
        events: By domain: batches whose columns are the fields of its schema, in their order, and perhaps `ORDER`.
        folder: Where a folder for the files is made until the block ends. Default: the system's for temporary files.
        progress: Is told, about once a second, how many events are scored.

    Yields:
        The scores and dead letters.

    Raises:
        JobError: If Spark cannot compile a domain's SQL, or fails.
        ValueError: If events do not fit their schema.
    """
    known = {domain.name: domain for domain in domains}
    schemas = {domain.topic.name: RegisteredSchema(domain.topic.name, i + 1, 1) for i, domain in enumerate(domains)}
    records = (
        block
        for name, given in events.items()
        for block in encoded_records(known[name], schemas[known[name].topic.name].schema_id, given)
    )
    with score_records(spark, settings, domains, schemas, records, folder=folder, progress=progress) as scores:
        yield scores


@contextmanager
def score_records(
    spark: SparkSession,
    settings: Settings,
    domains: Sequence[EventDomain],
    schemas: Mapping[str, RegisteredSchema],
    records: Iterable[pa.RecordBatch],
    *,
    writers: Mapping[int, Mapping[str, Any]] | None = None,
    folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Scores]:
    """Score records as Kafka holds them, each key's in the order of their offsets.

    Args:
        spark: A session of `batch_session` or of the job.
        settings: Where the registry is, which is asked for writer schemas that are not given.
        domains: The domains of the job.
        schemas: The registered schema of each domain's topic.
        records: Batches of the columns of `RECORDS`. Offsets need only differ among a key's events.
        writers: Avro schemas by the ids in the records, beside those of `schemas`.
        folder: As for `score_events`.
        progress: As for `score_events`.

    Yields:
        The scores and dead letters.

    Raises:
        JobError: If Spark cannot compile a domain's SQL, or fails.
    """
    outputs = {topic: RegisteredSchema(topic, 0, 1) for topic in (SCORES_TOPIC, DEAD_LETTERS_TOPIC)}
    plan = job_plan(settings, domains, dict(schemas) | outputs)
    plan["registry"]["schemas"] |= {number: json.dumps(schema) for number, schema in (writers or {}).items()}
    with tempfile.TemporaryDirectory(prefix="riskloom-batch-", dir=folder) as made:
        given, found = Path(made) / "records", Path(made) / "scores"
        given.mkdir()
        write_records(records, given)
        with explained(spark_log(settings)):
            _score(spark, given, plan, found, progress)
        yield Scores(found, {domain.name: domain.feature_names for domain in domains})


@dataclass
class _Clock:
    """Offsets that rise with every event of a domain and, across domains, with event time."""

    last: int = 0

    def offsets(self, times_ms: Any) -> Any:
        rows = np.arange(len(times_ms))
        # No offset is below 0, whatever the time.
        due = (np.clip(times_ms, 1 - _FARTHEST_MS, _FARTHEST_MS - 1) + _FARTHEST_MS) << _TIE_BITS
        # The next free one at or after each time.
        offsets = np.maximum.accumulate(np.maximum(due, self.last + 1) - rows) + rows
        self.last = int(offsets[-1])
        return offsets


def encoded_records(domain: EventDomain, schema_id: int, events: Any) -> Iterator[pa.RecordBatch]:
    """Encode a domain's events as batches of `RECORDS`.

    Args:
        domain: The domain.
        schema_id: The id that the records name as that of the domain's schema.
        events: As for `score_events`.
    """
    encoder, clock = BatchEncoder(domain.avro_schema, schema_id, domain.key), _Clock()
    for whole in events.to_batches() if isinstance(events, pa.Table) else events:
        for begin in range(0, whole.num_rows, _BLOCK_EVENTS):
            batch = whole.slice(begin, _BLOCK_EVENTS)
            if ORDER in batch.schema.names:
                offsets = batch.column(ORDER)
                batch = batch.drop_columns([ORDER])
            else:
                times = batch.column(domain.event_time).cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
                offsets = pa.array(clock.offsets(times.to_numpy(zero_copy_only=False)))
            values = pa.concat_arrays(list(encoder.values(batch)))
            topics = pa.repeat(domain.topic.name, len(values))
            yield pa.RecordBatch.from_arrays([topics, values, offsets], schema=RECORDS)


def write_records(records: Iterable[pa.RecordBatch], folder: Path) -> None:
    """Write records as Parquet files that several tasks can read."""
    coming, number = iter(records), 0
    batch = next(coming, None)
    while batch is not None:
        rows = 0
        with pq.ParquetWriter(folder / f"{number:06d}.parquet", RECORDS) as file:
            while batch is not None and rows < _FILE_RECORDS:
                file.write_batch(batch)
                rows += batch.num_rows
                batch = next(coming, None)
        number += 1
    if number == 0:
        pq.write_table(RECORDS.empty_table(), folder / "none.parquet")


def _score(
    spark: SparkSession, given: Path, plan: Mapping[str, Any], found: Path, progress: Callable[[int], None] | None
) -> None:
    monitor = JobMonitor(spark)
    records = spark.read.parquet(str(given)).selectExpr(
        *("CAST(NULL AS BINARY) AS key", "value", "topic", "0 AS partition", "offset"),
        "CAST(NULL AS TIMESTAMP) AS timestamp",
    )
    writer = scored(records, plan, monitor).select("topic", "value").write.option("compression", "zstd")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(writer.parquet, str(found))
        try:
            while not writing.done():
                try:
                    writing.result(_POLL_S)
                except TimeoutError:
                    if progress is not None:
                        progress(sum(one.scored for one in monitor.read().values()))
        except BaseException:
            spark.sparkContext.cancelAllJobs()
            raise
    writing.result()
