"""`riskloom run` with the servers, the session and the query replaced."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from payments import payments

from riskloom.cli.main import main
from riskloom.cli.run import run
from riskloom.errors import JobError, RegistryError
from riskloom.stream.job import SHUFFLE_PARTITIONS, Mode

DOMAINS = (payments("payments"), payments("refunds"))
SPARK = SimpleNamespace(name="spark")


class Command:
    """Runs `riskloom run`: what its parts were asked, in order, and what they answer."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.chosen: tuple[Any, ...] = ()
        self.session: dict[str, Any] = {}
        self.slots = 0
        self.query: dict[str, Any] = {}
        self.created: list[str] = []
        self.failures: dict[str, Exception] = {}
        self.during: Callable[[], None] = lambda: None

    def _call(self, name: str) -> None:
        self.called.append(name)
        if name in self.failures:
            raise self.failures[name]

    def discover(self, only: Any, without: Any) -> Any:
        self.chosen = (only, without)
        return DOMAINS

    def ensure_topics(self, settings: Any, domains: Any) -> list[str]:
        self._call("topics")
        return self.created

    def register_all(self, settings: Any, domains: Any) -> dict[str, Any]:
        self._call("schemas")
        return {}

    def end_offsets(self, settings: Any, topics: Any) -> dict[str, dict[int, int]]:
        return {topic: dict.fromkeys(range(6), 0) for topic in topics}

    def spark_session(self, settings: Any, master: str, **options: Any) -> Any:
        self._call("spark")
        self.session = {"settings": settings, "master": master, **options}
        return SPARK

    def wait_for_slots(self, spark: Any, tasks: int, asked: Any) -> None:
        self._call("slots")
        self.slots = tasks

    def warm_up(self, spark: Any, settings: Any, domains: Any) -> None:
        self._call("warm up")

    def start_query(self, spark: Any, settings: Any, domains: Any, schemas: Any, **options: Any) -> str:
        self._call("query")
        self.query = {"domains": domains, **options}
        return "query"

    def wait(self, query: Any, log: Path, asked: Any, tick: Any) -> bool:
        self._call("wait")
        self.during()
        return not asked.is_set()

    def stop(self, spark: Any) -> None:
        assert spark is SPARK
        self._call("stop")

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(run, arguments)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Command]:
    command = Command()
    for target, stand_in in {
        "riskloom.discovery.discover": command.discover,
        "riskloom.topics.ensure_topics": command.ensure_topics,
        "riskloom.schemas.registry.register_all": command.register_all,
        "riskloom.offsets.end_offsets": command.end_offsets,
        "riskloom.offsets.cluster_id": lambda settings: "cluster-7",
        "riskloom.stream.session.spark_session": command.spark_session,
        "riskloom.stream.slots.wait_for_slots": command.wait_for_slots,
        "riskloom.stream.warmup.warm_up": command.warm_up,
        "riskloom.stream.job.start_query": command.start_query,
        "riskloom.stream.supervise.wait": command.wait,
        "riskloom.stream.supervise.stop": command.stop,
    }.items():
        monkeypatch.setattr(target, stand_in)
    monkeypatch.setenv("RISKLOOM_HOME", str(tmp_path))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_everything_is_prepared_in_order_and_the_jvm_is_ended(command: Command) -> None:
    result = command()
    assert result.exit_code == 0, result.output
    assert command.called == ["topics", "schemas", "spark", "slots", "warm up", "query", "wait", "stop"]
    assert command.query["domains"] == DOMAINS


def test_the_default_is_real_time_with_a_slot_for_every_task(command: Command, tmp_path: Path) -> None:
    command()
    # Two topics of six partitions each, the tasks of the state, and two to spare.
    assert command.session["master"] == f"local[{12 + SHUFFLE_PARTITIONS + 2}]"
    assert command.session["shuffle_partitions"] == SHUFFLE_PARTITIONS
    assert command.session["configuration"] == {}
    assert command.query["mode"] is Mode.REALTIME
    assert command.query["batch"] == "5 minutes"
    assert command.query["checkpoint"] == str(tmp_path / "checkpoints" / "cluster-7")


