"""What a span of latencies is summed up to."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.bench.spans import Span, batch_ends, boundaries, percentiles, ratio

SPAN = Span(10_000.0, 30_000.0)


def test_percentiles_are_in_milliseconds() -> None:
    assert percentiles(np.arange(101.0)) == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0}
    assert percentiles(np.array([])) == {"p50_ms": None, "p95_ms": None, "p99_ms": None, "max_ms": None}


def test_a_span_holds_its_begin_and_not_its_end() -> None:
    assert SPAN.holds(np.array([9_999, 10_000, 29_999, 30_000])).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("value", "other", "found"), [(3.0, 2.0, 1.5), (None, 2.0, None), (3.0, None, None), (3, 0, None)]
)
def test_a_ratio_needs_both(value: float | None, other: float | None, found: float | None) -> None:
    assert ratio(value, other) == found


def test_a_batch_ends_its_duration_after_its_begin() -> None:
    progress = [{"timestamp": "1970-01-01T00:00:10.500Z", "batchDuration": 2_000}]
    assert batch_ends(progress) == [12_500.0]


def test_an_end_of_a_batch_costs_the_silence_around_it() -> None:
    created = np.arange(10_000, 30_000, 10)
    # Nothing is received between 20.0 and 20.5 s; what was made then comes at its end.
    received = np.where((created >= 20_000) & (created < 20_500), 20_500, created)
    found = boundaries([5_000.0, 20_200.0, 31_000.0], SPAN, created, (received - created).astype(float))
    assert found == [{"at_s": 10.2, "pause_ms": 510.0, "max_ms": 500.0}]
