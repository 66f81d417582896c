"""What the live view and the summary look like to a person."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

from rich.console import Console

from riskloom.demo.observer import Latency, Seen
from riskloom.demo.pipeline import Moment, Summary
from riskloom.demo.view import View, print_summary

LEVELS = ("low", "medium", "high", "critical")


def event(event_id: str = "11112222-3333", **changes: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "domain": "payments",
        "user": "u",
        "event_time": "2025-06-15T15:06:38+00:00",
        "score": 0.875,
        "level": "critical",
        "reasons": [{"code": "LARGE", "weight": 0.625, "description": ""}, {"code": "FAST", "weight": 0.25}],
    } | changes


def moment(elapsed: float = 5.0, sent: int = 1_000, scored: int = 900, **changes: Any) -> Moment:
    seen = Seen(
        scored=Counter({"payments": scored}),
        dead_lettered=Counter({"refunds": 77, "unknown": 3}),
        levels=Counter({("payments", level): 1_100 + i for i, level in enumerate(LEVELS)}),
        recent=[event()],
    )
    given: dict[str, Any] = {
        "elapsed": elapsed,
        "duration": 60.0,
        "produced": {"payments": sent, "refunds": 80},
        "seen": seen,
        "recent_latency": Latency(12.3, 45.6, 78.9),
    }
    return Moment(**given | changes)


def drawn(view: View, *moments: Moment) -> str:
    console = Console(file=io.StringIO(), record=True, width=140)
    for one in moments:
        drawing = view.draw(one)
    console.print(drawing)
    return console.export_text()


def row(text: str, name: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.strip("│ ").startswith(name))
    return line.strip("│ ").split()


def test_a_moment_shows_domains_levels_latency_and_the_riskiest() -> None:
    text = drawn(View(), moment())
    header = row(text, "domain ")
    assert header == ["domain", "produced", "scored", "dead", "letters", *LEVELS]
    assert row(text, "payments") == ["payments", "1,000", "900", "0", "1,100", "1,101", "1,102", "1,103"]
    assert row(text, "refunds") == ["refunds", "80", "0", "77", "0", "0", "0", "0"]
    assert row(text, "unknown")[3] == "3"
    assert "5 of 60 s" in text
    assert "p50 12 p95 46 p99 79 ms" in text
    assert row(text, "0.88") == ["0.88", "critical", "payments", "11112222", "LARGE", "0.62,", "FAST", "0.25"]


def test_rates_are_of_the_last_seconds() -> None:
    view = View()
    moments = [moment(elapsed=float(t), sent=100 * t - 80, scored=90 * t) for t in range(10)]
    fast = moment(elapsed=10.0, sent=10_820, scored=5_810)
    text = drawn(view, *moments, fast)
    # From 5 s to 10 s: 500 + 80 to 10,900 produced, 450 to 5,810 scored.
    assert "in 2,080/s" in text
    assert "scored 1,072/s" in text


def test_the_first_moment_has_no_rate_and_no_latency() -> None:
    empty = moment(0.0, 0, 0, produced={}, seen=Seen(), recent_latency=Latency(None, None, None))
    text = drawn(View(), empty)
    assert "in 0/s" in text
    assert "p50 - p95 - p99 - ms" in text


def test_the_time_does_not_run_past_the_duration() -> None:
    assert "60 of 60 s" in drawn(View(), moment(elapsed=75.0))


def test_texts_of_events_are_shown_as_they_are() -> None:
    assert "[/id]" in drawn(View(), moment(seen=Seen(recent=[event("[/id]")])))


def summed(**changes: Any) -> str:
    given: dict[str, Any] = {
        "seconds": 60.0,
        "warm_up_seconds": 20.0,
        "produced": {"payments": 1_000, "refunds": 500},
        "scored": {"payments": 990, "refunds": 500},
        "dead_lettered": {"payments": 10, "refunds": 0, "unknown": 2},
        "lost": 0,
        "latency_ms": Latency(10.0, 20.0, 30.0),
        "latency_ms_all": Latency(100.0, 200.0, 300.0),
        "levels": {},
        "top": [event()],
        "producer": {},
    }
    console = Console(file=io.StringIO(), record=True, width=140)
    print_summary(Summary(**given | changes), console)
    return console.export_text()


def test_a_summary_shows_counts_latencies_and_the_riskiest() -> None:
    text = summed()
    assert row(text, "payments") == ["payments", "1,000", "990", "10"]
    assert row(text, "unknown") == ["unknown", "0", "0", "2"]
    assert "p50 10 p95 20 p99 30 ms after 20 s of warm-up (p50 100 p95 200 p99 300 ms overall)" in text
    assert "1,490 events scored, 0 lost" in text
    assert "LARGE 0.62, FAST 0.25" in text


def test_a_run_shorter_than_its_warm_up_has_no_latency_after_it() -> None:
    assert "p50 - p95 - p99 - ms after 20 s" in summed(latency_ms=Latency(None, None, None))


def test_what_was_lost_is_told() -> None:
    assert "1,490 events scored, 1,234 lost" in summed(lost=1_234)
