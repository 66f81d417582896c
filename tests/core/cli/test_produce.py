from __future__ import annotations

import json
import math
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from payments import payments

from riskloom.cli.produce import produce
from riskloom.produce.producer import Past
from riskloom.produce.report import DeliveryReport, Ledger

DOMAINS = (payments("payments"), payments("refunds"))


def report(**changes: Any) -> DeliveryReport:
    ledger = Ledger()
    ledger.sent = 1000
    ledger.bytes = 2_500_000
    ledger.latencies = [0.012]
    delivery = ledger.delivery(2.0, 500.0)
    settings: dict[str, Any] = {
        "domains": {"payments": delivery, "refunds": delivery},
        "total": delivery.model_copy(update=changes.pop("total", {})),
        "seconds": 2.0,
        "interrupted": False,
        "limited_by": None,
        "stage_seconds": {},
    }
    return DeliveryReport(**settings | changes)


class Command:
    """Runs `riskloom produce` with the producer replaced: what it was asked, and what it answers."""

    def __init__(self) -> None:
        self.answer = report()
        self.domains = DOMAINS
        self.chosen: tuple[Any, ...] = ()
        self.asked: dict[str, Any] = {}
        self.during: Callable[[], None] = lambda: None

    def discover(self, only: tuple[str, ...], without: tuple[str, ...]) -> Any:
        self.chosen = (only, without)
        return self.domains

    def run(self, settings: Any, *positional: Any, **named: Any) -> DeliveryReport:
        self.asked = {"settings": settings, "positional": positional, **named}
        self.during()
        return self.answer

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(produce, arguments)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    stand_in = Command()
    monkeypatch.setattr("riskloom.discovery.discover", stand_in.discover)
    monkeypatch.setattr("riskloom.produce.producer.produce_events", stand_in.run)
    monkeypatch.setattr("riskloom.produce.publish.publish_file", stand_in.run)
    return stand_in


def test_options_reach_the_producer(command: Command) -> None:
    arguments = "--throughput 500 --duration 2 --mix payments=1,refunds=2.5 --seed 7 --set acks=all --set linger.ms=0"
    result = command(*arguments.split(), "--pattern-rate", "0.2", "--bootstrap-servers", "kafka:1")
    assert result.exit_code == 0, result.output
    asked = command.asked
    assert asked["settings"].bootstrap_servers == "kafka:1"
    assert asked["positional"] == (DOMAINS,)
    assert (asked["throughput"], asked["duration"], asked["seed"]) == (500.0, 2.0, 7)
    assert asked["pattern_rate"] == 0.2
    assert asked["mix"] == {"payments": 1.0, "refunds": 2.5}
    assert asked["properties"] == {"acks": "all", "linger.ms": "0"}
    assert asked["progress"] is None  # not a terminal


def test_without_options_it_goes_as_fast_as_it_can_until_it_is_stopped(command: Command) -> None:
    command()
    assert (command.asked["throughput"], command.asked["duration"], command.asked["mix"]) == (0.0, math.inf, None)


def test_a_time_that_has_passed_is_asked_for(command: Command) -> None:
    assert command("--from", "1970-01-02", "--to", "1970-01-02T01:00+00:30", "--events", "7").exit_code == 0
    assert command.asked["past"] == Past(86_400_000, 86_400_000 + 1_800_000, 7)
    before = time.time() * 1000
    assert command("--from", "2026-01-01").exit_code == 0
    assert before - 1 <= command.asked["past"].end_ms <= time.time() * 1000
    command()
    assert command.asked["past"] is None


def test_domains_are_chosen(command: Command) -> None:
    command("--domain", "payments", "--only", "refunds", "--without", "broken")
    assert command.chosen == (("payments", "refunds"), ("broken",))


