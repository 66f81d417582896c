"""Watch a running query, and stop it with its JVM."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from riskloom.errors import JobError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery

_POLL_S = 0.5


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
            f"the job's JVM ended by itself; its log is {log}\n"
            "Start the same command again: it goes on from its checkpoint, and no event is lost."
        ) from None
    if failure is not None:
        raise JobError(
            f"the query failed: {_cause(str(failure))}\nSpark's log is {log}; mend the cause and start it again: "
            "it goes on from its checkpoint."
        )
    return False


def wait(query: StreamingQuery, log: Path, tick: Callable[[], None] | None = None) -> None:
    """Wait until a query ends by itself.

    Args:
        query: The query.
        log: Spark's log, to name in an error.
        tick: Called about twice a second.

    Raises:
        JobError: If it fails, or its JVM is gone.
    """
    while check(query, log):
        if tick is not None:
            tick()
        time.sleep(_POLL_S)


def stop(spark: SparkSession) -> None:
    """Stop all queries and the session, and end the JVM; nothing happens if it is gone already."""
    from py4j.protocol import Py4JError

    gateway = spark.sparkContext._gateway
    with suppress(Py4JError, OSError):
        for query in spark.streams.active:
            query.stop()
        spark.stop()
    with suppress(Py4JError, OSError):
        gateway.shutdown()
    process = getattr(gateway, "proc", None)
    if process is not None:
        # The JVM ends when its standard input does; it need not be asked twice.
        process.stdin.close()
        process.wait()
    _forget()


def _forget() -> None:
    """Let the next session of this process start a JVM of its own."""
    from pyspark import SparkContext

    SparkContext._gateway = None
    SparkContext._jvm = None


def _cause(failure: str) -> str:
    """The first line of Spark's message that tells the cause, without the trace."""
    lines = [line.strip() for line in failure.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return causes[-1].removeprefix("Caused by:").strip() if causes else (lines[0] if lines else "no reason given")