@pytest.mark.parametrize("mode", ["micro-batch", "available-now"])
def test_the_other_modes_take_what_cores_there_are_and_need_no_warm_up(command: Command, mode: str) -> None:
    assert command("--mode", mode, "--max-batch-events", "50").exit_code == 0
    assert command.session["master"] == "local[*]"
    assert command.query["mode"] == mode
    assert command.query["max_batch_events"] == 50
    assert "warm up" not in command.called


def test_options_reach_the_session_and_the_query(command: Command) -> None:
    arguments = "--master spark://a:7077 --checkpoint s3a://b/c --bootstrap-servers kafka:1 --only payments"
    arguments += " --without broken --batch 10s --conf spark.executor.memory=4g --conf spark.x=a=b"
    assert command(*arguments.split()).exit_code == 0
    assert command.session["master"] == "spark://a:7077"
    assert command.session["settings"].bootstrap_servers == "kafka:1"
    assert command.session["configuration"] == {"spark.executor.memory": "4g", "spark.x": "a=b"}
    assert command.query["checkpoint"] == "s3a://b/c"
    assert command.query["batch"] == "10s"
    assert command.chosen == (("payments",), ("broken",))


@pytest.mark.parametrize("text", ["spark.driver.memory", "=8g"])
def test_a_property_that_cannot_be_read_is_told_before_anything_starts(command: Command, text: str) -> None:
    result = command("--conf", text)
    assert result.exit_code == 2
    assert f"{text!r} is not NAME=VALUE" in result.output
    assert command.called == []


@pytest.mark.parametrize("arguments", [("--mode", "batch"), ("--max-batch-events", "0")])
def test_values_out_of_range_are_refused(command: Command, arguments: tuple[str, str]) -> None:
    assert command(*arguments).exit_code == 2
    assert command.called == []


def test_it_says_what_it_does(command: Command, tmp_path: Path) -> None:
    command.created = ["payments-topic", "risk-scores"]
    lines = command("--bootstrap-servers", "kafka:1").stderr.splitlines()
    assert lines == [
        "created topics payments-topic, risk-scores",
        "starting Spark",
        "compiling the job",
        f"scoring payments, refunds from kafka:1, realtime; checkpoint {tmp_path / 'checkpoints' / 'cluster-7'}",
        "everything available is scored",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_job_in_order(command: Command, number: signal.Signals) -> None:
    command.during = lambda: os.kill(os.getpid(), number)
    result = command()
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == "stopping"
    assert command.called[-1] == "stop"


@pytest.mark.parametrize("part", ["warm up", "query", "wait"])
def test_the_jvm_is_ended_whatever_fails(command: Command, part: str) -> None:
    command.failures[part] = JobError("it broke")
    result = command()
    assert isinstance(result.exception, JobError)
    assert command.called[-1] == "stop"


@pytest.mark.parametrize(
    ("part", "failure", "code"), [("wait", JobError("it broke"), 7), ("schemas", RegistryError("refused"), 5)]
)
def test_the_exit_status_tells_what_failed(
    command: Command,
    part: str,
    failure: Exception,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command.failures[part] = failure
    monkeypatch.setattr(sys, "argv", ["riskloom", "run"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code
    assert f"riskloom: {failure}" in capsys.readouterr().err


def test_a_terminal_gets_a_count_of_the_scores(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from riskloom.cli import run as module

    now = iter([0.0, 1.0, 2.0, 4.0])
    held = iter([1_000, 3_000])
    offsets: Callable[..., Any] = lambda settings, topics: {  # noqa: E731
        "risk-scores": {0: next(held), 1: 234},
        "dead-letters": {0: 5},
    }
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(now)))
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("riskloom.offsets.end_offsets", offsets)
    said: list[str] = []
    monkeypatch.setattr("click.echo", lambda text, **_: said.append(text))
    settings: Any = SimpleNamespace()
    count = module._counter(settings)
    assert count is not None
    for _ in range(3):
        count()
    assert said == ["\r1,234 scores (0/s), 5 dead letters\033[K", "\r3,234 scores (1,000/s), 5 dead letters\033[K"]


def test_help_shows_options_and_examples() -> None:
    lines = CliRunner().invoke(run, ["--help"], terminal_width=120).output.splitlines()
    assert "    riskloom run --only transactions --mode micro-batch" in lines
    text = "\n".join(lines)
    for option in ("--mode", "--master", "--checkpoint", "--batch", "--conf", "--only", "--without", "--home"):
        assert option in text