def test_the_report_is_a_table(command: Command) -> None:
    lines = command().output.splitlines()
    assert lines[0].split()[:4] == ["domain", "sent", "acknowledged", "failed"]
    assert [line.split()[0] for line in lines[1:4]] == ["payments", "refunds", "all"]
    assert lines[3].split()[1:] == ["1,000", "1,000", "0", "0", "500", "2.5", "12.0", "12.0", "12.0"]
    assert lines[4] == "100.00% of 1,000 events delivered in 2.0 s: 500/s, 500 asked for"


def test_the_report_names_the_limit_and_the_failures(command: Command) -> None:
    command.answer = report(limited_by="broker", total={"failed": {"_MSG_TIMED_OUT": 3}, "rejected": 2})
    result = command()
    assert "limited by the broker" in result.output
    assert "failed: 3 _MSG_TIMED_OUT" in result.output
    assert "rejected: 2 rows" in result.output
    assert result.exit_code == 6


def test_the_report_is_json(command: Command) -> None:
    result = command("--json")
    assert json.loads(result.output)["total"]["acknowledged"] == 1000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"total": {"failed": {"X": 1}}}, 6),
        ({"total": {"rejected": 1}}, 6),
        ({"interrupted": True}, 130),
        ({"interrupted": True, "total": {"rejected": 1}}, 130),
    ],
)
def test_the_exit_status_tells_what_happened(command: Command, changes: dict[str, Any], code: int) -> None:
    command.answer = report(**changes)
    assert command().exit_code == code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_for_the_end_and_the_handlers_come_back(command: Command, number: signal.Signals) -> None:
    before = signal.getsignal(number)
    seen = []

    def during() -> None:
        os.kill(os.getpid(), number)
        seen.append(command.asked["stop"].is_set())
        seen.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    command.during = during
    assert command().exit_code == 0
    assert seen == [True, True]
    assert signal.getsignal(number) is before


def test_a_file_is_of_one_domain(command: Command) -> None:
    result = command("--input", "a.csv")
    assert "which" in str(result.exception)
    assert "--domain NAME; installed are 'payments', 'refunds'" in str(result.exception)
    command.domains = DOMAINS[:1]
    assert command("--input", "a.csv", "--throughput", "5").exit_code == 0
    assert command.asked["positional"] == (DOMAINS[0], Path("a.csv"))
    assert command.asked["throughput"] == 5


@pytest.mark.parametrize(
    "option", [("--duration", "3"), ("--mix", "payments=1"), ("--pattern-rate", "0"), ("--from", "2026-01-01")]
)
def test_options_of_generated_events_do_not_go_with_a_file(command: Command, option: tuple[str, str]) -> None:
    result = command("--input", "a.csv", *option)
    assert result.exit_code == 2
    assert "for generated events" in result.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--mix", "payments"), "'payments' is not of the form claims=35"),
        (("--mix", "payments=many"), "'many', the weight of payments, is not a number"),
        (("--set", "linger.ms"), "'linger.ms' is not of the form linger.ms=50"),
        (("--throughput", "-1"), "--throughput"),
        (("--duration", "0"), "--duration"),
        (("--pattern-rate", "1"), "--pattern-rate"),
        (("--to", "2026-01-01"), "go with --from"),
        (("--events", "5"), "go with --from"),
        (("--from", "2026-01-01", "--duration", "5"), "--duration is for events of now"),
        (("--from", "yesterday"), "'yesterday' is not a time such as 2026-10-01"),
        (("--from", "2026-01-02", "--to", "2026-01-02"), "2026-01-02 is not before 2026-01-02"),
        (("--from", "2026-01-02", "--to", "9999-01-01"), "it has not passed yet"),
    ],
)
def test_what_cannot_be_read_is_told(command: Command, arguments: tuple[str, ...], problem: str) -> None:
    result = command(*arguments)
    assert result.exit_code == 2
    assert problem in result.output


def test_help_shows_examples_line_by_line() -> None:
    lines = CliRunner().invoke(produce, ["--help"], terminal_width=120).output.splitlines()
    assert "  Examples:" in lines
    assert "    riskloom produce --throughput 5000 --duration 60" in lines
