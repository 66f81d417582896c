"""`riskloom features training-set`, `backfill` and `skew`: what they refuse before any work, and what they print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from py4j.protocol import Py4JJavaError

from riskloom.cli.main import cli
from riskloom.errors import JobError

SPAN = ["--from", "2026-11-01", "--to", "2026-11-02"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["features", *arguments])


@pytest.mark.parametrize("given", [[], ["--entities={file}", "--labels={file}"]])
def test_a_training_set_is_of_entities_or_of_labels(tmp_path: Path, given: list[str]) -> None:
    file = tmp_path / "rows.csv"
    file.touch()
    options = [one.format(file=file) for one in given]
    result = run("training-set", "--service=claims", f"--out={tmp_path / 'out.csv'}", *options)
    assert result.exit_code == 2
    assert "give --entities or --labels, one of the two" in result.output


@pytest.mark.parametrize("command", ["backfill", "skew"])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--from", "2026-11-02", "--to", "2026-11-02"], "--to must be later than --from"),
        ([*SPAN, "--source", "parquet"], "--source parquet and --events FOLDER go together"),
        ([*SPAN, "--events", "raw"], "--source parquet and --events FOLDER go together"),
        (["--from", "yesterday", "--to", "2026-11-02"], "'yesterday' is not a time"),
        ([*SPAN, "--conf", "x"], "'x' is not NAME=VALUE"),
    ],
)
def test_what_cannot_be_is_told_before_anything_starts(command: str, given: list[str], told: str) -> None:
    result = run(command, *given)
    assert result.exit_code == 2
    assert told in result.output


@pytest.mark.parametrize("command", ["backfill", "skew"])
def test_the_cause_is_told_while_the_jvm_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str) -> None:
    runs = True

    class Failure:
        _target_id = "o1"

        def __str__(self) -> str:
            if not runs:
                raise ConnectionRefusedError("[Errno 111] Connection refused")
            return "java.io.IOException: no space left"

    @contextmanager
    def session(*given: Any) -> Iterator[None]:
        nonlocal runs
        runs = True
        try:
            yield
        finally:
            runs = False

    def fails(*given: Any, **more: Any) -> None:
        raise Py4JJavaError("An error occurred while calling o1.parquet", Failure())

    monkeypatch.setattr("riskloom.stream.batch.batch_session", session)
    monkeypatch.setattr("riskloom.features.history.recompute", fails)
    monkeypatch.setattr("riskloom.features.sources.Topics", lambda *given: None)
    result = run(command, *SPAN, f"--home={tmp_path}")
    assert isinstance(result.exception, JobError)
    assert str(result.exception).startswith("Spark failed: java.io.IOException: no space left\n")


def outcome(different: int) -> dict[str, Any]:
    domain = {
        "feature_version": "0a0b0c0d",
        "matched": 7,
        "different": different,
        "missing": 0,
        "gone": 1,
        "features": {"count_1hr": {"rows": different, "largest_difference": 0.5}} if different else {},
        "examples": [
            {
                "event_id": "e1",
                "event_time": "2026-11-01T00:00:00+00:00",
                "served": {"count_1hr": 1.5},
                "computed": {"count_1hr": 1.0},
            }
        ][:different],
    }
    return {name: domain[name] for name in ("matched", "different", "missing", "gone")} | {
        "domains": {"claims": domain}
    }


@pytest.mark.parametrize("different", [0, 1])
def test_skew_says_what_differs_and_exits_so(monkeypatch: pytest.MonkeyPatch, different: int) -> None:
    @contextmanager
    def recomputed(*given: Any, **more: Any) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        yield {"rows": {}}, []

    monkeypatch.setattr("riskloom.cli.history._recomputed", recomputed)
    monkeypatch.setattr("riskloom.features.skew.skew", lambda *given: outcome(different))
    result = run("skew", *SPAN, "--json")
    assert result.exit_code == different
    assert json.loads(result.stdout) == {**outcome(different), "history": {"rows": {}}}
    result = run("skew", *SPAN)
    assert result.exit_code == different
    assert ("count_1hr: served 1.5, computed 1.0" in result.output) is bool(different)
    assert ("1 rows  by 0.5 at most" in result.output) is bool(different)
