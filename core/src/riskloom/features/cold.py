"""The cold path: a second query of the job's application that brings the scores into the feature store.

It has a checkpoint of its own, so nothing is missed while it is not there. Whatever happens to it, an online store that
is down among others, it is started again from where it was; the query that scores goes on meanwhile.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, Lock, Thread, get_native_id
from typing import TYPE_CHECKING, Any

from riskloom.domain import EventDomain
from riskloom.features.batch import BatchWriter, read_scores
from riskloom.features.layouts import Layouts
from riskloom.features.objects import feast_objects
from riskloom.features.offline import OfflineStore
from riskloom.features.online import OnlineFeatures
from riskloom.features.repository import open_store
from riskloom.features.writer import only_writer
from riskloom.settings import Settings
from riskloom.stream.job import read_topics
from riskloom.stream.status import Materialization
from riskloom.topics import SCORES_TOPIC

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

_log = logging.getLogger(__name__)

FOLDER = "features"
"""The cold path's checkpoint, in the folder of the job's."""

_BATCH_EVENTS = 3_000_000
"""The most scores in a batch: a minute of 50,000 a second, or 1 GB on disk."""
_POLL_S = 1.0
_PAUSES_S = (5, 10, 20, 30)
"""Before it is started again, once, twice, ... after failing; the last one from then on."""
_NICE = 10
_PATIENCE_S = 60.0
"""How long a stop waits for the batch."""


class ColdPath:
    """Brings scores into the feature store while a job runs.

    Args:
        settings: Where the servers and the stores are.
        domains: The domains of the job.
        every: How often, as Spark says it: `60 seconds`.
        report: Is told, in one line, what is going on.
    """

    def __init__(
        self, settings: Settings, domains: Sequence[EventDomain], every: str, report: Callable[[str], None]
    ) -> None:
        self._settings, self._domains, self._every, self._report = settings, tuple(domains), every, report
        self._state = Materialization(state="running", every=every)
        self._tell: Callable[[Materialization], None] = lambda _: None
        self._asked, self._busy = Event(), Lock()
        self._query: StreamingQuery | None = None
        self._writer: BatchWriter | None = None
        self._thread: Thread | None = None

    def follow(self, spark: SparkSession, folder: str, tell: Callable[[Materialization], None]) -> None:
        """Bring scores over as they come, in a thread, until `stop`."""
        self._tell = tell
        self._note()
        self._thread = Thread(target=self._follow, args=(spark, folder), name="features", daemon=True)
        self._thread.start()

    def drain(self, spark: SparkSession, folder: str, tell: Callable[[Materialization], None]) -> None:
        """Bring over the scores that there are."""
        self._tell = tell
        self._report("storing features")
        try:
            self._start(spark, folder, once=True).awaitTermination()
            self._note(state="stopped")
        except Exception as error:
            self._failed(error, "they are stored at the next start")

    def stop(self) -> None:
        """End after the batch that it is in, or leave that to the next start if it takes too long."""
        from py4j.protocol import Py4JError

        self._asked.set()
        in_time = self._busy.acquire(timeout=_PATIENCE_S)
        with suppress(Py4JError, OSError):
            if self._query is not None:
                self._query.stop()
        if in_time:
            self._busy.release()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)
        if self._state.state == "running":
            self._note(state="stopped")

    def _follow(self, spark: SparkSession, folder: str) -> None:
        failures = 0
        while not self._asked.is_set():
            batches = self._state.batches
            try:
                query = self._start(spark, folder)
                while query.isActive and not self._asked.wait(_POLL_S):
                    pass
                if self._asked.is_set():
                    return
                raise query.exception() or RuntimeError("the query ended by itself")
            except Exception as error:
                if self._asked.is_set():
                    return
                failures = 1 if self._state.batches > batches else failures + 1
                pause = _PAUSES_S[min(failures, len(_PAUSES_S)) - 1]
                self._failed(error, f"tried again in {pause} s")
                self._asked.wait(pause)

    def _failed(self, error: Exception, next_step: str) -> None:
        detail = f"{_reason(error)}; {next_step}"
        _log.debug("the feature store", exc_info=error)
        if self._state.state != "failing":
            self._report(f"features are not stored: {detail}")
        self._note(state="failing", detail=detail, failures=self._state.failures + 1)

    def _start(self, spark: SparkSession, folder: str, once: bool = False) -> StreamingQuery:
        checkpoint = f"{folder.rstrip('/')}/{FOLDER}"
        store = OfflineStore(self._settings.offline_store_root)
        layouts = Layouts(store, self._domains)
        layouts.record()
        known = layouts.all()
        feast = open_store(self._settings)
        if self._writer is None:
            feast.apply(feast_objects(store, known))
        name = hashlib.sha256(checkpoint.encode()).hexdigest()[:8]
        # Half of the machine at most: the query that scores runs beside it.
        tasks = max(1, (os.cpu_count() or 1) // 2) if str(spark.sparkContext.master).startswith("local") else None
        self._writer = BatchWriter(store, OnlineFeatures(feast, store, known), known, name, tasks)
        records = read_topics(spark, self._settings, [SCORES_TOPIC], max_batch_events=_BATCH_EVENTS)
        writer = (
            read_scores(records, self._settings, known)
            .writeStream.foreachBatch(self._batch)
            .option("checkpointLocation", checkpoint)
            .queryName("riskloom-features")
        )
        trigger = writer.trigger(availableNow=True) if once else writer.trigger(processingTime=self._every)
        self._query = trigger.start()
        return self._query

    def _batch(self, scores: DataFrame, number: int) -> None:
        with self._busy:
            if self._asked.is_set() or self._writer is None:
                raise InterruptedError("the job is stopping")
            begun = time.monotonic()
            _step_back()
            with only_writer(self._settings.home_dir):
                done = self._writer.write(scores, number)
            before = self._state
            self._note(
                state="running",
                detail="",
                batches=before.batches + 1,
                rows=before.rows + done.rows,
                stored=before.stored + done.stored,
                unknown=before.unknown + done.unknown,
                last_ended=datetime.now(UTC),
                last_rows=done.rows,
                last_seconds=round(time.monotonic() - begun, 3),
                freshness_p95_s=done.freshness_p95_s,
            )

    def _note(self, **parts: Any) -> None:
        self._state = self._state.model_copy(update=parts)
        self._tell(self._state)


def _step_back() -> None:
    """Have this thread take what the job's threads leave of the processor; Linux knows priorities of threads."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICE)


def _reason(error: Exception) -> str:
    """Find the line of an error that says the cause: Spark's hold a whole Python trace."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Error: " in line and not line.startswith(("at ", "File ", "["))]
    return named[-1] if named else (lines[0] if lines else type(error).__name__)
