"""The job's counters, read from the driver after a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scoring import Scorer, framed

from riskloom.domain import DerivedFeature, EventDomain
from riskloom.schemas.registry import RegisteredSchema
from riskloom.stream.job import scored
from riskloom.stream.metrics import DomainMetrics, JobMonitor
from riskloom.stream.plan import job_plan
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

COLUMNS = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"


def counted(
    scorer: Scorer, domains: Sequence[EventDomain], records: Sequence[tuple[Any, ...]]
) -> dict[str, DomainMetrics]:
    """Score records of (topic, partition, offset, value) and read what was counted."""
    topics = [*(domain.topic.name for domain in domains), SCORES_TOPIC, DEAD_LETTERS_TOPIC]
    schemas = {topic: RegisteredSchema(topic, 3001 + i, 1) for i, topic in enumerate(topics)}
    rows = [(None, bytearray(value), topic, partition, offset, None) for topic, partition, offset, value in records]
    monitor = JobMonitor(scorer.spark)
    frame = scorer.spark.createDataFrame(rows, COLUMNS).coalesce(1)
    scored(frame, job_plan(scorer.settings, domains, schemas), monitor).collect()
    # Spark tells its listeners of a task's end a moment later.
    scorer.spark._jsc.sc().listenerBus().waitUntilEmpty()
    return monitor.read()


def test_what_becomes_of_the_records_is_counted_by_domain(scorer: Scorer, payment: Any) -> None:
    other = payment(
        name="refund",
        topic={"name": "refunds"},
        derived_features=(DerivedFeature(name="broken", sql="raise_error('no')"),),
    )
    schema_id = scorer.registry.add(payment().avro_schema)

    def event(time: int) -> bytes:
        fields = {"id": str(time), "user": "u", "ts": time, "amount": 1.0, "kind": "card"}
        return framed(payment().avro_schema, schema_id, fields)

    records = [("payments", 3, offset, event(1_000 + offset)) for offset in range(5, 9)]
    records += [("payments", 0, 4, b"\1bad bytes"), ("payments", 0, 3, b"\0"), ("refunds", 1, 7, event(5))]
    found = counted(scorer, [payment(), other], records)
    assert found["payment"] == DomainMetrics(
        read=6, scored=4, dead_letters={"bad_magic": 1, "too_short": 1}, positions={0: 5, 3: 9}
    )
    assert found["refund"] == DomainMetrics(read=1, dead_letters={"rule_failed": 1}, positions={1: 8})


def test_late_events_are_counted(scorer: Scorer, payment: Any) -> None:
    schema_id = scorer.registry.add(payment().avro_schema)
    events = [
        {"id": str(time), "user": "u", "ts": time, "amount": 1.0, "kind": "card"} for time in (20_000_000, 10_000_000)
    ]
    values = [framed(payment().avro_schema, schema_id, event) for event in events]
    found = counted(scorer, [payment()], [("payments", 0, i, value) for i, value in enumerate(values)])
    assert (found["payment"].scored, found["payment"].late) == (2, 1)


def test_a_domain_of_which_nothing_is_read_counts_nothing(scorer: Scorer, payment: Any) -> None:
    assert counted(scorer, [payment()], [("payments", 0, 0, b"")])["payment"].scored == 0


def test_duplicates_are_counted(scorer: Scorer, payment: Any) -> None:
    schema_id = scorer.registry.add(payment().avro_schema)
    event = {"id": "same", "user": "u", "ts": 20_000_000, "amount": 1.0, "kind": "card"}
    value = framed(payment().avro_schema, schema_id, event)
    found = counted(scorer, [payment()], [("payments", 0, offset, value) for offset in range(3)])
    assert (found["payment"].scored, found["payment"].duplicates) == (3, 2)
