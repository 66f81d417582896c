"""Where history is read from: the topics, or Parquet files of raw events.

Raw events lie in one folder for each domain, `<folder>/<domain>/**/*.parquet`, whose columns are the fields of the
domain's schema. A field that may be null can be left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from riskloom.domain import EventDomain
from riskloom.errors import SettingsError
from riskloom.features.layouts import Layout
from riskloom.features.offline import OfflineStore, entity_column
from riskloom.offsets import Offsets, end_offsets
from riskloom.schemas.arrow import arrow_schema
from riskloom.settings import Settings
from riskloom.stream.batch import encoded_records, write_records
from riskloom.stream.job import read_history
from riskloom.stream.replay import nothing_served, read_served
from riskloom.suggest import did_you_mean
from riskloom.topics import SCORES_TOPIC

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class Source(Protocol):
    """Events, and the scores that say in which order a stream saw them."""

    def records(self, spark: SparkSession, schema_ids: Mapping[str, int], since: datetime | None) -> DataFrame:
        """Read the events as records of Kafka.

        Args:
            spark: The session.
            schema_ids: By domain, the id by which the plan knows its schema.
            since: Earlier events need not be read.
        """

    def served(self, spark: SparkSession, plan: Mapping[str, Any]) -> DataFrame:
        """Read where the stream saw the events, as `riskloom.stream.replay.read_served` does."""


class Topics:
    """The topics of the domains and of the scores, as far as they reach when this is made.

    Args:
        settings: Where Kafka is.
        domains: The domains.

    Raises:
        DeliveryError: If Kafka cannot be reached or a topic is missing.
    """

    def __init__(self, settings: Settings, domains: Sequence[EventDomain]) -> None:
        self._settings = settings
        self.events: Offsets = end_offsets(settings, [domain.topic.name for domain in domains])
        # Asked later: what is known of the order of those events is among these.
        self.scores: Offsets = end_offsets(settings, [SCORES_TOPIC])

    def records(self, spark: SparkSession, schema_ids: Mapping[str, int], since: datetime | None) -> DataFrame:
        """Read all that is there: the topics' retention is how far back it goes."""
        return read_history(spark, self._settings, self.events)

    def served(self, spark: SparkSession, plan: Mapping[str, Any]) -> DataFrame:
        """Read the scores."""
        return read_served(read_history(spark, self._settings, self.scores), plan)


@dataclass(frozen=True)
class RawEvents:
    """Folders of raw events."""

    folder: Path
    domains: Sequence[EventDomain]
    work: Path
    """Where the events are put as records."""
    store: OfflineStore
    """Whose rows of the stream say in which order their keys saw the events."""
    layouts: Sequence[Layout]

    def check(self) -> None:
        """Check that the folders can be read.

        Raises:
            SettingsError: If not; all that is wrong is told at once.
        """
        problems = []
        for domain in self.domains:
            if not any((self.folder / domain.name).rglob("*.parquet")):
                there = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
                problems.append(f"no files {domain.name}/**/*.parquet{did_you_mean(domain.name, there)}")
                continue
            columns = self._dataset(domain).schema.names
            for field in arrow_schema(domain.avro_schema):
                if field.name not in columns and not field.nullable:
                    known = set(columns) - set(arrow_schema(domain.avro_schema).names)
                    problems.append(f"{domain.name}: no column {field.name!r}{did_you_mean(field.name, known)}")
        if problems:
            listed = "\n".join(f"  - {problem}" for problem in problems)
            raise SettingsError(
                f"--events {self.folder} cannot be used:\n{listed}\n"
                "A domain without events is left out with --without NAME."
            )

    def records(self, spark: SparkSession, schema_ids: Mapping[str, int], since: datetime | None) -> DataFrame:
        """Encode the events."""
        records = self.work / "records"
        records.mkdir()
        blocks = (
            block
            for domain in self.domains
            for block in encoded_records(domain, schema_ids[domain.name], self._batches(domain, since))
        )
        write_records(blocks, records)
        return spark.read.parquet(str(records)).selectExpr(
            *("CAST(NULL AS BINARY) AS key", "value", "topic", "0 AS partition", "offset"),
            "CAST(NULL AS TIMESTAMP) AS timestamp",
        )

    def served(self, spark: SparkSession, plan: Mapping[str, Any]) -> DataFrame:
        """Read the sequence numbers from the offline store; those of further entities are not in it."""
        from pyspark.sql import functions as f

        found = nothing_served(spark)
        further = [f.lit(None).cast("bigint")] * len(plan["entities"])
        for layout in self.layouts:
            files = [part.path for part in self.store.parts(layout.domain, version=layout.feature_version)]
            if not files:
                continue
            rows = spark.read.parquet(*files).where("origin = 'stream'")
            found = found.unionByName(
                rows.select(
                    f.lit(layout.domain).alias("domain"),
                    "event_id",
                    f.col(entity_column(layout.entities[0].name)).alias("key"),
                    f.unix_millis("created_timestamp").alias("scored_ms"),
                    "duplicate",
                    f.array(*further, f.col("sequence")).alias("sequences"),
                    f.unix_micros("created_timestamp").alias("at"),
                )
            )
        return found

    def _dataset(self, domain: EventDomain) -> Any:
        import pyarrow.dataset as ds

        files = sorted(str(path) for path in (self.folder / domain.name).rglob("*.parquet"))
        return ds.dataset(files, format="parquet")

    def _batches(self, domain: EventDomain, since: datetime | None) -> Iterator[pa.RecordBatch]:
        import pyarrow.dataset as ds

        wanted, dataset = arrow_schema(domain.avro_schema), self._dataset(domain)
        there = [name for name in wanted.names if name in dataset.schema.names]
        newer = None
        if since is not None:
            newer = ds.field(domain.event_time) >= pa.scalar(since, wanted.field(domain.event_time).type)
        for batch in dataset.to_batches(columns=there, filter=newer):
            columns = [
                batch.column(field.name).cast(field.type)
                if field.name in there
                else pa.nulls(batch.num_rows, field.type)
                for field in wanted
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=wanted)
