"""Watching and stopping a query, with queries and gateways that do as they are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark import SparkContext
from pyspark.errors import AnalysisException

from riskloom.errors import JobError
from riskloom.stream import supervise

LOG = Path("/logs/spark.log")
FAILURE = """Job aborted due to stage failure
org.apache.spark.SparkException: outer
\tat somewhere
Caused by: java.lang.RuntimeException: middle
Caused by: java.lang.ArithmeticException: the root of it
\tat deeper
"""


class Query:
    """A query that runs for some looks and then ends, fails, or takes its JVM with it."""

    def __init__(self, looks: int = 0, failure: Any = None, gone: Exception | None = None) -> None:
        self.looks, self.failure, self.gone = looks, failure, gone

    @property
    def isActive(self) -> bool:
        self.looks -= 1
        if self.looks < 0 and self.gone is not None:
            raise self.gone
        return self.looks >= 0

    def exception(self) -> Any:
        return self.failure


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_POLL_S", 0)


def test_a_query_runs_until_it_ends() -> None:
    query: Any = Query(looks=1)
    assert supervise.check(query, LOG) is True
    assert supervise.check(query, LOG) is False


def test_a_failed_query_is_told_with_its_root_cause_and_the_log() -> None:
    query: Any = Query(failure=FAILURE)
    with pytest.raises(JobError) as caught:
        supervise.check(query, LOG)
    text = str(caught.value)
    assert "java.lang.ArithmeticException: the root of it" in text
    assert "middle" not in text
    assert str(LOG) in text


@pytest.mark.parametrize(
    ("failure", "told"), [("one line\nand another", "failed: one line\n"), ("", "failed: no reason given")]
)
def test_a_failure_without_a_cause_is_told_by_its_first_line(failure: str, told: str) -> None:
    query: Any = Query(failure=failure)
    with pytest.raises(JobError) as caught:
        supervise.check(query, LOG)
    assert told in str(caught.value)


@pytest.mark.parametrize("gone", [Py4JNetworkError("no"), Py4JError("no"), ConnectionRefusedError("no")])
def test_a_jvm_that_is_gone_is_told(gone: Exception) -> None:
    query: Any = Query(gone=gone)
    with pytest.raises(JobError, match="JVM ended by itself; its log is") as caught:
        supervise.check(query, LOG)
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("gone", [Py4JNetworkError("no"), Py4JError("no"), ConnectionResetError("no")])
def test_a_jvm_that_ends_in_the_middle_of_a_call_is_told(gone: Exception) -> None:
    with pytest.raises(JobError, match="JVM ended by itself; its log is"), supervise.explained(LOG):
        raise gone


def test_a_failure_of_spark_is_told_in_a_line_with_the_log() -> None:
    with pytest.raises(JobError, match=r"Spark failed: no such folder\n.*spark.log"), supervise.explained(LOG):
        raise AnalysisException("no such folder\nat somewhere")


def test_what_is_not_of_spark_is_left_as_it_is() -> None:
    with pytest.raises(JobError, match=r"^mine$"), supervise.explained(LOG):
        raise JobError("mine")


def test_a_wait_ends_with_the_query_and_ticks_meanwhile() -> None:
    query: Any = Query(looks=3)
    ticks: list[int] = []
    assert supervise.wait(query, LOG, Event(), lambda: ticks.append(1)) is True
    assert len(ticks) == 3


def test_a_wait_ends_when_it_is_asked_to() -> None:
    query: Any = Query(looks=1_000_000)
    asked = Event()
    assert supervise.wait(query, LOG, asked, asked.set) is False


def test_a_wait_ends_when_the_query_fails() -> None:
    query: Any = Query(looks=2, failure=FAILURE)
    with pytest.raises(JobError, match="the root of it"):
        supervise.wait(query, LOG, Event())


def reading(*looks: list[int | None]) -> Any:
    """A session whose tracker sees, look by look, so many tasks in each of its stages; None is a stage just ended."""
    left = list(looks)

    def active() -> list[int]:
        stages.clear()
        stages.extend(left.pop(0))
        return list(range(len(stages)))

    stages: list[int | None] = []

    def info(stage: int) -> Any:
        count = stages[stage]
        return None if count is None else SimpleNamespace(numActiveTasks=count)

    tracker = SimpleNamespace(getActiveStageIds=active, getStageInfo=info)
    return SimpleNamespace(sparkContext=SimpleNamespace(statusTracker=lambda: tracker), left=left)


def test_a_query_reads_when_all_tasks_of_all_stages_run() -> None:
    spark = reading([], [12], [32, None], [32, 4], [1])
    supervise.wait_until_reading(spark, 36, lambda: None, Event())
    assert len(spark.left) == 1


def test_the_wait_for_reading_ends_when_the_query_fails_or_it_is_asked_to() -> None:
    def dead() -> None:
        raise JobError("dead")

    with pytest.raises(JobError, match="dead"):
        supervise.wait_until_reading(reading([0]), 1, dead, Event())
    asked = Event()
    asked.set()
    supervise.wait_until_reading(reading([0]), 1, lambda: None, asked)


class Session:
    """A session whose parts may be gone."""

    def __init__(self, gone: Exception | None = None, process: bool = True) -> None:
        self.done: list[str] = []
        self.gone = gone
        gateway: dict[str, Any] = {"shutdown": self._does("shutdown")}
        if process:
            stdin = SimpleNamespace(close=lambda: self.done.append("close"))
            gateway["proc"] = SimpleNamespace(stdin=stdin, wait=lambda: self.done.append("wait"))
        self.sparkContext = SimpleNamespace(_gateway=SimpleNamespace(**gateway))
        self.stop = self._does("stop session")

    @property
    def streams(self) -> Any:
        return SimpleNamespace(active=[SimpleNamespace(stop=self._does("stop query"))])

    def _does(self, what: str) -> Callable[[], None]:
        def act() -> None:
            if self.gone is not None:
                raise self.gone
            self.done.append(what)

        return act


@pytest.fixture
def _own_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a session that is tested forget its own JVM, not that of the other tests."""
    monkeypatch.setattr(SparkContext, "_gateway", "this one")
    monkeypatch.setattr(SparkContext, "_jvm", "this one")


