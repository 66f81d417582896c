"""Watch a running query, and stop it with its JVM."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from riskloom.errors import JobError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

_POLL_S = 0.5
_PATIENCE_S = 120.0
"""How long a stop waits for the end of a batch."""


@contextmanager
def explained(log: Path) -> Iterator[None]:
    """Say in a JobError what it means when Spark fails, or its JVM ends, in the middle of a call.

    Spark's failures are in the JVM: whoever stops that must do so after this.

    Args:
        log: Spark's log, to name in an error.
    """
    from py4j.protocol import Py4JError, Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        cause = _cause(str(getattr(error, "java_exception", error)))
        raise JobError(f"Spark failed: {cause}\nIts log is {log}; mend the cause and start it again.") from None
    except (Py4JError, ConnectionError):
        raise JobError(f"{_gone(log)}\nStart the same command again.") from None


def _gone(log: Path) -> str:
    return f"the job's JVM ended by itself; its log is {log}"


def check(query: StreamingQuery, log: Path) -> bool:
    """Say whether a query is still running.

    Args:
        query: The query.
        log: Spark's log, to name in an error.

    Raises:
        JobError: If it failed, or its JVM is gone.
    """
    from py4j.protocol import Py4JError

    try:
        if query.isActive:
            return True
        failure = query.exception()
    except (Py4JError, OSError):
        raise JobError(
            f"{_gone(log)}\nStart the same command again: it goes on from its checkpoint, and no event is lost."
        ) from None
    if failure is not None:
        raise JobError(
            f"the query failed: {_cause(str(failure))}\nSpark's log is {log}; mend the cause and start it again: "
            "it goes on from its checkpoint."
        )
    return False


def require_running(query: StreamingQuery, log: Path) -> None:
    """Raise JobError unless a query, which never ends by itself, is running.

    Args:
        query: The query.
        log: Spark's log, to name in the error.
    """
    if not check(query, log):
        raise JobError(f"the job ended by itself; its log is {log}")


def wait(query: StreamingQuery, log: Path, asked: Event, tick: Callable[[], None] | None = None) -> bool:
    """Wait until a query ends by itself, or is asked to.

    Args:
        query: The query.
        log: Spark's log, to name in an error.
        asked: Set when the query shall be stopped; that is left to the caller.
        tick: Called about twice a second.

    Returns:
        Whether the query ended by itself.

    Raises:
        JobError: If it fails, or its JVM is gone.
    """
    while check(query, log):
        if tick is not None:
            tick()
        if asked.wait(_POLL_S):
            return False
    return True


def finish_batch(spark: SparkSession, query: StreamingQuery, log: Path, at_once: Event) -> bool:
    """End a query after the batch that it is in: nothing of that will be done again.

    Args:
        spark: Its session.
        query: A query in batches; a batch of Real-Time Mode lasts too long to wait for.
        log: Spark's log, to name in an error.
        at_once: Set when the user does not want to wait.

    Returns:
        Whether the query ended in time; if not, it still runs.

    Raises:
        JobError: If the batch fails.
    """
    jvm: Any = spark._jvm
    terminated = getattr(jvm.org.apache.spark.sql.execution.streaming.runtime, "TERMINATED$")
    execution: Any = query._jsq.streamingQuery()
    # What Spark itself does after the last batch of available-now: the loop over the batches sees it and ends.
    execution.state().set(getattr(terminated, "MODULE$"))
    deadline = time.monotonic() + _PATIENCE_S
    while execution.queryExecutionThread().isAlive():
        if at_once.wait(_POLL_S) or time.monotonic() > deadline:
            return False
    check(query, log)
    return True


def wait_until_reading(spark: SparkSession, tasks: int, alive: Callable[[], None], asked: Event) -> None:
    """Wait until a Real-Time query reads its topics: all of its tasks, of all stages, are running at once.

    Args:
        spark: The session of the query, which runs nothing else.
        tasks: The partitions of the topics and of the state together.
        alive: Raises when the query has failed.
        asked: Set when the user wants to stop; the wait ends early.
    """
    tracker = spark.sparkContext.statusTracker()
    running = 0
    while running < tasks:
        alive()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        running = sum(stage.numActiveTasks for stage in stages if stage is not None)
        if asked.wait(_POLL_S):
            return


def stop(spark: SparkSession) -> None:
    """Stop all queries and the session, and end the JVM; nothing happens if it is gone already."""
    from py4j.protocol import Py4JError

    gateway = spark.sparkContext._gateway
    with suppress(Py4JError, OSError):
        for query in spark.streams.active:
            query.stop()
        spark.stop()
    end_jvm(gateway)


def end_jvm(gateway: Any) -> None:
    """End a JVM that this process started, and let its next session start one of its own.

    Args:
        gateway: py4j's connection to it.
    """
    from py4j.protocol import Py4JError
    from pyspark import SparkContext

    with suppress(Py4JError, OSError):
        gateway.shutdown()
    process = getattr(gateway, "proc", None)
    if process is not None:
        # The JVM ends when its standard input does; it need not be asked twice.
        process.stdin.close()
        process.wait()
    SparkContext._gateway = None
    SparkContext._jvm = None


def _cause(failure: str) -> str:
    """The first line of Spark's message that tells the cause, without the trace."""
    lines = [line.strip() for line in failure.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return causes[-1].removeprefix("Caused by:").strip() if causes else (lines[0] if lines else "no reason given")
