"""The slots of Spark's master: how many a query needs, and whether they are there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

from riskloom.discovery import InstalledDomain
from riskloom.errors import JobError
from riskloom.stream.job import READERS, SHUFFLE_PARTITIONS, Mode
from riskloom.stream.plan import further_entities, kept_series

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SPARE = 2
_PATIENCE_S = 120
"""A cluster's executors register one after the other, and a busy one starts them when there is room."""
_POLL_S = 0.5


def reading_tasks(partitions: int) -> int:
    """Count the tasks that read so many partitions in Real-Time Mode."""
    return min(partitions, READERS)


def tasks_of(
    domains: Sequence[InstalledDomain],
    partitions: int,
    mode: Mode,
    state_partitions: int = SHUFFLE_PARTITIONS,
    entities: Sequence[str] | None = None,
) -> int:
    """Count the tasks of a query that must run at once; each holds a slot.

    In Real-Time Mode they are all tasks of all stages, for as long as the query runs. In the other modes tasks take
    turns, and one slot will do.

    Args:
        domains: The domains of the job.
        partitions: The partitions of all topics read, together.
        mode: How the query is triggered.
        state_partitions: The tasks that keep the state of an entity.
        entities: Those that have an operator of their own in the checkpoint's state; without it those that some window
            needs.
    """
    if mode is not Mode.REALTIME:
        return 1
    if entities is None:
        entities = further_entities(kept_series([installed.domain for installed in domains]))
    # The keys' operator, and one for each entity beside them.
    return reading_tasks(partitions) + (1 + len(entities)) * state_partitions


def local_master(mode: Mode, tasks: int) -> str:
    """Size a local master: in Real-Time Mode for all tasks at once, else by the machine's cores."""
    return f"local[{tasks + _SPARE}]" if mode is Mode.REALTIME else "local[*]"


def slots_of(spark: SparkSession) -> int:
    """Count the slots of the executors that there are."""
    context: Any = spark.sparkContext._jsc.sc()
    return int(context.maxNumConcurrentTasks(context.resourceProfileManager().defaultResourceProfile()))


def wait_for_slots(spark: SparkSession, tasks: int, asked: Event) -> None:
    """Wait until the master's executors have slots for so many tasks at once; without them Spark would fail or hang.

    Args:
        spark: A session on which nothing runs.
        tasks: How many tasks must run at once.
        asked: Set when the user wants to stop; the wait ends early.

    Raises:
        JobError: If there are too few: at once if the master is local, else after two minutes.
    """
    context: Any = spark.sparkContext._jsc.sc()
    deadline = time.monotonic() + (0 if context.isLocal() else _PATIENCE_S)
    while (slots := slots_of(spark)) < tasks:
        if time.monotonic() >= deadline:
            raise JobError(_too_few(slots, tasks, context.master()))
        if asked.wait(_POLL_S):
            return


def _too_few(slots: int, tasks: int, master: str) -> str:
    if tasks == 1:
        return (
            f"{master} has given the job no executor in {_PATIENCE_S} s.\n"
            "Ask for what it has free: --conf spark.executor.memory=1g --conf spark.executor.cores=1, for example."
        )
    return (
        f"Real-Time Mode needs {tasks} slots at once, one for each task that reads topics or keeps state, and "
        f"{master} has {slots}.\n"
        "Give the job more cores (a standalone worker's --cores may be more than the machine has; on YARN and "
        "Kubernetes: --conf spark.executor.instances=N --conf spark.executor.cores=N), leave out domains with "
        "--without NAME, or add --mode micro-batch, in which tasks take turns."
    )