@pytest.mark.usefixtures("_own_gateway")
def test_stopping_stops_queries_then_session_then_jvm() -> None:
    session: Any = Session()
    supervise.stop(session)
    assert session.done == ["stop query", "stop session", "shutdown", "close", "wait"]
    assert SparkContext._gateway is None
    assert SparkContext._jvm is None


@pytest.mark.usefixtures("_own_gateway")
@pytest.mark.parametrize("gone", [Py4JNetworkError("gone"), ConnectionResetError("gone")])
def test_stopping_what_is_gone_already_is_no_error(gone: Exception) -> None:
    session: Any = Session(gone)
    supervise.stop(session)
    assert session.done == ["close", "wait"]
    assert SparkContext._gateway is None


@pytest.mark.usefixtures("_own_gateway")
def test_a_jvm_of_another_process_is_left_to_it() -> None:
    session: Any = Session(process=False)
    supervise.stop(session)
    assert session.done == ["stop query", "stop session", "shutdown"]


class Batches:
    """A query whose thread ends after some looks, once it has been told to."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.told: list[str] = []
        self._jsq = SimpleNamespace(streamingQuery=lambda: self)
        streaming = SimpleNamespace(runtime=SimpleNamespace(**{"TERMINATED$": SimpleNamespace(**{"MODULE$": "end"})}))
        sql = SimpleNamespace(execution=SimpleNamespace(streaming=streaming))
        self._jvm = SimpleNamespace(org=SimpleNamespace(apache=SimpleNamespace(spark=SimpleNamespace(sql=sql))))

    def state(self) -> Any:
        return SimpleNamespace(set=self.told.append)

    def queryExecutionThread(self) -> Any:
        return self

    def isAlive(self) -> bool:
        assert self.told == ["end"]
        self.looks -= 1
        return self.looks >= 0

    isActive = False

    def exception(self) -> Any:
        return FAILURE if self.looks == -2 else None


def finish(query: Batches, at_once: Event) -> bool:
    both: Any = query
    return supervise.finish_batch(both, both, LOG, at_once)


def test_a_batch_is_brought_to_its_end() -> None:
    assert finish(Batches(looks=3), Event()) is True


def test_a_user_need_not_wait_for_it() -> None:
    at_once = Event()
    at_once.set()
    assert finish(Batches(looks=1_000_000), at_once) is False


def test_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "_PATIENCE_S", 0)
    assert finish(Batches(looks=1_000_000), Event()) is False


def test_a_batch_that_fails_is_told() -> None:
    query = Batches(looks=-1)
    with pytest.raises(JobError, match="the root of it"):
        finish(query, Event())
