"""The cold path's supervision, with the query replaced: it fails, is started again, and never raises."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from riskloom.features import cold
from riskloom.features.cold import ColdPath

SPARK_SAYS = """[FOREACH_BATCH_USER_FUNCTION_ERROR] An error occurred in the user provided function
Traceback (most recent call last):
  File "/x/py4j/clientserver.py", line 644, in _call_proxy
redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6379. Connection refused.
at py4j.Protocol.getReturnValue(Protocol.java:480)
"""


class Query:
    def __init__(self, failure: Exception | None) -> None:
        self.failure, self.stopped = failure, False

    @property
    def isActive(self) -> bool:
        return self.failure is None and not self.stopped

    def exception(self) -> Exception | None:
        return self.failure

    def stop(self) -> None:
        self.stopped = True

    def awaitTermination(self) -> None:
        if self.failure:
            raise self.failure


class Path(ColdPath):
    """A cold path whose starts are given: a query, or an error."""

    def __init__(self, settings: Any, *starts: Any) -> None:
        self.lines: list[str] = []
        self.states: list[Any] = []
        super().__init__(settings, [], "60 seconds", self.lines.append)
        self.starts = list(starts)

    def _start(self, spark: Any, folder: str, once: bool = False) -> Any:
        start = self.starts.pop(0)
        if isinstance(start, Exception):
            raise start
        self._query = start
        return start

    def told(self) -> list[str]:
        return [state.state for state in self.states]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold, "_PAUSES_S", (0.01, 0.02))
    monkeypatch.setattr(cold, "_POLL_S", 0.01)


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_is_started_again_until_it_runs(settings):
    good = Query(None)
    path = Path(settings, OSError("no disk"), Query(RuntimeError(SPARK_SAYS)), Query(ValueError("x")), good)
    path.follow(None, "/c", path.states.append)
    wait_until(lambda: path._query is good)
    assert path.told() == ["running", "failing", "failing", "failing"]
    assert [state.failures for state in path.states] == [0, 1, 2, 3]
    assert path.states[2].detail == (
        "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6379. Connection refused.; "
        "tried again in 0.02 s"
    )
    # Said once, not at every attempt.
    assert path.lines == ["features are not stored: no disk; tried again in 0.01 s"]
    path.stop()
    assert good.stopped


def test_a_batch_that_succeeds_ends_the_failure(settings):
    path = Path(settings, OSError("no disk"), Query(None))
    path.follow(None, "/c", path.states.append)
    wait_until(lambda: path._query is not None)
    done = SimpleNamespace(rows=7, unknown=1, stored=3, freshness_p95_s=1.5)
    path._writer = SimpleNamespace(write=lambda scores, number: done)
    path._batch(None, 0)
    path.stop()
    last = path.states[-1]
    assert (last.state, last.detail, last.failures) == ("stopped", "", 1)
    assert (last.rows, last.unknown, last.stored, last.batches, last.freshness_p95_s) == (7, 1, 3, 1, 1.5)


def test_no_batch_begins_once_it_was_stopped(settings):
    path = Path(settings, Query(None))
    path.follow(None, "/c", path.states.append)
    wait_until(lambda: path._query is not None)
    path.stop()
    with pytest.raises(InterruptedError):
        path._batch(None, 0)


def test_a_drain_that_fails_leaves_the_scores_for_the_next_start(settings):
    path = Path(settings, Query(RuntimeError("gone")))
    path.drain(None, "/c", path.states.append)
    assert path.states[-1].state == "failing"
    assert path.lines[-1] == "features are not stored: gone; they are stored at the next start"


def test_a_drain_that_ends_is_told(settings):
    path = Path(settings, Query(None))
    path.drain(None, "/c", path.states.append)
    assert path.told() == ["stopped"]
