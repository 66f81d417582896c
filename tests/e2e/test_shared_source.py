"""The job's Kafka source on a real Kafka: every record once and in order, over batches, restarts and modes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions
from consume import records_since

from riskloom.domain import Topic
from riskloom.offsets import end_offsets, total
from riskloom.settings import Settings
from riskloom.stream.job import READERS, Mode, read_events, read_history, start_writing
from riskloom.topics import create_topics

pytestmark = pytest.mark.e2e

READ, ALSO_READ, WRITTEN = "shared-source-a", "shared-source-b", "shared-source-out"
PARTITIONS = 2 * READERS + 1
"""More than there are tasks, and not as many for each."""
DEADLINE_S = 120


def wait_for(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.2)


class Copy:
    """A query that copies the records of two topics, with batches of five seconds."""

    def __init__(self, spark: Any, settings: Settings, checkpoint: Path) -> None:
        self.spark, self.settings, self.checkpoint = spark, settings, checkpoint
        self.sent: dict[tuple[str, int], list[int]] = defaultdict(list)
        self.producer = Producer(
            settings.kafka(transactional_id="shared-source", topic_metadata_refresh_interval_ms=500)
        )
        self.producer.init_transactions()

    def start(self, mode: Mode, max_batch_events: int = 1_000_000) -> Any:
        from pyspark.sql.functions import lit

        domains: Any = [
            SimpleNamespace(domain=SimpleNamespace(topic=SimpleNamespace(name=name))) for name in (READ, ALSO_READ)
        ]
        records = read_events(self.spark, self.settings, domains, mode=mode, max_batch_events=max_batch_events)
        copied = records.selectExpr("concat_ws('/', topic, partition) AS key", "value")
        return start_writing(
            copied.withColumn("topic", lit(WRITTEN)),
            self.settings,
            name="copy",
            checkpoint=self.checkpoint,
            mode=mode,
            batch="5 seconds",
        )

    def send(self, count: int, partitions: int = PARTITIONS) -> None:
        """Send records in a transaction, whose end takes an offset of its own in every partition."""
        self.producer.begin_transaction()
        for i in range(count):
            place = (READ, ALSO_READ)[i % 2], i // 2 % partitions
            self.producer.produce(place[0], str(len(self.sent[place])), partition=place[1])
            self.sent[place].append(len(self.sent[place]))
        self.producer.commit_transaction()

    def send_and_abort(self, count: int) -> None:
        """Send records that are never committed: they take offsets, and nobody is to see them."""
        self.producer.begin_transaction()
        for i in range(count):
            self.producer.produce((READ, ALSO_READ)[i % 2], "aborted", partition=i // 2 % PARTITIONS)
        self.producer.flush()
        self.producer.abort_transaction()

    def written(self) -> int:
        return total(end_offsets(self.settings, [WRITTEN])[WRITTEN])

    def all_written(self) -> bool:
        return self.written() >= sum(map(len, self.sent.values()))


def test_every_record_is_read_once_and_in_order(spark: Any, settings: Settings, tmp_path: Path) -> None:
    topics = [Topic(name=name, partitions=PARTITIONS) for name in (READ, ALSO_READ)]
    create_topics(settings, [*topics, Topic(name=WRITTEN, partitions=1)])
    copy = Copy(spark, settings, tmp_path / "checkpoint")
    query = copy.start(Mode.REALTIME)
    try:
        wait_for(lambda: query.status["isTriggerActive"] or query.exception() is not None)
        for _ in range(6):
            copy.send(400)
            time.sleep(2)
        # More partitions, read from the next batch on.
        admin = AdminClient(settings.kafka())
        admin.create_partitions([NewPartitions(READ, PARTITIONS + 1), NewPartitions(ALSO_READ, PARTITIONS + 1)])
        wait_for(lambda: len(copy.producer.list_topics(READ).topics[READ].partitions) > PARTITIONS)
        time.sleep(2)  # until the producer has looked again
        copy.send(400, PARTITIONS + 1)
        wait_for(lambda: copy.all_written() or query.exception() is not None)
        done = query.lastProgress["batchId"]
        wait_for(lambda: query.lastProgress["batchId"] >= done + 2 or query.exception() is not None)
        assert query.exception() is None
        assert len(query.lastProgress["sources"]) == 1
    finally:
        query.stop()
    # In batches that end between two records of a fetch, at a transaction's marker, and among aborted records.
    copy.send(400, PARTITIONS + 1)
    copy.send_and_abort(100)
    copy.send(40)
    copy.send_and_abort(100)
    drained = copy.start(Mode.AVAILABLE_NOW, max_batch_events=90)
    assert drained.awaitTermination(DEADLINE_S)
    assert sum(batch["numInputRows"] > 0 for batch in drained.recentProgress) >= 4
    history = read_history(spark, settings, end_offsets(settings, [READ, ALSO_READ]))
    assert history.count() == sum(map(len, copy.sent.values()))
    copy.send(400, PARTITIONS + 1)
    query = copy.start(Mode.REALTIME)
    try:
        wait_for(lambda: copy.all_written() or query.exception() is not None)
    finally:
        query.stop()
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    for record in records_since(settings, {WRITTEN: {0: 0}}):
        topic, _, partition = record.key().decode().rpartition("/")
        found[topic, int(partition)].append(int(record.value()))
    # `committed` batches repeat nothing; one that was stopped in its middle may.
    in_order = {place: list(dict.fromkeys(values)) for place, values in found.items()}
    assert in_order == copy.sent
    assert copy.written() - sum(map(len, copy.sent.values())) <= 400
