"""A run whose servers and session are stand-ins: what it tells when it ends early."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JJavaError

from riskloom.errors import JobError
from riskloom.settings import Settings
from riskloom.stream import run
from riskloom.stream.status import read_jobs


class Jvm:
    """A JVM that answers for as long as it runs."""

    def __init__(self) -> None:
        self.runs = True

    def stop(self, spark: Any) -> None:
        assert spark is self
        self.runs = False


class Failure:
    """A Java exception in a JVM, of which Python has but a reference."""

    _target_id = "o1"

    def __init__(self, jvm: Jvm) -> None:
        self._jvm = jvm

    def __str__(self) -> str:
        if not self._jvm.runs:
            raise ConnectionRefusedError("[Errno 111] Connection refused")
        return 'java.io.IOException: no file system for "nowhere"'


@pytest.fixture
def jvm(monkeypatch: pytest.MonkeyPatch) -> Jvm:
    """The JVM of a run that finds all servers, and fails at the first look at its checkpoint."""
    jvm = Jvm()

    def fails(*arguments: Any) -> None:
        raise Py4JJavaError("An error occurred while calling o1.getFileSystem", Failure(jvm))

    for name, answer in {
        "ensure_topics": [],
        "register_all": {},
        "cluster_id": "k1",
        "first_offsets": {},
        "spark_session": jvm,
    }.items():
        monkeypatch.setattr(run, name, lambda *_, answer=answer, **__: answer)
    monkeypatch.setattr(run, "prepare", fails)
    monkeypatch.setattr(run, "stop", jvm.stop)
    return jvm


def test_what_fails_before_the_query_is_told_by_its_cause_and_the_jvm_ends(tmp_path: Path, jvm: Jvm) -> None:
    told = (
        r'^Spark failed: java.io.IOException: no file system for "nowhere"\nIts log is .*; mend the cause and start it'
    )
    settings = Settings(home=tmp_path)
    nothing: Any = SimpleNamespace()
    with pytest.raises(JobError, match=told):
        run.run_job(
            settings,
            [],
            run.JobOptions(master="spark://a:7077", checkpoint="nowhere://a/b"),
            report=lambda line: None,
            show=lambda status: None,
            ready=lambda stop: None,
            beside=nothing,
        )
    assert not jvm.runs
    (job,) = read_jobs(tmp_path)
    assert job.state == "failed"
    assert 'no file system for "nowhere"' in (job.error or "")
