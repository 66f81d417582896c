"""What jobs tell of themselves, and how it is read while they run and after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from riskloom.errors import JobError
from riskloom.stream.metrics import DomainMetrics
from riskloom.stream.status import JobStatus, Rate, Rates, StatusFile, read_jobs

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def status(**parts: Any) -> JobStatus:
    return JobStatus(
        **{"state": "running", "since": NOW, "updated": NOW, "mode": "realtime", "checkpoint": "/c"} | parts
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = StatusFile(tmp_path, "/c")
    written = status(
        domains={"iot": DomainMetrics(read=3, scored=1, dead_letters={"bad_magic": 2}, positions={0: 3})},
        rates=Rates(read=Rate(last_10_s=1.5, since_start=2), scored=Rate(last_10_s=0, since_start=1)),
        lag={"iot-telemetry": 4},
    )
    with file.held():
        file.write(written)
        assert read_jobs(tmp_path) == [written]
    assert [path.suffix for path in sorted((tmp_path / "jobs").iterdir())] == [".json", ".lock"]


def test_a_job_that_ended_without_saying_so_was_killed(tmp_path: Path) -> None:
    file = StatusFile(tmp_path, "/c")
    with file.held():
        file.write(status())
    assert [job.state for job in read_jobs(tmp_path)] == ["killed"]


def test_running_jobs_hide_those_that_ended(tmp_path: Path) -> None:
    one, two, three = (StatusFile(tmp_path, name) for name in ("/1", "/2", "/3"))
    with one.held(), two.held():
        one.write(status(checkpoint="/1"))
        two.write(status(checkpoint="/2"))
        three.write(status(checkpoint="/3", state="stopped"))
        assert {job.checkpoint for job in read_jobs(tmp_path)} == {"/1", "/2"}


def test_of_those_that_ended_the_last_is_shown(tmp_path: Path) -> None:
    for minutes, name in enumerate(["/1", "/3", "/2"]):
        with (file := StatusFile(tmp_path, name)).held():
            file.write(status(checkpoint=name, state="failed", error="broke", updated=NOW + timedelta(minutes=minutes)))
    assert [(job.checkpoint, job.error) for job in read_jobs(tmp_path)] == [("/2", "broke")]


def test_nothing_has_run(tmp_path: Path) -> None:
    assert read_jobs(tmp_path / "none") == []


def test_one_job_at_a_time_works_on_a_checkpoint(tmp_path: Path) -> None:
    with StatusFile(tmp_path, "/c").held():
        with pytest.raises(JobError, match="running on this checkpoint already"), StatusFile(tmp_path, "/c").held():
            pass
        with StatusFile(tmp_path, "/other").held():
            pass
    with StatusFile(tmp_path, "/c").held():
        pass
