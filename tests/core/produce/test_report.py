from __future__ import annotations

import json
from typing import Any

import pytest

from riskloom.produce.report import DeliveryReport, Ledger


def acknowledged(ledger: Ledger, latencies: Any) -> Ledger:
    for seconds in latencies:
        ledger.sent += 1
        ledger.on_acknowledged(seconds)
    return ledger


def test_a_short_run_keeps_every_latency() -> None:
    delivery = acknowledged(Ledger(), [n / 1000 for n in range(1, 101)]).delivery(2.0, asked_rate=60.0)
    assert delivery.latency_ms is not None
    assert (delivery.latency_ms.p50, delivery.latency_ms.p99) == (50.5, 99.01)
    assert delivery.latency_ms.samples == delivery.acknowledged == delivery.sent == 100
    assert (delivery.rate, delivery.asked_rate, delivery.delivery_ratio) == (50.0, 60.0, 1.0)


def test_a_long_run_keeps_latencies_evenly_spread() -> None:
    count = 100_000
    delivery = acknowledged(Ledger(), (n / count for n in range(count))).delivery(1.0, asked_rate=None)
    assert delivery.acknowledged == count
    assert delivery.latency_ms is not None
    assert 16_384 <= delivery.latency_ms.samples < 32_768
    assert delivery.latency_ms.p50 == pytest.approx(500, abs=1)
    assert delivery.latency_ms.p95 == pytest.approx(950, abs=1)


def test_failures_are_counted_by_reason() -> None:
    ledger = acknowledged(Ledger(), [0.01] * 3)
    ledger.sent += 1
    ledger.failed["MSG_SIZE_TOO_LARGE"] += 1
    delivery = ledger.delivery(1.0, None)
    assert delivery.failed == {"MSG_SIZE_TOO_LARGE": 1}
    assert delivery.delivery_ratio == 0.75


def test_a_run_without_events_reports_too() -> None:
    delivery = Ledger().delivery(0.0, None)
    assert (delivery.sent, delivery.rate, delivery.delivery_ratio, delivery.latency_ms) == (0, 0.0, 1.0, None)


def test_ledgers_are_merged_by_weight() -> None:
    busy = acknowledged(Ledger(), [0.010] * 90_000)
    quiet = acknowledged(Ledger(), [0.100] * 10_000)
    quiet.failed["X"], busy.failed["X"], quiet.rejected, quiet.bytes, busy.bytes = 1, 2, 3, 4, 5
    busy.sent, quiet.sent = busy.sent + 2, quiet.sent + 1
    total = Ledger.merged({"busy": busy, "quiet": quiet})
    assert (total.sent, total.acknowledged, total.failed, total.rejected, total.bytes) == (
        100_003,
        100_000,
        {"X": 3},
        3,
        9,
    )
    delivery = total.delivery(1.0, None)
    assert delivery.latency_ms is not None
    assert delivery.latency_ms.p50 == 10.0
    slow = sum(seconds > 0.05 for seconds in total.latencies) / len(total.latencies)
    assert slow == pytest.approx(0.1, abs=0.01)


def report(**changes: Any) -> DeliveryReport:
    delivery = acknowledged(Ledger(), [0.01]).delivery(1.0, None)
    settings: dict[str, Any] = {
        "domains": {"payments": delivery},
        "total": delivery,
        "seconds": 1.0,
        "interrupted": False,
        "limited_by": None,
        "stage_seconds": {},
    }
    return DeliveryReport(**settings | changes)


def test_a_report_is_json() -> None:
    told = json.loads(report().to_json())
    assert told["domains"]["payments"]["acknowledged"] == told["total"]["sent"] == 1
    assert told["total"]["latency_ms"] == {"p50": 10.0, "p95": 10.0, "p99": 10.0, "samples": 1}
    assert told["limited_by"] is None


def test_failed_and_rejected_events_make_a_report_incomplete() -> None:
    good = report()
    assert good.complete
    assert not report(total=good.total.model_copy(update={"failed": {"X": 1}})).complete
    assert not report(total=good.total.model_copy(update={"rejected": 1})).complete
