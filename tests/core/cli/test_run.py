"""`riskloom run` with the servers, the session and the query replaced."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from payments import payments

from riskloom.cli.main import main
from riskloom.cli.run import run
from riskloom.errors import JobError, RegistryError
from riskloom.stream.generations import Start, StateChoice
from riskloom.stream.job import READERS, SHUFFLE_PARTITIONS, Mode
from riskloom.stream.metrics import DomainMetrics
from riskloom.stream.run import Stop
from riskloom.stream.status import Rate, Rates, StatusFile, read_jobs

DOMAINS = (payments("payments"), payments("refunds"))
SPARK = SimpleNamespace(name="spark")
RATES = Rates(read=Rate(last_10_s=1, since_start=2), scored=Rate(last_10_s=20, since_start=3))


class Command:
    """Runs `riskloom run`: what its parts were asked, in order, and what they answer."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.chosen: tuple[Any, ...] = ()
        self.session: dict[str, Any] = {}
        self.query: dict[str, Any] = {}
        self.slots = 0
        self.created: list[str] = []
        self.notes: tuple[str, ...] = ()
        self.choice: Any = None
        self.finishes = True
        self.failures: dict[str, Exception] = {}
        self.during: Callable[[], None] = lambda: None
        self.free_slots = 40
        self.every: str | None = None
        self.beside: list[str] = []

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

    def first_offsets(self, settings: Any, topics: Any) -> dict[str, dict[int, int]]:
        return {topic: dict.fromkeys(range(6), 0) for topic in topics}

    def spark_session(self, settings: Any, master: str, **options: Any) -> Any:
        self._call("spark")
        self.session = {"settings": settings, "master": master, **options}
        return SPARK

    def prepare(self, spark: Any, folder: str, domains: Any, beginning: Any, choice: Any) -> Start:
        self._call("state")
        self.choice = choice
        return Start(f"{folder}/1", None, {"a": {0: 5}}, ("shop",), 3, {}, 2, self.notes)

    def wait_for_slots(self, spark: Any, tasks: int, asked: Any) -> None:
        self._call("slots")
        self.slots = tasks

    def warm_up(self, spark: Any, settings: Any, domains: Any) -> None:
        self._call("warm up")

    def start_query(self, spark: Any, settings: Any, domains: Any, schemas: Any, **options: Any) -> str:
        self._call("query")
        self.query = {"domains": domains, **options}
        return "query"

    def reporter(self, query: Any, *arguments: Any) -> Any:
        update = arguments[-1]
        update(domains={"payments": DomainMetrics(scored=1_234, dead_letters={"bad_magic": 5})}, rates=RATES)
        return nullcontext()

    def wait(self, query: Any, log: Path, asked: Any) -> bool:
        self._call("wait")
        self.during()
        return not asked.is_set()

    def finish_batch(self, spark: Any, query: Any, log: Path, at_once: Any) -> bool:
        self._call("finish")
        return self.finishes

    def stop(self, spark: Any) -> None:
        assert spark is SPARK
        self._call("stop")

    def cold_path(self, settings: Any, domains: Any, every: str, report: Any) -> Any:
        self.every = every
        calls = self.beside
        return SimpleNamespace(
            follow=lambda *_: calls.append("follow"),
            drain=lambda *_: calls.append("drain"),
            stop=lambda: calls.append("stop"),
        )

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(run, arguments)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Command]:
    command = Command()
    monkeypatch.setattr("riskloom.discovery.discover", command.discover)
    monkeypatch.setattr("riskloom.features.cold.ColdPath", command.cold_path)
    for name, stand_in in {
        "ensure_topics": command.ensure_topics,
        "register_all": command.register_all,
        "first_offsets": command.first_offsets,
        "cluster_id": lambda settings: "cluster-7",
        "spark_session": command.spark_session,
        "prepare": command.prepare,
        "wait_for_slots": command.wait_for_slots,
        "slots_of": lambda spark: command.free_slots,
        "warm_up": command.warm_up,
        "JobMonitor": lambda spark: "monitor",
        "start_query": command.start_query,
        "Reporter": command.reporter,
        "wait": command.wait,
        "finish_batch": command.finish_batch,
        "stop": command.stop,
    }.items():
        monkeypatch.setattr(f"riskloom.stream.run.{name}", stand_in)
    monkeypatch.setenv("RISKLOOM_HOME", str(tmp_path))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_everything_is_prepared_in_order_and_the_jvm_is_ended(command: Command) -> None:
    result = command()
    assert result.exit_code == 0, result.output
    assert command.called == ["topics", "schemas", "spark", "state", "slots", "warm up", "query", "wait", "stop"]
    assert command.query["domains"] == DOMAINS


def test_the_default_is_real_time_with_a_slot_for_every_task(command: Command, tmp_path: Path) -> None:
    command()
    # The tasks that read two topics of six partitions each, those of the state's two operators; and some to spare.
    assert command.slots == READERS + 2 * 3
    assert int(command.session["master"].removeprefix("local[").removesuffix("]")) > command.slots
    assert command.session["shuffle_partitions"] == SHUFFLE_PARTITIONS
    assert command.session["configuration"] == {}
    assert command.query["mode"] is Mode.REALTIME
    assert command.query["batch"] == "5 minutes"
    assert command.query["checkpoint"] == str(tmp_path / "checkpoints" / "cluster-7" / "1")
    assert (command.query["emit_from"], command.query["entities"]) == ({"a": {0: 5}}, ("shop",))
    assert command.choice is None


