"""How fast a backlog becomes scores, and how fast it is decoded: both from the same records, in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from riskloom.bench.backlog import backlog
from riskloom.bench.cpu import cpu_seconds, spent
from riskloom.bench.environment import environment
from riskloom.bench.job import bench_session, jvm_pid
from riskloom.bench.servers import Report, Servers
from riskloom.bench.spans import ratio
from riskloom.bench.worker import Worker
from riskloom.discovery import InstalledDomain
from riskloom.errors import JobError
from riskloom.offsets import Offsets, end_offsets, total
from riskloom.schemas.registry import RegisteredSchema, register_all
from riskloom.stream.checkpoint import offsets_json
from riskloom.stream.job import SHUFFLE_PARTITIONS, Mode, decoded, read_events, start_query
from riskloom.stream.plan import job_plan
from riskloom.stream.session import spark_log
from riskloom.stream.slots import local_master
from riskloom.stream.supervise import wait
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC, ensure_topics

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

_KEPT_REPORTS = {"spark.sql.streaming.numRecentProgressUpdates": "10000"}


@dataclass(frozen=True)
class Plan:
    """What is drained, and how."""

    events: int
    """Of all domains together."""
    span: float
    """Seconds over which the events' times are spread."""
    batch_events: int
    """The most events in a batch."""
    seed: int = 0
    configuration: Mapping[str, str] = field(default_factory=dict)
    """Spark properties that win over riskloom's own."""


def bench_drain(
    servers: Servers, domains: Sequence[InstalledDomain], plan: Plan, *, report: Report
) -> tuple[dict[str, Any], bool]:
    """Produce a backlog, score it, then decode it once more without anything else.

    Args:
        servers: Where everything runs.
        domains: The domains.
        plan: What is drained.
        report: Is told of progress.

    Returns:
        What the JSON says, and whether every event was scored.

    Raises:
        RiskloomError: If something cannot be started, or fails.
    """
    settings = servers.settings
    about = environment(settings)
    ensure_topics(settings, domains)
    schemas = register_all(settings, domains)
    ids = {topic: schema.schema_id for topic, schema in schemas.items()}
    # What was in the topics before is no part of the backlog.
    begin = end_offsets(settings, [installed.domain.topic.name for installed in domains])
    report(f"producing {plan.events:,} events")
    with Worker(backlog, settings, domains, ids, plan.events, plan.span, plan.seed) as producer:
        events: int = producer.result()

    def score(spark: SparkSession) -> StreamingQuery:
        return start_query(
            spark,
            settings,
            domains,
            schemas,
            checkpoint=settings.home_dir / "checkpoints" / "drain",
            mode=Mode.AVAILABLE_NOW,
            max_batch_events=plan.batch_events,
            starting_offsets=begin,
        )

    report("scoring them")
    before = _written(servers)
    scoring = _drained(servers, plan, score)
    after = _written(servers)
    report("decoding them")
    decoding = _drained(servers, plan, lambda spark: _decode(spark, servers, domains, schemas, plan, begin))
    scored, dead = (after[topic] - before[topic] for topic in (SCORES_TOPIC, DEAD_LETTERS_TOPIC))
    result = {
        "bench": "drain",
        **about,
        "events": events,
        "span_s": plan.span,
        "batch_events": plan.batch_events,
        "events_per_s": scoring["events_per_s"],
        "decode_only_per_s": decoding["events_per_s"],
        "ratio": ratio(scoring["events_per_s"], decoding["events_per_s"]),
        "steady_ratio": ratio(scoring["steady_events_per_s"], decoding["steady_events_per_s"]),
        "scored": scored,
        "dead_lettered": dead,
        "scoring": scoring,
        "decode_only": decoding,
    }
    return result, scored == events


def _decode(
    spark: SparkSession,
    servers: Servers,
    domains: Sequence[InstalledDomain],
    schemas: Mapping[str, RegisteredSchema],
    plan: Plan,
    begin: Offsets,
) -> StreamingQuery:
    settings = servers.settings
    job = job_plan(settings, [installed.domain for installed in domains], schemas)
    records = read_events(
        spark,
        settings,
        domains,
        mode=Mode.AVAILABLE_NOW,
        max_batch_events=plan.batch_events,
        starting=offsets_json(begin),
    )
    return (
        decoded(records, job)
        .writeStream.format("noop")
        .option("checkpointLocation", str(settings.home_dir / "checkpoints" / "decode"))
        .trigger(availableNow=True)
        .start()
    )


def _written(servers: Servers) -> dict[str, int]:
    offsets = end_offsets(servers.settings, (SCORES_TOPIC, DEAD_LETTERS_TOPIC))
    return {topic: total(parts) for topic, parts in offsets.items()}


def _drained(servers: Servers, plan: Plan, start: Callable[[SparkSession], StreamingQuery]) -> dict[str, Any]:
    """Run a query to its end in a JVM of its own; answer what the JSON says of it."""
    with bench_session(
        servers.settings,
        local_master(Mode.AVAILABLE_NOW, 1),
        shuffle_partitions=SHUFFLE_PARTITIONS,
        configuration=_KEPT_REPORTS | dict(plan.configuration),
    ) as spark:
        pids = {"job": jvm_pid(spark), **servers.pids}
        before, begin = cpu_seconds(pids), time.monotonic()
        query = start(spark)
        if not wait(query, spark_log(servers.settings), Event()):
            raise JobError("the query did not end")
        seconds = time.monotonic() - begin
        return {**speeds(query.recentProgress, seconds), "cpu_seconds": spent(before, cpu_seconds(pids))}


def speeds(progress: Iterable[Mapping[str, Any]], seconds: float) -> dict[str, Any]:
    """Sum up a query that drained a backlog.

    Args:
        progress: The reports of its batches.
        seconds: How long it took, from its start to its end.

    Returns:
        `seconds`; `events_per_s` over them, in which the JVM compiles the code; `steady_events_per_s`, of the second
        half of the batches alone; and `batches`, each with its `events` and `seconds`.
    """
    batches = [
        {"events": report["numInputRows"], "seconds": round(report["batchDuration"] / 1000, 3)}
        for report in progress
        if report["numInputRows"]
    ]
    steady = batches[len(batches) // 2 :]
    return {
        "seconds": round(seconds, 1),
        "events_per_s": round(sum(batch["events"] for batch in batches) / seconds),
        "steady_events_per_s": _per_second(steady),
        "batches": batches,
    }


def _per_second(batches: Sequence[Mapping[str, float]]) -> int | None:
    seconds = sum(batch["seconds"] for batch in batches)
    return round(sum(batch["events"] for batch in batches) / seconds) if seconds else None
