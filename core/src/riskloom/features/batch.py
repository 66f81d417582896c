"""One batch of scores into both stores: Parquet by Spark, the newest row of each entity by Feast from the driver.

Rows stay in the JVM, where they are decoded, until they are in Parquet. The driver then reads the files back with
DuckDB, which finds the newest row of each entity: what reaches Python is one row for each entity and batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from riskloom.features.layouts import Layout
from riskloom.features.newest import newest_rows
from riskloom.features.offline import OfflineStore, Part, entity_column
from riskloom.features.online import OnlineFeatures
from riskloom.schemas.topics import RISK_SCORE_SCHEMA
from riskloom.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_SMALL_BYTES = 32 << 20
_SMALL_FILES = 60
"""So many small files of a day are merged: of an hour, where each batch writes one."""
_FIXED = ("sequence", "late", "duplicate", "score", "level", "rule_version", "schema_id")


@dataclass(frozen=True)
class BatchReport:
    """What became of a batch."""

    rows: int
    """Written to Parquet."""
    unknown: int
    """Records that are no scores, or whose feature version nobody has written down."""
    stored: int
    """Rows of entities that the online store took: those that were newer than what it had."""
    freshness_p95_s: float | None
    """How long ago their events had happened when they could be read."""


def read_scores(
    records: DataFrame, settings: Settings, layouts: Sequence[Layout], schemas: Mapping[int, Any] | None = None
) -> DataFrame:
    """Decode the records of `risk-scores`, streaming or not, as ScoreReader.java does.

    Args:
        records: With a column `value`.
        settings: Where the registry is, which is asked for writer schemas that are not given.
        layouts: Those whose scores are read; rows name them by their places here, and others by -1.
        schemas: Avro schemas by the ids in the records.
    """
    from pyspark.sql import DataFrame

    plan = {
        "registry": {
            "urls": settings.registry_url.split(","),
            "options": dict(settings.registry_client),
            "schemas": {number: json.dumps(schema) for number, schema in (schemas or {}).items()},
        },
        "reader": json.dumps(RISK_SCORE_SCHEMA),
        "layouts": [
            {
                "domain": one.domain,
                "feature_version": one.feature_version,
                "entities": [entity.name for entity in one.entities],
                "features": [feature.name for feature in one.features],
            }
            for one in layouts
        ],
    }
    jvm: Any = records.sparkSession._jvm
    return DataFrame(jvm.io.riskloom.kernel.ScoreReader.apply(records._jdf, json.dumps(plan)), records.sparkSession)


def write_rows(
    scores: DataFrame, store: OfflineStore, layout: Layout, prefix: str, origin: Column | None = None
) -> None:
    """Write scores of one layout as files of the offline store, each task those of its days.

    Args:
        scores: As made by `read_scores`.
        store: Where to.
        layout: The scores' layout.
        prefix: What the files' names begin with: the layout's version first.
        origin: Who made each row; the stream without it.
    """
    from pyspark.sql import functions as f

    event = f.timestamp_micros(scores["event_us"])
    columns: Mapping[str, Column] = {
        "event_id": scores["event_id"],
        **{entity_column(one.name): scores["entities"][i] for i, one in enumerate(layout.entities)},
        "event_timestamp": event,
        "created_timestamp": f.timestamp_micros(scores["created_us"]),
        **{name: scores[name] for name in _FIXED},
        "feature_version": f.lit(layout.feature_version),
        "origin": f.lit("stream") if origin is None else origin,
        **{one.name: scores["features"][i] for i, one in enumerate(layout.features)},
        "date": f.date_format(event, "yyyy-MM-dd"),
    }
    rows = scores.select(*(column.alias(name) for name, column in columns.items()))
    (
        rows.sortWithinPartitions("date", "event_timestamp")
        .write.mode("append")
        .partitionBy("date")
        .option("compression", "zstd")
        .option("mapreduce.output.basename", prefix)
        .option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false")
        .parquet(store.spark_folder(layout.domain))
    )


class BatchWriter:
    """Writes batches of scores.

    Args:
        store: The offline store.
        online: The online store.
        layouts: As given to `read_scores`.
        name: Part of the files' names: that of whoever numbers the batches.
        tasks: How many tasks read and write at most; as many as the topic has partitions without it.
    """

    def __init__(
        self,
        store: OfflineStore,
        online: OnlineFeatures,
        layouts: Sequence[Layout],
        name: str,
        tasks: int | None = None,
    ) -> None:
        self._store, self._online, self._layouts = store, online, layouts
        self._name, self._tasks = name, tasks

    def write(self, scores: DataFrame, number: int) -> BatchReport:
        """Write a batch, in the place of what an earlier attempt at it left.

        Args:
            scores: As `read_scores` makes them.
            number: The batch's.
        """
        from pyspark import StorageLevel

        # Every layout reads it: once from Kafka, then from disk, for a backlog would not fit into memory.
        kept = (scores.coalesce(self._tasks) if self._tasks else scores).persist(StorageLevel.DISK_ONLY)
        try:
            counts = {row["layout"]: row["count"] for row in kept.groupBy("layout").count().collect()}
            found = {i: self._layouts[i] for i in sorted(counts) if i >= 0}
            for i, layout in found.items():
                before = self._parts(layout, number)
                rows = kept.where(kept["layout"] == i)
                write_rows(rows, self._store, layout, self._prefix(layout, number))
                self._store.retire(layout.domain, [part.path for part in before])
        finally:
            kept.unpersist()
        stored: list[timedelta] = []
        for layout in found.values():
            parts = self._parts(layout, number)
            stored += self._write_online(layout, parts)
            self._tidy(layout, parts)
        stored.sort()
        return BatchReport(
            rows=sum(count for i, count in counts.items() if i >= 0),
            unknown=counts.get(-1, 0),
            stored=len(stored),
            freshness_p95_s=stored[int(0.95 * (len(stored) - 1))].total_seconds() if stored else None,
        )

    def _prefix(self, layout: Layout, number: int) -> str:
        return f"{layout.feature_version}-{self._name}-{number:010d}"

    def _parts(self, layout: Layout, number: int) -> list[Part]:
        prefix = self._prefix(layout, number)
        parts = self._store.parts(layout.domain, version=layout.feature_version)
        return [part for part in parts if part.path.rpartition("/")[2].startswith(prefix)]

    def _write_online(self, layout: Layout, parts: list[Part]) -> list[timedelta]:
        """Store the newest row of each entity; say how old the event of each was by then."""
        ages: list[timedelta] = []
        for entity, rows in newest_rows(self._store, layout, parts):
            kept = self._online.write(layout, entity, rows)
            now = datetime.now(UTC)
            ages += [now - rows["event_timestamp"][i].as_py() for i in kept]
        return ages

    def _tidy(self, layout: Layout, parts: list[Part]) -> None:
        def small(of_day: list[Part]) -> list[Part]:
            found = [part for part in of_day if part.size < _SMALL_BYTES]
            return found if len(found) >= _SMALL_FILES else []

        for day in {part.day for part in parts}:
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            schemas = {layout.feature_version: layout.schema}
            self._store.compact(layout.domain, schemas, small, start=begin, end=begin + timedelta(days=1))
