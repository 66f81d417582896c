"""History through the stream's kernel, as rows of the feature store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskloom.domain import Aggregate, EventDomain, window_length
from riskloom.features.batch import read_scores, write_rows
from riskloom.features.layouts import Layout
from riskloom.features.offline import OfflineStore
from riskloom.features.sources import Source
from riskloom.schemas.registry import RegisteredSchema
from riskloom.schemas.topics import RISK_SCORE_SCHEMA
from riskloom.settings import Settings
from riskloom.stream.plan import job_plan
from riskloom.stream.replay import in_order, read_events
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_OWN_ID = 0
"""Of the schema of scores that are written here; registries count from 1."""
_LAST_ID = 2**31 - 1
_ENDLESS: set[Aggregate] = {"ewm_mean", "ewm_variance", "run_length"}


@dataclass(frozen=True)
class Span:
    """Event times, from the first up to, not including, the last."""

    start: datetime
    end: datetime


def warm_up(domains: Sequence[EventDomain]) -> timedelta | None:
    """Say how long before an event others can matter to its features; None where that has no end."""
    features = [feature for domain in domains for feature in domain.window_features]
    if any(feature.kind == "session" or feature.aggregate in _ENDLESS for feature in features):
        return None
    tolerance = max((domain.late_tolerance for domain in domains), default=timedelta())
    return max((window_length(feature.window) for feature in features), default=timedelta()) + tolerance


def recompute(
    spark: SparkSession,
    settings: Settings,
    domains: Sequence[EventDomain],
    layouts: Sequence[Layout],
    source: Source,
    span: Span,
    store: OfflineStore,
    work: Path,
    *,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Score history and write the rows of a span of time, in place of those that an earlier try at the span wrote.

    Args:
        spark: The session.
        settings: Where the registry is, which is asked for the schemas that records name.
        domains: The domains of the job.
        layouts: Their layouts, in the same order.
        source: Where history is read from.
        span: The rows that are wanted; what is earlier warms the windows up.
        store: Where the rows go.
        work: An empty folder for what is in between.
        report: Is told of progress, in one line.

    Returns:
        Counts of events and rows, in all and by domain, and the first event's time.
    """
    from pyspark.sql import functions as f

    begun = time.monotonic()
    # Above what a registry answers, so that each record's schema is asked of it, but for those made here.
    ids = {domain.name: _LAST_ID - number for number, domain in enumerate(domains)}
    schemas = {domain.topic.name: RegisteredSchema(domain.topic.name, ids[domain.name], 1) for domain in domains}
    outputs = {topic: RegisteredSchema(topic, _OWN_ID, 1) for topic in (SCORES_TOPIC, DEAD_LETTERS_TOPIC)}
    plan = job_plan(settings, domains, schemas | outputs)
    reach = warm_up(domains)
    since = None if reach is None else span.start - reach
    report(
        "reading events "
        + ("from the beginning" if since is None else f"from {since:%Y-%m-%d %H:%M} on")
        + f", so that windows are full at {span.start:%Y-%m-%d %H:%M}"
    )
    records = source.records(spark, ids, since)
    placed = in_order(read_events(records, plan), source.served(spark, plan), plan, work / "events")
    seen = placed.events.agg(
        f.count("*").alias("events"), f.count_if("served").alias("served"), f.min("event_ms").alias("first_ms")
    ).collect()[0]
    first = None if seen.first_ms is None else datetime.fromtimestamp(seen.first_ms / 1000, span.start.tzinfo)
    report(f"scoring {seen.events:,} events, {seen.served:,} of them in the order in which they were scored before")
    scores = placed.scored().where(f.col("topic") == SCORES_TOPIC).select("value")
    scores.write.parquet(str(work / "scores"), compression="zstd")
    counts = _write(spark, settings, layouts, span, store, work, placed.events)
    return {
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "history_from": first.isoformat() if first else None,
        "events": seen.events,
        "in_served_order": seen.served,
        "rows": counts,
        "seconds": round(time.monotonic() - begun, 3),
    }


def _write(
    spark: SparkSession,
    settings: Settings,
    layouts: Sequence[Layout],
    span: Span,
    store: OfflineStore,
    work: Path,
    events: DataFrame,
) -> dict[str, dict[str, int]]:
    """Write the rows of the span; count them by domain and origin."""
    from pyspark import StorageLevel
    from pyspark.sql import functions as f

    scores = read_scores(spark.read.parquet(str(work / "scores")), settings, layouts, {_OWN_ID: RISK_SCORE_SCHEMA})
    start, end = (1_000_000 * int(moment.timestamp()) + moment.microsecond for moment in (span.start, span.end))
    wanted = scores.where((f.col("event_us") >= start) & (f.col("event_us") < end))
    names = spark.createDataFrame([(i, one.domain) for i, one in enumerate(layouts)], "layout int, domain string")
    unserved = events.where("NOT served").select("domain", "event_id").distinct().withColumn("by_time", f.lit(True))
    rows = wanted.join(f.broadcast(names), "layout").join(unserved, ["domain", "event_id"], "left")
    origin = f.when(f.col("by_time"), "backfill-by-time").otherwise("backfill")
    # Rows of one time together, so that a day's are in few files.
    rows = rows.withColumn("origin", origin).repartitionByRange(spark.sparkContext.defaultParallelism, "event_us")
    rows = rows.persist(StorageLevel.DISK_ONLY)
    counts: dict[str, dict[str, int]] = {one.domain: {} for one in layouts}
    for row in rows.groupBy("domain", "origin").count().collect():
        counts[row["domain"]][row["origin"]] = row["count"]
    for number, layout in enumerate(layouts):
        prefix = f"{layout.feature_version}-backfill-{span.start:%Y%m%dT%H%M%S}-{span.end:%Y%m%dT%H%M%S}"
        before = [
            part.path
            for part in store.parts(layout.domain, version=layout.feature_version)
            if part.path.rpartition("/")[2].startswith(prefix)
        ]
        if counts[layout.domain]:
            own = rows.where(f.col("layout") == number)
            write_rows(own, store, layout, f"{prefix}-{time.time_ns()}", own["origin"])
        # Only now: a reader takes the newer of two rows, and misses none.
        for path in before:
            store.files.delete_file(path)
    rows.unpersist()
    return counts
