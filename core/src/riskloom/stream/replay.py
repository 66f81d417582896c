"""History through the kernel, in the order in which the stream saw it.

A stream scores with what had arrived by then, and events of several topics do not arrive in the order of their times.
Each score says how many events the states of its entities had seen (its sequence numbers): an event's place among those
of its key, and another one among those of each further entity. Here each operator takes its events by these places.

Events that nobody has scored are put where their times say: after the last one whose score was served and which is not
later, itself or one before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskloom.schemas.topics import RISK_SCORE_SCHEMA
from riskloom.stream.job import compiling

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_EVENT = ("domain", "event_id", "key")
_SOURCE = ("domain", "partition", "offset")
_SPREAD = 1024
"""Events that an operator keeps nothing for are spread over so many keys."""


@dataclass(frozen=True)
class Placed:
    """Events with their places: rows of frame, domain, event_id, event_ms, partition, offset, served, and place_<n>.

    `served` says whether the event's score told of all its places.
    """

    events: DataFrame
    plan: Mapping[str, Any]

    @property
    def operators(self) -> int:
        """How many operators an event passes."""
        return len(self.plan["entities"]) + 1

    def scored(self) -> DataFrame:
        """Score the events: rows of topic, key, value, as for Kafka."""
        frames = self.events.select("frame", self.events["place_0"].alias("place"))
        for operator in range(1, self.operators):
            passed = _operate(frames, self.plan, operator - 1)
            named = _java(passed, "named", self.plan).select("frame", *_SOURCE)
            places = self.events.select(*_SOURCE, self.events[f"place_{operator}"].alias("place"))
            frames = named.join(places, [*_SOURCE]).select("frame", "place")
        return _operate(frames, self.plan, self.operators - 1)


def read_events(records: DataFrame, plan: Mapping[str, Any]) -> DataFrame:
    """Decode events into rows that `in_order` takes.

    Args:
        records: As for `riskloom.stream.job.scored`. What claims to be ahead of its timestamp is left out, as by the
            stream; without a timestamp nothing is.
        plan: The job's plan.

    Raises:
        JobError: If Spark cannot compile a domain's SQL.
    """
    return _java(records, "events", plan)


def read_served(records: DataFrame, plan: Mapping[str, Any]) -> DataFrame:
    """Read from records of the topic `risk-scores` where the stream saw each event.

    Args:
        records: With the columns value and offset.
        plan: The job's plan.
    """
    return _java(records, "served", plan, json.dumps(RISK_SCORE_SCHEMA))


def nothing_served(spark: SparkSession) -> DataFrame:
    """Answer what `read_served` does where nothing was ever scored."""
    return spark.createDataFrame(
        [],
        "domain string, event_id string, key string, scored_ms bigint, duplicate boolean, sequences array<bigint>, "
        "at bigint",
    )


def in_order(events: DataFrame, served: DataFrame, plan: Mapping[str, Any], folder: Path | str) -> Placed:
    """Give each event its place at each operator.

    Args:
        events: As made by `read_events`.
        served: As made by `read_served` or `nothing_served`.
        plan: The job's plan.
        folder: Of a file system that driver and executors share; the events are written there.
    """
    operators = len(plan["entities"]) + 1
    placed = reduce(_with_place, range(operators), _with_sequences(events, served))
    placed = placed.drop("states", "sequences", "scored_ms", "duplicate", "at")
    placed.write.parquet(str(folder), compression="zstd")
    return Placed(events.sparkSession.read.parquet(str(folder)), plan)


def _with_sequences(events: DataFrame, served: DataFrame) -> DataFrame:
    """Find the score of each event; if it was sent more than once, the last scores are those of the last records."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    same = Window.partitionBy(*_EVENT)
    # A job that was killed scores some events again: with the same sequence number, or instead of those before.
    again = Window.partitionBy(*_EVENT, "duplicate", served["sequences"]).orderBy(f.desc("at"))
    once = served.withColumn("turn", f.row_number().over(again)).where("turn = 1")
    scores = once.withColumn("turn", f.row_number().over(same.orderBy(f.desc("at"))))
    records = events.withColumn("turn", f.row_number().over(same.orderBy(f.desc("partition"), f.desc("offset"))))
    found = records.join(scores, [*_EVENT, "turn"], "left").drop("turn")
    known = f.forall(
        f.arrays_zip("states", "sequences"), lambda one: one["states"].isNull() | one["sequences"].isNotNull()
    )
    return found.withColumn("served", f.col("sequences").isNotNull() & known)


def _with_place(events: DataFrame, operator: int) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    state = f.coalesce(f.col("states")[operator], f.format_string("\0%d", f.pmod(f.hash("event_id"), f.lit(_SPREAD))))
    sequence = f.col("sequences")[operator]
    of_state = Window.partitionBy("state")
    rows = events.withColumn("state", state).withColumn("sequence", sequence)
    # A state that was dropped, after a long silence or for a new one, begins to count anew.
    first = f.when((f.col("sequence") == 1) & ~f.col("duplicate"), 1).otherwise(0)
    so_far = of_state.orderBy("scored_ms").rangeBetween(Window.unboundedPreceding, Window.currentRow)
    rows = rows.withColumn("life", f.greatest(f.lit(1), f.sum(first).over(so_far)))
    seen: list[Column] = [f.col("sequence").isNull(), *map(f.col, ("life", "sequence", "duplicate", "at"))]
    until = of_state.orderBy(*seen).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    latest = f.when(f.col("sequence").isNotNull(), f.max("event_ms").over(until)).otherwise(f.col("event_ms"))
    rows = rows.withColumn("due", latest)
    order = of_state.orderBy("due", *seen, "event_ms", *_SOURCE)
    return rows.withColumn(f"place_{operator}", f.row_number().over(order).cast("bigint")).drop(
        "state", "sequence", "life", "due"
    )


def _operate(frames: DataFrame, plan: Mapping[str, Any], operator: int) -> DataFrame:
    return _java(frames, "operate", plan, operator)


def _java(rows: DataFrame, name: str, plan: Mapping[str, Any], *more: Any) -> DataFrame:
    """Call the kernel's Replay on rows."""
    from pyspark.sql import DataFrame

    jvm: Any = rows.sparkSession._jvm
    with compiling():
        return DataFrame(
            getattr(jvm.io.riskloom.kernel.Replay, name)(rows._jdf, json.dumps(plan), *more), rows.sparkSession
        )
