"""`riskloom domains evaluate`: its options and what it prints; the scoring is tests/core/evaluate's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from payments import payments

from riskloom.cli.evaluate import evaluate
from riskloom.evaluate.evaluation import Evaluation
from riskloom.evaluate.generated import HELD_OUT_SEED

SCORE = np.array([0.0] * 195 + [0.1, 0.2, 0.3, 0.9, 0.5])
PATTERN = np.array([-1] * 196 + [1, 0, 0, -1])


class Command:
    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.about: dict[str, Any] = {"domain": "payments", "rule_version": "7"}

    def discover(self, only: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> list[Any]:
        return [payments(name) for name in only or ("payments", "refunds")]

    @contextmanager
    def session(self, settings: Any) -> Iterator[str]:
        self.asked["home"] = settings.home
        yield "spark"

    def run(self, spark: str, settings: Any, installed: Any, *rest: Any, **options: Any) -> Evaluation:
        self.asked |= {"name": installed.name, "rest": rest, **options}
        return Evaluation(SCORE, PATTERN, ("testing", "takeover"), self.about, dead_letters=2)

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(evaluate, ["payments", *arguments])


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    stand_in = Command()
    monkeypatch.setattr("riskloom.discovery.discover", stand_in.discover)
    monkeypatch.setattr("riskloom.stream.batch.batch_session", stand_in.session)
    monkeypatch.setattr("riskloom.evaluate.evaluation.evaluate_generated", stand_in.run)
    monkeypatch.setattr("riskloom.evaluate.evaluation.evaluate_file", stand_in.run)
    return stand_in


def test_generated_events_are_of_a_held_out_seed(command: Command) -> None:
    result = command()
    assert result.exit_code == 0, result.output
    asked = command.asked
    assert (asked["events"], asked["seed"], asked["pattern_rate"]) == (200_000, HELD_OUT_SEED, None)
    assert (asked["days"], asked["warm_up_days"]) == (None, None)
    assert [one.name for one in asked["rest"][0]] == ["payments", "refunds"]


def test_options_reach_the_evaluation(command: Command, tmp_path: Path) -> None:
    options = "--events 5000 --seed 3 --pattern-rate 0.1 --days 2 --warm-up 0"
    assert command(*options.split(), "--home", str(tmp_path)).exit_code == 0
    asked = command.asked
    assert (asked["events"], asked["seed"], asked["pattern_rate"]) == (5000, 3, 0.1)
    assert (asked["days"], asked["warm_up_days"], asked["home"]) == (2.0, 0.0, tmp_path)


def test_a_file_is_evaluated_with_its_label(command: Command) -> None:
    assert command("--input", "a.csv", "--label", "chargeback", "--warm-up", "1").exit_code == 0
    assert command.asked["rest"] == (Path("a.csv"),)
    assert (command.asked["label"], command.asked["warm_up_days"]) == ("chargeback", 1.0)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("--input a.csv --seed 1", "are for generated events"),
        ("--input a.csv --days 1", "are for generated events"),
        ("--label chargeback", "it goes with --input FILE"),
        ("--pattern-rate 0", "--pattern-rate"),
        ("--events 10", "--events"),
    ],
)
def test_options_that_do_not_go_together_are_refused(command: Command, arguments: str, problem: str) -> None:
    result = command(*arguments.split())
    assert result.exit_code == 2
    assert problem in result.output


def test_the_summary_is_json(command: Command) -> None:
    found = json.loads(command("--json").output)
    assert (found["domain"], found["rule_version"], found["events"], found["labelled"]) == ("payments", "7", 200, 3)
    assert (found["dead_letters"], found["threshold_at_1pct_fpr"]) == (2, 0.2)
    assert found["patterns"] == {"testing": 1.0, "takeover": 1.0}
    assert found["recall_at_1pct_fpr"] == 1.0
    assert 0.99 < found["auc"] < 1
    assert found["by_pattern"]["testing"] | {"auc": 0} == {
        "events": 2,
        "auc": 0,
        "recall_at_1pct_fpr": 1.0,
        "median_score": 0.6,
    }


def test_the_summary_is_a_table(command: Command) -> None:
    lines = command().output.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["testing", "takeover", "all"]
    assert "payments, rule 7: 200 events count, 1.50% of them labelled" in lines[4]
    assert "2 events could not be scored" in lines[5]


def test_a_picture_is_drawn(command: Command, tmp_path: Path) -> None:
    assert command("--plot", str(tmp_path / "found.svg")).exit_code == 0
    picture = (tmp_path / "found.svg").read_text("utf-8")
    assert picture.lstrip().startswith("<?xml")
    assert len(picture) > 10_000


def test_nothing_labelled_is_nothing_to_compare(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.PATTERN", np.full(200, -1))
    assert "no event of the 200 that count is labelled" in str(command().exception)
