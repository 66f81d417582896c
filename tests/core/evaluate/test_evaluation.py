"""Labelled events through the kernel: generated ones, and those of files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from riskloom.discovery import InstalledDomain
from riskloom.domain import Entity, EventDomain, ScoringRule, Term, Topic, WindowFeature
from riskloom.errors import PluginError, SettingsError
from riskloom.evaluate.evaluation import evaluate_file, evaluate_generated
from riskloom.evaluate.generated import START, source_span, span_of
from riskloom.schemas.arrow import record_batch
from riskloom.settings import Settings

SCHEMA = {
    "type": "record",
    "name": "Visit",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "int"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "risky", "type": "double"},
        {"name": "pattern", "type": ["null", "string"], "default": None},
    ],
}
WINDOW = WindowFeature(name="seen_1hr", aggregate="count", window="1hr")
RULE = ScoringRule(version="3", terms=(Term(code="RISKY", sql="risky", weight=1.0),))


class Visits:
    """Every tenth event is a pattern, which is risky; the user goes around, so every user is seen as often."""

    pace = 10.0

    def __init__(self, *, seed: int, pattern_rate: float = 0.1) -> None:
        self.rng, self.rate, self.made = np.random.default_rng(seed), pattern_rate, 0

    def batch(self, times: Any) -> pa.RecordBatch:
        n = len(times)
        number = self.made + np.arange(n)
        self.made += n
        bad = self.rng.random(n) < self.rate
        return record_batch(
            SCHEMA,
            {
                "id": [f"e{i}" for i in number],
                "user": number % 50,
                "at": times,
                "risky": np.where(bad, 0.6, 0.0) + 0.4 * self.rng.random(n),
                "pattern": pa.array(np.where(number % 2, "odd", "even"), mask=~bad),
            },
        )


class Broken(Visits):
    def batch(self, times: Any) -> pa.RecordBatch:
        raise KeyError("lost")


def visits(factory: str = "Visits", **parts: Any) -> InstalledDomain:
    domain = EventDomain(
        **{
            "name": "visits",
            "topic": Topic(name="visits"),
            "avro_schema": SCHEMA,
            "event_id": "id",
            "event_time": "at",
            "key": "user",
            "entities": (Entity(name="user", field="user"),),
            "generator": f"evaluated:{factory}",
            "label": "pattern",
            "window_features": (WINDOW,),
            "rule": RULE,
        }
        | parts
    )
    return InstalledDomain(domain, distribution="riskloom-visits", version="1.0", entry_point=domain.name)


@pytest.fixture(autouse=True)
def generators(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, "evaluated", SimpleNamespace(Visits=Visits, Broken=Broken))


@pytest.fixture(scope="session")
def settings(home: Path) -> Settings:
    return Settings(home=home)


def test_events_that_count_come_after_a_history_that_fills_the_windows() -> None:
    span = span_of(visits(), 36_000, None, None)
    assert (span.counted, span.history) == (36_000, 36_000)  # at 10 a second that is an hour, and so is the window
    assert span.counts_ms == START.timestamp() * 1000
    assert span.counts_ms - span.first_ms == span.last_ms - span.counts_ms == 3_600_000
    longer = WINDOW.model_copy(update={"window": "7d"})
    assert span_of(visits(window_features=(longer,)), 36_000, None, None).history == 72_000
    assert span_of(visits(), 1_000, 2.0, 0.5).history == 250
    assert span_of(visits(window_features=()), 1_000, None, None).history == 0
    source = source_span(visits(), span)
    assert (source.history, source.counted) == (72_000, 0)


def test_generated_events_are_scored_and_held_to_their_labels(spark: Any, settings: Settings) -> None:
    other = visits(name="orders", topic=Topic(name="orders"))
    feature = WindowFeature(name="orders_1hr", aggregate="count", window="1hr", source="orders")
    installed = visits(window_features=(WINDOW, feature))
    told: list[tuple[str, int, int]] = []
    found = evaluate_generated(
        spark,
        settings,
        installed,
        [installed, other],
        events=4_000,
        seed=5,
        pattern_rate=0.2,
        progress=lambda *told_now: told.append(told_now),
    )
    assert len(found.score) == 4_000
    assert found.dead_letters == 0
    # The score is the field `risky`: every pattern above every ordinary event.
    assert (found.curve.auc, found.curve.average_precision) == (1.0, pytest.approx(1.0))
    summary = found.as_json()
    assert summary["labelled"] == pytest.approx(800, rel=0.15)
    assert summary["patterns"] == {"odd": 1.0, "even": 1.0}
    assert 0.39 < summary["threshold_at_1pct_fpr"] < 0.6
    assert summary["sources"] == {"orders": 12_000}
    assert (summary["seed"], summary["warm_up_events"], summary["rule_version"]) == (5, 8_000, "3")
    assert all(stage == "scoring" and done <= of == 24_000 for stage, done, of in told)


def test_a_generator_that_fails_is_named(spark: Any, settings: Settings) -> None:
    installed = visits("Broken")
    with pytest.raises(PluginError, match=r"riskloom-visits 1.0: generator evaluated:Broken .*'lost'"):
        evaluate_generated(spark, settings, installed, [installed], events=1_000, seed=1)


def test_without_a_label_there_is_nothing_to_hold_scores_to(spark: Any, settings: Settings, tmp_path: Path) -> None:
    installed = visits(label=None)
    with pytest.raises(SettingsError, match=r"declares no label.*\n.*--label FIELD"):
        evaluate_generated(spark, settings, installed, [installed], events=1_000, seed=1)
    with pytest.raises(SettingsError, match="--label FIELD"):
        evaluate_file(spark, settings, installed, tmp_path / "a.csv")


def rows(n: int) -> list[dict[str, Any]]:
    """Events an hour apart; every fifth is bad, and one of those is scored low."""
    risky = [0.0 if i == 5 else float(i % 5 == 0) for i in range(n)]
    times = [1_760_000_000_000 + i * 3_600_000 for i in range(n)]
    return [{"id": f"r{i}", "user": i % 3, "at": times[i], "risky": risky[i]} for i in range(n)]


def test_a_file_has_its_label_beside_the_schema(spark: Any, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "user", "at", "risky", "chargeback"])
        writer.writeheader()
        writer.writerows(row | {"chargeback": int(i % 5 == 0)} for i, row in enumerate(rows(60)))
        file.write("bad,x,1,1,0\n")
    found = evaluate_file(spark, settings, visits(), path, label="chargeback")
    summary = found.as_json()
    assert (summary["events"], summary["labelled"], summary["rejected"]) == (60, 12, 1)
    assert summary["patterns"] == {"chargeback": pytest.approx(11 / 12, abs=1e-5)}
    assert summary["threshold_at_1pct_fpr"] == 1.0


def test_the_days_before_only_fill_the_windows_and_patterns_have_names(
    spark: Any, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "visits.jsonl"
    labels = [None if i % 5 else "left" if i % 2 else "right" for i in range(96)]
    path.write_text("".join(json.dumps(row | {"pattern": labels[i]}) + "\n" for i, row in enumerate(rows(96))))
    found = evaluate_file(spark, settings, visits(), path, warm_up_days=2)
    assert found.as_json()["events"] == 48
    assert set(found.names) == {"left", "right"}
    assert found.as_json()["patterns"] == {"left": 1.0, "right": 1.0}


def test_a_label_that_is_not_there_is_told(spark: Any, settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "visits.jsonl"
    path.write_text(json.dumps(rows(1)[0] | {"chargeback": 1}) + "\n")
    with pytest.raises(SettingsError, match=r"line 1 .* has no field 'charge'; did you mean 'chargeback'"):
        evaluate_file(spark, settings, visits(), path, label="charge")
