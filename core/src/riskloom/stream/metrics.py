"""What the running job has counted: read from its JVM, where the executors' heartbeats bring it every few seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class DomainMetrics(BaseModel):
    """What became of one domain's records since the job started."""

    model_config = ConfigDict(frozen=True)

    read: int = 0
    """Records read from its topic."""
    scored: int = 0
    """Scores written, those of late events and of duplicates included."""
    late: int = 0
    duplicates: int = 0
    dead_letters: Mapping[str, int] = {}
    """By reason."""
    positions: Mapping[int, int] = {}
    """The offset of the next record, by partition; a partition of which nothing was read is missing."""

    @property
    def dead(self) -> int:
        """Dead letters of all reasons."""
        return sum(self.dead_letters.values())


class JobMonitor:
    """Listens to a query's tasks, those that run included."""

    def __init__(self, spark: SparkSession) -> None:
        jvm: Any = spark._jvm
        self._context: Any = spark.sparkContext
        self.in_jvm: Any = jvm.io.riskloom.kernel.JobMonitor(spark._jsparkSession)

    def settle(self) -> None:
        """Wait until what has happened in Spark is counted."""
        from py4j.protocol import Py4JError

        with suppress(Py4JError):  # not within ten seconds: then the numbers are a little old
            self._context._jsc.sc().listenerBus().waitUntilEmpty()

    def read(self) -> dict[str, DomainMetrics]:
        """Read the numbers of the query that was started with this monitor, by domain."""
        numbers = json.loads(self.in_jvm.json())
        return {name: DomainMetrics.model_validate(one) for name, one in numbers.items()}
