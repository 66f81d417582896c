"""`riskloom demo` with the run itself replaced."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from payments import payments

from riskloom.cli.demo import demo
from riskloom.cli.main import main
from riskloom.demo.observer import Latency, Seen
from riskloom.demo.pipeline import Moment, Summary
from riskloom.errors import StackError

DOMAINS = (payments("payments"), payments("refunds"))
LATENCY = Latency(10.0, 20.0, 30.0)


def summary(**changes: Any) -> Summary:
    given: dict[str, Any] = {
        "seconds": 60.0,
        "warm_up_seconds": 20.0,
        "produced": {"payments": 10},
        "scored": {"payments": 9},
        "dead_lettered": {"payments": 1},
        "lost": 0,
        "latency_ms": LATENCY,
        "latency_ms_all": LATENCY,
        "levels": {},
        "top": [{"event_id": "abc", "domain": "payments", "score": 0.9, "level": "critical", "reasons": []}],
        "producer": {},
    }
    return Summary(**given | changes)


def moment(elapsed: float) -> Moment:
    return Moment(elapsed, 60.0, {"payments": 1_500}, Seen(scored=Counter({"payments": 1_400})), LATENCY)


class Command:
    """Runs `riskloom demo`: what it was asked, and what it answers."""

    def __init__(self) -> None:
        self.answer = summary()
        self.asked: dict[str, Any] = {}
        self.chosen: tuple[Any, ...] = ()
        self.during: Callable[[], None] = lambda: None

    def discover(self, only: Any, without: Any) -> Any:
        self.chosen = (only, without)
        return DOMAINS

    def run(self, domains: Any, **options: Any) -> Summary:
        self.asked = {"domains": domains, **options}
        self.during()
        return self.answer

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(demo, arguments)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    command = Command()
    monkeypatch.setattr("riskloom.discovery.discover", command.discover)
    monkeypatch.setattr("riskloom.demo.pipeline.run_demo", command.run)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_options_reach_the_run(command: Command) -> None:
    result = command("--rate", "500", "--duration", "7", "--seed", "3", "--only", "payments", "--without", "broken")
    assert result.exit_code == 0, result.output
    assert command.chosen == (("payments",), ("broken",))
    found = {name: command.asked[name] for name in ("domains", "rate", "duration", "seed")}
    assert found == {"domains": DOMAINS, "rate": 500.0, "duration": 7.0, "seed": 3}


def test_the_defaults_are_a_minute_at_2000_a_second(command: Command) -> None:
    command()
    assert (command.asked["rate"], command.asked["duration"], command.asked["seed"]) == (2000, 60, 0)


@pytest.mark.parametrize("arguments", [("--rate", "0"), ("--duration", "0.5"), ("--rate", "many")])
def test_values_out_of_range_are_refused(command: Command, arguments: tuple[str, str]) -> None:
    assert command(*arguments).exit_code == 2
    assert command.asked == {}


def test_json_is_one_object_and_nothing_else(command: Command) -> None:
    def during() -> None:
        command.asked["report"]("starting Spark")
        command.asked["show"](moment(0.0))

    command.during = during
    result = command("--json")
    printed = json.loads(result.stdout)
    assert printed["lost"] == 0
    assert printed["latency_ms"] == {"p50": 10.0, "p95": 20.0, "p99": 30.0}
    assert printed["top"][0]["event_id"] == "abc"
    assert result.stderr == "starting Spark\n"


def test_a_person_gets_a_summary(command: Command) -> None:
    output = command().output
    assert "9 events scored, 0 lost" in output
    assert "riskiest events" in output


def test_without_a_terminal_a_line_is_said_every_ten_seconds(command: Command) -> None:
    def during() -> None:
        for elapsed in range(0, 26):
            command.asked["show"](moment(float(elapsed)))

    command.during = during
    said = [line for line in command().output.splitlines() if "produced," in line]
    assert said == [f" {at} s: 1,500 produced, 1,400 scored, p95 20.0 ms" for at in (10, 20)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"lost": 1}, 1),
        ({"lost": -1}, 1),
        ({"scored": {"payments": 0}}, 1),
        ({"scored": {}}, 1),
    ],
)
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_exit_status_tells_whether_all_was_scored(
    command: Command, changes: dict[str, Any], code: int, options: tuple[str, ...]
) -> None:
    command.answer = summary(**changes)
    assert command(*options).exit_code == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_under_load_stops_early_and_still_sums_up(command: Command, number: signal.Signals) -> None:
    def during() -> None:
        command.asked["show"](moment(0.0))
        os.kill(os.getpid(), number)
        assert command.asked["asked"].is_set()

    command.during = during
    result = command()
    assert result.exit_code == 130
    assert "9 events scored" in result.output


def test_a_signal_before_the_load_just_stops(command: Command) -> None:
    command.during = lambda: os.kill(os.getpid(), signal.SIGTERM)
    result = command()
    assert result.exit_code == 1  # click's own for an interrupt, when it is not run by `main`
    assert "events scored" not in result.output


def test_an_error_is_told_without_a_trace(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def during() -> None:
        raise StackError("Java is missing")

    command.during = during
    monkeypatch.setattr(sys, "argv", ["riskloom", "demo"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 4
    assert capsys.readouterr().err == "riskloom: Java is missing\n"


def test_help_shows_options_and_examples() -> None:
    lines = CliRunner().invoke(demo, ["--help"], terminal_width=120).output.splitlines()
    assert "    riskloom demo --json | jq .latency_ms" in lines
    text = "\n".join(lines)
    for option in ("--rate", "--duration", "--seed", "--json", "--only", "--without"):
        assert option in text
