"""`riskloom run --status`, for people and for scripts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from riskloom.cli.run import run
from riskloom.stream.metrics import DomainMetrics
from riskloom.stream.status import Batch, JobStatus, Materialization, Rate, Rates, StatusFile, WindowState

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FULL: dict[str, Any] = {
    "restarts": 2,
    "master": "local[38]",
    "domains": {"iot": DomainMetrics(read=1_200, scored=1_190, late=4, duplicates=5, dead_letters={"bad_magic": 10})},
    "rates": Rates(read=Rate(last_10_s=120, since_start=100), scored=Rate(last_10_s=119, since_start=99)),
    "lag": {"iot-telemetry": 17},
    "window_state": WindowState(rows=None, memory_bytes=2_500_000, disk_bytes=800_000),
    "last_batch": Batch(id=3, events=600, seconds=5.5, ended=NOW),
}


def show(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(run, ["--status", "--home", str(home), *arguments])


def status(**parts: Any) -> JobStatus:
    return JobStatus(**{"state": "running", "pid": 4711, "since": NOW, "mode": "realtime", "checkpoint": "/c"} | parts)


def lines(result: Result) -> list[str]:
    return [" ".join(line.split()) for line in result.output.splitlines() if line.strip()]


def test_a_running_job_is_shown(tmp_path: Path) -> None:
    with (file := StatusFile(tmp_path, "/c")).held():
        file.write(status(**FULL))
        result = show(tmp_path)
    assert result.exit_code == 0
    for line in (
        "state running",
        "since 2026-01-02 03:04:05 UTC",
        "process 4711",
        "restarts 2",
        "scored 119/s in 10 s, 99/s since the start",
        "window state 2.5 MB in memory, 0.8 MB on disk",
        "last batch 3: 600 events in 5.5 s, 2026-01-02 03:04:05 UTC",
        "iot 1200 1190 4 5 10",
        "iot bad_magic 10",
        "iot-telemetry 17",
    ):
        assert line in lines(result)


def test_the_feature_store_is_shown(tmp_path: Path) -> None:
    features = Materialization(
        state="failing",
        detail="no connection; tried again in 5 s",
        every="60 seconds",
        batches=3,
        rows=1_200,
        stored=300,
        unknown=2,
        failures=1,
        last_ended=NOW,
        last_rows=400,
        last_seconds=1.25,
        freshness_p95_s=61.5,
    )
    with (file := StatusFile(tmp_path, "/c")).held():
        file.write(status(features=features))
        shown = lines(show(tmp_path))
    for line in (
        "state failing: no connection; tried again in 5 s",
        "scores 1,200 in 3 batches, one every 60 seconds",
        "entities 300 rows online",
        "left out 2 records of no known feature version",
        "failures 1",
        "last batch 400 in 1.2 s, 2026-01-02 03:04:05 UTC, online 61.5 s after the event (p95)",
    ):
        assert line in shown


def test_a_job_that_starts_has_little_to_show(tmp_path: Path) -> None:
    with (file := StatusFile(tmp_path, "/c")).held():
        file.write(status(state="starting"))
        result = show(tmp_path)
    assert result.exit_code == 0
    assert "state starting" in lines(result)
    assert "restarts -" in lines(result)


def test_rows_are_shown_where_they_are_counted(tmp_path: Path) -> None:
    with (file := StatusFile(tmp_path, "/c")).held():
        file.write(status(window_state=WindowState(rows=1_000, memory_bytes=0, disk_bytes=0)))
        assert "window state 1,000 rows, 0.0 MB in memory, 0.0 MB on disk" in lines(show(tmp_path))


def test_a_job_that_failed_tells_why(tmp_path: Path) -> None:
    with (file := StatusFile(tmp_path, "/c")).held():
        file.write(status(state="failed", error="the query failed"))
    result = show(tmp_path)
    assert result.exit_code == 3
    assert "state failed: the query failed" in lines(result)
    assert lines(result)[-1] == f"no job runs from {tmp_path}: start one with `riskloom run`"


def test_nothing_has_run(tmp_path: Path) -> None:
    result = show(tmp_path)
    assert result.exit_code == 3
    assert "no job has run from" in result.output


def test_scripts_get_json(tmp_path: Path) -> None:
    assert json.loads(show(tmp_path, "--json").output) == {"jobs": []}
    with (file := StatusFile(tmp_path, "/c")).held():
        file.write(status(**FULL))
        result = show(tmp_path, "--json")
    assert result.exit_code == 0
    (job,) = json.loads(result.output)["jobs"]
    assert job["domains"]["iot"]["dead_letters"] == {"bad_magic": 10}
    assert job["since"] == "2026-01-02T03:04:05Z"
