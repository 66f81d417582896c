"""`riskloom bench` with the measuring itself replaced."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from payments import payments

from riskloom.bench.freshness import Load
from riskloom.bench.online import Plan
from riskloom.bench.servers import Servers
from riskloom.cli.bench import bench
from riskloom.settings import Settings

DOMAINS = (payments("payments"), payments("refunds"))
ABOUT = {
    "machine": {"cpu": "Abacus 2", "cores": 2, "memory_gib": 23.5, "load_1min": 0.1, "system": "Linux"},
    "versions": {"riskloom": "1.0", "pyspark": "4.3.0", "kafka": "4.2.2", "java": "17.0.1"},
    "commit": "abcdef",
}
MEASURED = {
    "p50_ms": 10.0,
    "p95_ms": 20.0,
    "p99_ms": 30.0,
    "max_ms": 40.0,
    "events": 1_000,
    "unsent": 0,
    "lost": 0,
    "dead_lettered": 0,
    "boundaries": [{"at_s": 10.0, "pause_ms": 250.0, "max_ms": 300.0}],
    "cpu_seconds": {"job": 12.5},
}
SPEED = {
    "events_per_s": 80_000,
    "steady_events_per_s": 120_000,
    "seconds": 10.0,
    "batches": [{}],
    "cpu_seconds": {"job": 15.0},
}
POINT = {"keys": 1_000, "features": 5, "bytes_per_key": 100.0, "us_per_event": 20.0, "events_per_s": 50_000}
GROWTH = {"us_per_event": 1.5, "bytes_per_key": 1.0}
RESULTS: dict[str, dict[str, Any]] = {
    "latency": ABOUT | MEASURED | {"duration_s": 120.0, "floor": MEASURED, "ratio": 1.0},
    "drain": ABOUT
    | {"scoring": SPEED, "decode_only": SPEED, "events": 2_000_000, "scored": 2_000_000, "dead_lettered": 0}
    | {"ratio": 0.5, "steady_ratio": 0.6},
    "state": ABOUT
    | {"floor": POINT, "by_keys": [POINT], "by_features": [POINT]}
    | {"growth": {"keys": {"keys": 1_000.0, **GROWTH}, "features": {"features": 30.0, **GROWTH}}},
    "features": ABOUT
    | {"floor": POINT, "deduplicate": POINT}
    | {"features": [{"kind": "rolling", "aggregate": "count", "bytes_per_key": 300.0, "us_per_event": 0.2}]},
    "online": ABOUT
    | {f"entities_{n}": {way: {"p50_ms": 0.1 * n, "p99_ms": 0.3} for way in ("riskloom", "feast")} for n in (1, 100)}
    | {"domain": "payments", "features": 7, "written_per_s": 5_000}
    | {"job": {"rate": 2_000.0, "every": "60 seconds", "freshness_p95_s": 61.2, "rows_per_s": 9_000}},
}


class Command:
    """Runs `riskloom bench`: what it was asked, and what it answers."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings(home=home)
        self.asked: dict[str, Any] = {}
        self.servers: Any = None
        self.complete = True

    def discover(self, only: Any, without: Any) -> Any:
        self.asked["chosen"] = (only, without)
        return DOMAINS

    @contextmanager
    def started(self, given: Mapping[str, Any] | None, report: Any) -> Iterator[Servers]:
        self.servers = given
        report("kafka: ready")
        yield Servers(self.settings, {})

    def checked(self, name: str) -> Any:
        def measure(servers: Servers, domains: Any, plan: Any, **options: Any) -> Any:
            self.asked |= {"domains": domains, "plan": plan, **options}
            return RESULTS[name], self.complete

        return measure

    def with_domains(self, name: str) -> Any:
        def measure(servers: Servers, domains: Any, plan: Any, **options: Any) -> Any:
            return self.checked(name)(servers, domains, plan, **options)[0]

        return measure

    def plain(self, name: str) -> Any:
        def measure(servers: Servers, plan: Any, **options: Any) -> Any:
            self.asked |= {"plan": plan, **options}
            return RESULTS[name]

        return measure

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(bench, arguments)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    monkeypatch.setattr("riskloom.discovery.discover", command.discover)
    monkeypatch.setattr("riskloom.bench.servers.bench_servers", command.started)
    monkeypatch.setattr("riskloom.plots.require_matplotlib", lambda: None)
    for name in ("latency", "drain"):
        monkeypatch.setattr(f"riskloom.bench.{name}.bench_{name}", command.checked(name))
    for name in ("state", "features"):
        monkeypatch.setattr(f"riskloom.bench.{name}.bench_{name}", command.plain(name))
    monkeypatch.setattr("riskloom.bench.online.bench_online", command.with_domains("online"))
    before = signal.getsignal(signal.SIGTERM)
    yield command
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("name", RESULTS)
def test_json_is_one_object_and_nothing_else(command: Command, name: str) -> None:
    result = command(name, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == RESULTS[name]
    assert "kafka: ready" in result.stderr


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("latency", ("passed through", "250.0 ms of silence", "job 12.5", "p95 is 1.0 times that of the floor")),
        ("drain", ("80,000", "2,000,000 of 2,000,000 events scored", "0.6 once its code is compiled")),
        ("state", ("50000", "1000 times the keys: 1.5 times the time of an event")),
        ("features", ("rolling", "ids remembered: 100.0 bytes a key")),
        ("online", ("100 entities", "7 features of payments", "readable 61.2 s after the event (p95), 9,000 scores/s")),
    ],
)
def test_a_person_gets_a_table_and_what_it_was_measured_with(
    command: Command, name: str, texts: tuple[str, ...]
) -> None:
    output = command(name).stdout
    assert all(text in output for text in texts), output
    assert "Abacus 2, 2 cores, 23.5 GiB" in output
    assert "riskloom 1.0 (abcdef), Spark 4.3.0" in output


