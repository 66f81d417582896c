"""What a job's receipts are summed up to: which events count, and what is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from riskloom.bench.latency import Measured, Plan, summed_up
from riskloom.bench.receive import Receipts
from riskloom.produce.report import DeliveryReport, Ledger

PLAN = Plan(rate=100.0, warm_up=10.0, duration=20.0, batch=18.0)
START_MS = 1_760_000_000_000
DUE = 3_000


def delivered(acknowledged: int = DUE) -> DeliveryReport:
    ledger = Ledger()
    ledger.sent = acknowledged
    return DeliveryReport(
        domains={"payments": ledger.delivery(30.0, 100.0)},
        total=ledger.delivery(30.0, 100.0),
        seconds=30.0,
        interrupted=False,
        limited_by=None,
        stage_seconds={},
    )


def receipts(latency_ms: npt.NDArray[Any], *, others: int = 0, repeated: int = 0) -> Receipts:
    """Events at even distances from the start, received with these latencies, the first of them twice."""
    numbers = np.arange(len(latency_ms))
    created = START_MS + 10 * (numbers + 1)
    order = np.concatenate([numbers, numbers[:repeated]])
    received = np.concatenate([created + latency_ms, np.full(repeated, START_MS + 60_000.0)])
    return Receipts(order, created[order], received, others)


def measured(found: Receipts, acknowledged: int = DUE) -> Measured:
    return summed_up(PLAN, found, delivered(acknowledged), {"job": 1.0}, [])


def test_the_events_made_after_the_warm_up_count() -> None:
    latency = np.where(np.arange(DUE) < 1_000, 5_000.0, 50.0)
    summary = measured(receipts(latency)).summary
    assert summary["events"] == 2_000
    assert summary["max_ms"] == summary["p50_ms"] == 50.0
    assert summary["received"] == DUE


def test_a_stall_shows_in_every_event_that_was_due_in_it() -> None:
    # Nothing comes out between the 15th and the 17th second: 200 of the 2,000 events wait for its end.
    due = 10.0 * (np.arange(DUE) + 1)
    latency = np.where((due > 15_000) & (due <= 17_000), 17_000 - due, 0.0) + 20.0
    summary = measured(receipts(latency)).summary
    assert summary["p50_ms"] == 20.0
    assert summary["p95_ms"] == pytest.approx(1_000, abs=20)
    assert summary["p99_ms"] == pytest.approx(1_800, abs=20)


def test_all_that_was_due_and_came_out_is_complete() -> None:
    found = measured(receipts(np.full(DUE, 20.0)))
    assert found.complete
    assert (found.summary["unsent"], found.summary["lost"]) == (0, 0)


@pytest.mark.parametrize(
    ("found", "acknowledged", "what"),
    [
        (receipts(np.full(DUE - 7, 20.0)), DUE, {"lost": 7}),
        (receipts(np.full(DUE - 7, 20.0)), DUE - 7, {"unsent": 7}),
        (receipts(np.full(DUE - 7, 20.0), others=7), DUE, {"dead_lettered": 7}),
    ],
)
def test_what_is_missing_is_told(found: Receipts, acknowledged: int, what: dict[str, int]) -> None:
    one = measured(found, acknowledged)
    assert not one.complete
    assert {name: one.summary[name] for name in ("lost", "unsent", "dead_lettered")} == {
        "lost": 0,
        "unsent": 0,
        "dead_lettered": 0,
    } | what


def test_the_first_score_of_an_event_counts() -> None:
    summary = measured(receipts(np.full(DUE, 20.0), repeated=5)).summary
    assert summary["repeated"] == 5
    assert (summary["lost"], summary["max_ms"]) == (0, 20.0)


def test_nothing_received_is_all_lost() -> None:
    summary = measured(receipts(np.empty(0))).summary
    assert summary["lost"] == DUE
    assert summary["p95_ms"] is None
