"""How the demo is put together, drained and summed up, with every server replaced."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from payments import payments

from riskloom.demo import pipeline
from riskloom.demo.observer import Latency, Seen
from riskloom.demo.pipeline import Moment, Summary, run_demo
from riskloom.errors import DeliveryError, JobError
from riskloom.produce.report import DeliveryReport, Ledger, Progress
from riskloom.settings import Settings

DOMAINS = (payments("payments"), payments("refunds"))


def delivered(**sent: int) -> DeliveryReport:
    ledgers = {}
    for name, count in sent.items():
        ledgers[name] = ledger = Ledger()
        ledger.sent = count
    return DeliveryReport(
        domains={name: ledger.delivery(1.0, None) for name, ledger in ledgers.items()},
        total=Ledger.merged(ledgers).delivery(1.0, None),
        seconds=1.0,
        interrupted=False,
        limited_by=None,
        stage_seconds={},
    )


class Watcher:
    """Stands for the observer: sees more at each look, and then no more."""

    def __init__(self, *seen: Seen) -> None:
        self.looks = list(seen)
        self.asked: list[tuple[float, float]] = []
        self.closed = False

    def seen(self) -> Seen:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def latency(self, since: float = 0.0, until: float = float("inf")) -> Latency:
        self.asked.append((since, until))
        return Latency(10.0, 20.0, 30.0) if since else Latency(1.0, 2.0, 3.0)

    def close(self) -> None:
        self.closed = True


def saw(scored: dict[str, int], dead: dict[str, int] | None = None, **more: Any) -> Seen:
    return Seen(Counter(scored), Counter(dead or {}), **more)


class Demo:
    """Runs the demo with its servers, its producer and its clock replaced."""

    def __init__(self) -> None:
        self.watcher = Watcher(saw({"payments": 6, "refunds": 4}))
        self.report = delivered(payments=6, refunds=4)
        self.failure: Exception | None = None
        self.alive: list[Exception | None] = []
        self.moments: list[Moment] = []
        self.said: list[str] = []
        self.produced: dict[str, Any] = {}
        self.home: Path | None = None
        self.stopped = False
        self.asked = Event()
        self.now = 1_000_000.0

    @contextmanager
    def started(self, domains: Any, home: Path, report: Any, asked: Event) -> Iterator[Any]:
        self.home = home

        def alive() -> None:
            failure = self.alive.pop(0) if self.alive else None
            if failure is not None:
                raise failure

        try:
            yield Settings(home=home), alive
        finally:
            self.stopped = True

    def produce(self, settings: Settings, domains: Any, **options: Any) -> DeliveryReport:
        self.produced = options
        options["progress"](Progress(0.5, {"payments": 3, "refunds": 2}, 0, 0, 0))
        if self.failure is not None:
            raise self.failure
        return self.report

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self, **options: Any) -> Summary:
        given: dict[str, Any] = {"rate": 5.0, "duration": 2.0, "seed": 9}
        return run_demo(DOMAINS, **given | options, report=self.said.append, show=self.moments.append, asked=self.asked)


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Demo:
    demo = Demo()
    monkeypatch.setattr(pipeline, "started", demo.started)
    monkeypatch.setattr(pipeline, "produce_events", demo.produce)
    monkeypatch.setattr(pipeline, "Observer", lambda settings: demo.watcher)
    clock = SimpleNamespace(time=lambda: demo.now, monotonic=lambda: demo.now, sleep=demo.sleep)
    monkeypatch.setattr(pipeline, "time", clock)
    return demo


def test_everything_scored_is_a_pass(demo: Demo) -> None:
    summary = demo()
    assert summary.lost == 0
    assert summary.passed
    assert summary.produced == summary.scored == {"payments": 6, "refunds": 4}
    assert summary.dead_lettered == {"payments": 0, "refunds": 0}


def test_the_producer_gets_what_was_asked_for(demo: Demo) -> None:
    demo(rate=123.0, duration=4.0, seed=7)
    assert {name: demo.produced[name] for name in ("throughput", "duration", "seed", "mix")} == {
        "throughput": 123.0,
        "duration": 4.0,
        "seed": 7,
        "mix": None,
    }
    assert demo.produced["stop"] is demo.asked


def test_dead_letters_are_not_lost(demo: Demo) -> None:
    demo.watcher = Watcher(saw({"payments": 4, "refunds": 3}, {"payments": 2, "unknown": 1}))
    summary = demo()
    assert summary.lost == 0
    assert summary.passed
    assert summary.dead_lettered == {"payments": 2, "refunds": 0, "unknown": 1}


def test_what_never_came_is_lost(demo: Demo) -> None:
    demo.watcher = Watcher(saw({"payments": 6, "refunds": 1}))
    before = demo.now
    summary = demo()
    assert summary.lost == 3
    assert not summary.passed
    assert demo.now - before >= pipeline._DRAIN_PATIENCE_S


def test_nothing_scored_is_no_pass(demo: Demo) -> None:
    demo.watcher = Watcher(saw({}, {"payments": 6, "refunds": 4}))
    summary = demo()
    assert summary.lost == 0
    assert not summary.passed


def test_the_drain_waits_for_as_long_as_scores_come(demo: Demo) -> None:
    demo.report = delivered(payments=200)
    demo.watcher = Watcher(*(saw({"payments": n}) for n in range(201)))
    before = demo.now
    assert demo().lost == 0
    assert demo.now - before > pipeline._DRAIN_PATIENCE_S


def test_the_latency_leaves_the_warm_up_out_and_is_told_of_the_whole_run_beside(demo: Demo) -> None:
    began = demo.now
    summary = demo()
    assert summary.latency_ms == Latency(10.0, 20.0, 30.0)
    assert summary.latency_ms_all == Latency(1.0, 2.0, 3.0)
    assert (began + pipeline.WARM_UP_S, float("inf")) in demo.watcher.asked
    assert summary.warm_up_seconds == pipeline.WARM_UP_S


def test_the_summary_is_json(demo: Demo) -> None:
    levels = Counter({("payments", "low"): 5, ("payments", "high"): 1, ("refunds", "low"): 4})
    top = [{"event_id": "a", "score": 0.9, "reasons": [{"code": "LARGE", "weight": 0.9}]}]
    demo.watcher = Watcher(saw({"payments": 6, "refunds": 4}, levels=levels, top=top))
    printed = json.loads(json.dumps(demo().as_dict()))
    required = {"produced", "scored", "dead_lettered", "latency_ms", "latency_ms_all", "lost", "top"}
    assert required <= printed.keys()
    assert printed["latency_ms"] == {"p50": 10.0, "p95": 20.0, "p99": 30.0}
    assert printed["levels"] == {"payments": {"high": 1, "low": 5}, "refunds": {"low": 4}}
    assert printed["top"] == top
    assert printed["producer"]["sent"] == 10


def test_a_moment_holds_what_was_produced_and_seen(demo: Demo) -> None:
    demo.watcher = Watcher(saw({"payments": 1}), saw({"payments": 6, "refunds": 4}))
    demo()
    assert demo.moments
    last = demo.moments[-1]
    assert last.duration == 2.0
    assert last.produced == {"payments": 3, "refunds": 2}


def test_a_job_that_dies_ends_the_demo(demo: Demo) -> None:
    demo.watcher = Watcher(saw({}))
    demo.alive = [JobError("the query failed")]
    with pytest.raises(JobError, match="the query failed"):
        demo()
    assert demo.watcher.closed
    assert demo.stopped


def test_a_producer_that_fails_ends_the_demo(demo: Demo) -> None:
    demo.failure = DeliveryError("no broker")
    with pytest.raises(DeliveryError, match="no broker"):
        demo()
    assert demo.watcher.closed
    assert demo.stopped


def test_a_view_that_fails_stops_the_producer(demo: Demo) -> None:
    seen_stop = []

    def produce(settings: Settings, domains: Any, **options: Any) -> DeliveryReport:
        seen_stop.append(options["stop"].wait(60))
        return demo.report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "produce_events", produce)
        demo.alive = [JobError("dead")]
        with pytest.raises(JobError, match="dead"):
            demo()
    assert seen_stop == [True]


def test_nothing_is_left_behind(demo: Demo) -> None:
    demo()
    assert demo.stopped
    assert demo.watcher.closed
    assert demo.home is not None
    assert not demo.home.exists()


def test_it_says_what_it_does(demo: Demo) -> None:
    demo(rate=5.0, duration=2.0)
    assert demo.said == ["producing 5 events a second for 2 s", "draining"]
