"""Sums up the latencies of a span of time: percentiles, and what the ends of batches cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

_AROUND_MS = 3_000
"""How long after the end of a batch its pause is looked for."""


@dataclass(frozen=True)
class Span:
    """A span of time in milliseconds since the epoch, UTC; the end is left out."""

    begin_ms: float
    end_ms: float

    def holds(self, times_ms: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Say which times are in it, shape (n,)."""
        return (times_ms >= self.begin_ms) & (times_ms < self.end_ms)


def percentiles(latency_ms: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Sum up latencies in milliseconds: `p50_ms`, `p95_ms`, `p99_ms`, `max_ms`; None when there are none."""
    names = ("p50_ms", "p95_ms", "p99_ms", "max_ms")
    if not len(latency_ms):
        return dict.fromkeys(names)
    return dict(zip(names, (round(float(q), 1) for q in np.percentile(latency_ms, (50, 95, 99, 100))), strict=True))


def ratio(value: float | None, other: float | None) -> float | None:
    """Divide two figures; None when one is missing or the second is 0."""
    return round(value / other, 3) if value is not None and other else None


def batch_ends(progress: Iterable[Mapping[str, Any]]) -> list[float]:
    """Tell when the batches of a query ended, in milliseconds since the epoch, from its progress reports."""
    return sorted(
        datetime.fromisoformat(report["timestamp"]).timestamp() * 1000 + report["batchDuration"] for report in progress
    )


def boundaries(
    ends_ms: Sequence[float], span: Span, created_ms: npt.NDArray[Any], latency_ms: npt.NDArray[np.float64]
) -> list[dict[str, float]]:
    """Say what the ends of batches cost.

    Args:
        ends_ms: When batches ended, in milliseconds since the epoch.
        span: What was measured; ends outside of it are left out.
        created_ms: When the events were made, shape (n,).
        latency_ms: Their latencies, shape (n,).

    Returns:
        For each end `at_s`, seconds from the span's begin; `pause_ms`, the longest time without any receipt around it;
        `max_ms`, the highest latency around it.
    """
    received = np.sort(created_ms + latency_ms)
    found = []
    for end in ends_ms:
        if not span.begin_ms <= end < span.end_ms:
            continue
        around = Span(end - _AROUND_MS, end + _AROUND_MS)
        gaps = np.diff(received[around.holds(received)])
        latencies = latency_ms[around.holds(created_ms)]
        found.append(
            {
                "at_s": round((end - span.begin_ms) / 1000, 1),
                "pause_ms": round(float(gaps.max(initial=0.0)), 1),
                "max_ms": round(float(latencies.max(initial=0.0)), 1),
            }
        )
    return found
