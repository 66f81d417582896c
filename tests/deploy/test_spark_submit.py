"""deploy/spark-submit.sh: what it hands to `riskloom run`, and what to Spark."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "spark-submit.sh"


class Submit:
    """Runs the script with a stand-in for `riskloom`, which writes down what it is given."""

    def __init__(self, folder: Path) -> None:
        self.command, self.told = folder / "riskloom", folder / "told"
        self.command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$PYSPARK_SUBMIT_ARGS" "$@" > {self.told}\nexit 7\n')
        self.command.chmod(0o755)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"RISKLOOM": str(self.command)}
        return subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False)

    @property
    def to_spark(self) -> list[str]:
        """As pyspark splits it."""
        return shlex.split(self.told.read_text().splitlines()[0])

    @property
    def to_riskloom(self) -> list[str]:
        return self.told.read_text().splitlines()[1:]


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    return Submit(tmp_path)


@pytest.mark.parametrize(
    ("before", "master"),
    [
        (["--master", "spark://host:7077", "--total-executor-cores", "40"], "spark://host:7077"),
        (["--num-executors", "4", "--queue", "my streams", "--master=yarn"], "yarn"),
        (["--master", "k8s://https://host:6443", "--conf", 'spark.x=it\'s; $(date) "all"'], "k8s://https://host:6443"),
    ],
)
def test_options_reach_spark_and_the_job(submit: Submit, before: list[str], master: str) -> None:
    done = submit(*before, "--", "--mode", "micro-batch", "--checkpoint", "hdfs:///a b")
    assert done.returncode == 7, "the job's own exit status"
    assert submit.to_riskloom == ["run", "--master", master, "--mode", "micro-batch", "--checkpoint", "hdfs:///a b"]
    passed = [one for one in before if one not in ("--master", f"--master={master}", master)]
    assert submit.to_spark == [*passed, "pyspark-shell"]


def test_the_job_needs_no_options_of_its_own(submit: Submit) -> None:
    submit("--master", "yarn", "--deploy-mode", "client")
    assert (submit.to_riskloom, submit.to_spark) == (["run", "--master", "yarn"], ["pyspark-shell"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name the cluster with --master"),
        (["--master"], "--master needs a URL"),
        (["--master", "yarn", "--deploy-mode", "cluster"], "--deploy-mode must be client"),
        (["--master", "yarn", "--jars", "a.jar"], "--conf spark.jars=FILE"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(submit: Submit, arguments: list[str], told: str) -> None:
    done = submit(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not submit.told.exists()


def test_help_is_the_comment_at_the_top(submit: Submit) -> None:
    done = submit("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Submits the job")
    assert "--master yarn" in done.stdout
    assert "set -eu" not in done.stdout


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_the_script_is_clean() -> None:
    done = subprocess.run(["shellcheck", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