@pytest.mark.parametrize("name", ["latency", "drain"])
def test_the_exit_status_tells_whether_all_was_scored(command: Command, name: str) -> None:
    command.complete = False
    result = command(name, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == RESULTS[name]


def test_options_of_latency_reach_the_run(command: Command) -> None:
    options = ("--rate", "100", "--duration", "30", "--warm-up", "5", "--seed", "3", "--conf", "spark.x=1")
    assert command("latency", *options, "--no-floor", "--only", "payments").exit_code == 0
    plan = command.asked["plan"]
    assert (plan.rate, plan.duration, plan.warm_up, plan.seed) == (100.0, 30.0, 5.0, 3)
    assert plan.configuration == {"spark.x": "1"}
    assert plan.batch == 27.0
    assert command.asked["with_floor"] is False
    assert command.asked["chosen"] == (("payments",), ())


@pytest.mark.parametrize(("duration", "batch"), [("10", 9.0), ("120", 108.0)])
def test_an_end_of_a_batch_falls_into_the_time_that_counts(command: Command, duration: str, batch: float) -> None:
    command("latency", "--duration", duration)
    assert command.asked["plan"].batch == batch


def test_options_of_drain_reach_the_run(command: Command) -> None:
    options = ("--events", "100", "--span", "60", "--max-batch-events", "50", "--seed", "3", "--conf", "spark.x=1")
    assert command("drain", *options).exit_code == 0
    plan = command.asked["plan"]
    assert (plan.events, plan.span, plan.batch_events, plan.seed) == (100, 60.0, 50, 3)
    assert plan.configuration == {"spark.x": "1"}


@pytest.mark.parametrize("name", ["latency", "drain"])
def test_servers_can_be_named(command: Command, name: str) -> None:
    command(name, "--bootstrap-servers", "kafka:9092")
    assert command.servers == {"bootstrap_servers": "kafka:9092", "registry_url": None, "home": None}


@pytest.mark.parametrize("name", ["state", "features"])
def test_made_up_events_stay_on_servers_of_their_own(command: Command, name: str) -> None:
    command(name, "--quick", "--conf", "spark.x=1")
    assert command.servers is None
    assert command.asked["configuration"] == {"spark.x": "1"}
    quick = command.asked["plan"]
    command(name)
    assert command.asked["plan"].rounds > quick.rounds


@pytest.mark.parametrize(
    "arguments", [("latency", "--rate", "0"), ("latency", "--duration", "5"), ("drain", "--conf", "spark.x")]
)
def test_values_that_cannot_be_used_are_refused(command: Command, arguments: tuple[str, ...]) -> None:
    assert command(*arguments).exit_code == 2
    assert command.asked.keys() <= {"chosen"}


def test_the_job_can_be_left_out_of_online(command: Command) -> None:
    assert command("online", "--duration", "0", "--entities", "500").exit_code == 0
    assert command.asked["plan"] == Plan(entities=500, load=None)
    command("online", "--rate", "100", "--materialize-every", "5 seconds")
    assert command.asked["plan"].load == Load(100, timedelta(seconds=200), "5 seconds", 0)
