"""The job on a real Spark cluster whose worker has no Python and no plugin, in Real-Time Mode and over a backlog.

The first is started by `riskloom run`, the second by deploy/spark-submit.sh.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from cluster import Cluster, standalone
from command import riskloom
from consume import OUTPUTS, Written, written_since
from installed import environment, install
from job import running_job, wait_for_scores
from kinds import DOMAINS, history, plugin_files
from replay import by_customer, by_store, disagreements, identities, kept_for_customer, last_scores, send

from riskloom.errors import JobError
from riskloom.offsets import end_offsets
from riskloom.schemas.registry import register_all
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

EVENTS = history(seed=5, count=1_000)
BY_ID = {event.identity: event for event in EVENTS}
CORES = 16
"""Four partitions, and the state of customers and of stores: for each at most four tasks."""
LOOK_S = 0.1
DEADLINE_S = 240
SCRIPT = Path(__file__).parents[2] / "deploy" / "spark-submit.sh"


@dataclass
class Seen:
    """What the worker was seen to run."""

    executors: dict[int, dict[str, str]] = field(default_factory=dict)
    """Their environments, by process."""
    programs: set[str] = field(default_factory=set)


@contextmanager
def watching(cluster: Cluster) -> Iterator[Seen]:
    """Look at the worker's processes for as long as this context lasts."""
    seen, ended = Seen(), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            for _, command in cluster.processes():
                seen.programs.update(Path(part).name for part in command[:1])
            for process in cluster.executors():
                try:
                    seen.executors[process.pid] = process.environ()
                except psutil.NoSuchProcess:
                    continue

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        ended.set()
        looking.join()


def submitted(settings: Settings, python: Path, arguments: Sequence[str]) -> None:
    """Run deploy/spark-submit.sh to its end."""
    command = python.parent / "riskloom-of-the-driver"
    command.write_text(f'#!/bin/sh\nexec {python} -m riskloom "$@"\n')
    command.chmod(0o755)
    addresses = {name: str(getattr(settings, name)) for name in ("home", "bootstrap_servers", "registry_url")}
    own = {"RISKLOOM": str(command)} | {f"RISKLOOM_{name.upper()}": value for name, value in addresses.items()}
    with subprocess.Popen(
        [SCRIPT, *arguments],
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=DEADLINE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said


@dataclass(frozen=True)
class Run:
    """What the worker ran, and what was written."""

    seen: Seen
    written: Written


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with standalone(tmp_path_factory.mktemp("cluster"), CORES) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers with the topics of these tests."""
    home = tmp_path_factory.mktemp("cluster-servers")
    with LocalStack(home).running() as addresses:
        settings = Settings(home=home, **addresses)
        ensure_topics(settings, list(DOMAINS.values()))
        yield settings


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver's Python: it has the plugin."""
    folder = tmp_path_factory.mktemp("driver")
    python = environment(folder / "environment")
    install(python, folder / "riskloom-kinds", plugin_files())
    return python


@pytest.fixture(scope="module")
def runs(
    settings: Settings, cluster: Cluster, python: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    """Real-Time Mode with events that are sent meanwhile, then all of them once more as a backlog."""
    schemas = register_all(settings, list(DOMAINS.values()))
    only = [f"--only={name}" for name in DOMAINS]
    # The driver listens where the worker is: on this machine alone.
    here = [f"--conf=spark.driver.{name}=127.0.0.1" for name in ("host", "bindAddress")]
    shared = tmp_path_factory.mktemp("shared")
    arguments = [*only, *here, f"--master={cluster.url}"]

    begin = end_offsets(settings, OUTPUTS)
    live_job = running_job(settings, python, *arguments, f"--checkpoint={shared / 'live'}")
    with watching(cluster) as seen, live_job as job:
        send(settings, schemas, EVENTS)
        wait_for_scores(settings, begin, lambda scores: len(scores) >= len(EVENTS))
        job.send_signal(signal.SIGTERM)
        assert job.wait(60) == 0
    live = Run(seen, written_since(settings, begin))

    begin = end_offsets(settings, OUTPUTS)
    with watching(cluster) as seen:
        to_spark = [f"--master={cluster.url}", "--total-executor-cores", "4", *here]
        to_riskloom = [*only, "--mode=available-now", f"--checkpoint={shared / 'backlog'}"]
        submitted(settings, python, [*to_spark, "--", *to_riskloom])
    return {"realtime": live, "available-now": Run(seen, written_since(settings, begin))}


@pytest.fixture(params=["realtime", "available-now"])
def run(request: pytest.FixtureRequest, runs: dict[str, Run]) -> Run:
    return runs[request.param]


def test_every_event_is_scored_once(run: Run) -> None:
    assert run.written.dead_letters == []
    assert len(run.written.scores) == len(EVENTS)
    assert last_scores(run.written.scores).keys() == identities(EVENTS)


def test_every_feature_is_right(run: Run) -> None:
    scores = run.written.scores
    assert list(disagreements(by_customer(scores), BY_ID, "customer")) == []
    assert list(disagreements(by_store(scores, BY_ID), BY_ID, "store")) == []


def test_executors_run_without_python(run: Run) -> None:
    assert run.seen.executors
    assert "java" in run.seen.programs
    assert not [name for name in run.seen.programs if "python" in name]
    for environ in run.seen.executors.values():
        assert environ["PYSPARK_PYTHON"] == "/nonexistent/python"
        assert not list(Path(environ["PATH"]).glob("*python*"))


def test_both_modes_score_alike(runs: dict[str, Run]) -> None:
    live, backlog = (last_scores(one.written.scores) for one in runs.values())
    # Events of two topics meet at the other customers, in the order in which they happen to arrive.
    alone = [identity for identity, score in live.items() if not score["entity_id"].startswith("all")]
    assert len(alone) > len(EVENTS) / 3
    assert [kept_for_customer(live[one]) for one in alone] == [kept_for_customer(backlog[one]) for one in alone]


def test_what_fails_before_the_query_is_told(settings: Settings, cluster: Cluster, python: Path) -> None:
    here = [f"--conf=spark.driver.{name}=127.0.0.1" for name in ("host", "bindAddress")]
    arguments = [f"--master={cluster.url}", *here, "--checkpoint=nowhere://a/b", "--materialize-every=off"]
    said = riskloom(settings, "run", "--only=orders", *arguments, python=python, exits=JobError.exit_code).stderr
    assert 'No FileSystem for scheme "nowhere"' in said
    assert "mend the cause and start it again" in said
    assert "Connection refused" not in said