@pytest.mark.parametrize("mode", ["micro-batch", "available-now"])
def test_the_other_modes_take_what_cores_there_are_and_need_no_warm_up(command: Command, mode: str) -> None:
    assert command("--mode", mode, "--max-batch-events", "50").exit_code == 0
    assert command.session["master"] == "local[*]"
    assert command.query["mode"] == mode
    assert command.query["max_batch_events"] == 50
    assert "warm up" not in command.called


def test_options_reach_the_session_and_the_query(command: Command) -> None:
    arguments = "--master spark://a:7077 --checkpoint s3a://b/c --bootstrap-servers kafka:1 --only payments"
    arguments += " --without broken --state new --batch 10s --conf spark.executor.memory=4g --conf spark.x=a=b"
    assert command(*arguments.split()).exit_code == 0
    assert command.session["master"] == "spark://a:7077"
    assert command.session["settings"].bootstrap_servers == "kafka:1"
    assert command.session["configuration"] == {"spark.executor.memory": "4g", "spark.x": "a=b"}
    assert command.query["checkpoint"] == "s3a://b/c/1"
    assert command.choice is StateChoice.NEW
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
    command.notes = ("gone since the last start: iot",)
    lines = command("--bootstrap-servers", "kafka:1").stderr.splitlines()
    assert lines == [
        "created topics payments-topic, risk-scores",
        "starting Spark",
        "gone since the last start: iot",
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


@pytest.mark.parametrize("part", ["state", "warm up", "query", "wait"])
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


def test_a_signal_lets_a_batch_end_first(command: Command) -> None:
    command.during = lambda: os.kill(os.getpid(), signal.SIGTERM)
    assert command("--mode", "micro-batch").exit_code == 0
    assert command.called[-3:] == ["wait", "finish", "stop"]


def test_a_batch_that_did_not_end_is_told(command: Command) -> None:
    command.during = lambda: os.kill(os.getpid(), signal.SIGTERM)
    command.finishes = False
    result = command("--mode", "micro-batch")
    assert result.exit_code == 0
    assert "its scores will be written again" in result.stderr


def test_real_time_mode_waits_for_no_batch(command: Command) -> None:
    command.during = lambda: os.kill(os.getpid(), signal.SIGTERM)
    command()
    assert "finish" not in command.called


def test_the_second_signal_is_passed_on() -> None:
    stop = Stop()
    stop.ask()
    assert (stop.asked.is_set(), stop.at_once.is_set()) == (True, False)
    stop.ask()
    assert stop.at_once.is_set()


@pytest.mark.parametrize(("failure", "state"), [(None, "stopped"), (JobError("it broke"), "failed")])
def test_the_status_says_how_the_job_ended(
    command: Command, tmp_path: Path, failure: JobError | None, state: str
) -> None:
    during: list[Any] = []
    command.during = lambda: during.extend(read_jobs(tmp_path))
    if failure:
        command.failures["stop"] = failure
    command("--mode", "available-now")
    assert [(job.state, job.restarts, job.mode) for job in during] == [("running", 2, "available-now")]
    (ended,) = read_jobs(tmp_path)
    assert (ended.state, ended.error) == (state, str(failure) if failure else None)


def test_a_second_job_on_a_checkpoint_is_refused(command: Command, tmp_path: Path) -> None:
    with StatusFile(tmp_path, "/c").held():
        result = command("--checkpoint", "/c")
    assert isinstance(result.exception, JobError)
    assert "spark" not in command.called


def test_a_terminal_gets_a_count_of_the_scores(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from riskloom.cli import run as module

    monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))
    assert "\r1,234 scores (20/s), 5 dead letters, 0 to read" in command().stderr


def test_json_goes_with_status(command: Command) -> None:
    assert command("--json").exit_code == 2
    assert command.called == []


def test_help_shows_options_and_examples() -> None:
    lines = CliRunner().invoke(run, ["--help"], terminal_width=120).output.splitlines()
    assert "    riskloom run --only transactions --mode micro-batch" in lines
    text = "\n".join(lines)
    for option in ("--mode", "--master", "--checkpoint", "--batch", "--conf", "--only", "--without", "--home"):
        assert option in text


class TestFeatureStore:
    def test_scores_are_brought_over_beside_the_query(self, command: Command) -> None:
        assert command("--materialize-every", "10 seconds").exit_code == 0
        assert (command.every, command.beside) == ("10 seconds", ["follow", "stop"])

    def test_the_default_is_a_minute(self, command: Command) -> None:
        command("--mode", "micro-batch")
        assert (command.every, command.beside) == ("60 seconds", ["follow", "stop"])

    def test_what_drains_the_topics_drains_the_scores_after_them(self, command: Command) -> None:
        command("--mode", "available-now")
        assert command.beside == ["drain"]

    def test_it_can_be_left_out(self, command: Command) -> None:
        assert command("--materialize-every", "off").exit_code == 0
        assert command.every is None

    def test_a_time_that_cannot_be_read_is_told_before_anything_starts(self, command: Command) -> None:
        result = command("--materialize-every", "often")
        assert result.exit_code == 2
        assert "'often' is not a time such as '60 seconds', or 'off'" in result.output
        assert command.called == []

    def test_without_feast_the_job_runs_and_says_how_to_get_it(
        self, command: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("riskloom.cli.run.find_spec", lambda name: None)
        result = command()
        assert result.exit_code == 0
        assert "pip install 'riskloom[features]'" in result.stderr
        assert command.every is None

    def test_without_a_slot_to_spare_the_job_runs_and_says_so(self, command: Command, tmp_path: Path) -> None:
        command.free_slots = READERS + 2 * 3
        result = command()
        assert result.exit_code == 0
        assert "give it one more core" in result.stderr
        assert command.beside == []
        (job,) = read_jobs(tmp_path)
        assert job.features is not None
        assert job.features.state == "off"
