"""Pictures of what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from riskloom.plots import figure

if TYPE_CHECKING:
    from riskloom.bench.latency import Measured

_SECOND_MS = 1000
_COSTS = {"us_per_event": "CPU us an event", "bytes_per_key": "bytes a key"}


def plot_latency(file: Path, measured: Mapping[str, Measured]) -> None:
    """Draw the median, the 95th percentile and the maximum of each second, and where batches ended.

    Args:
        file: Where to; its suffix says the format.
        measured: The jobs by name, each drawn in a panel of its own, all on one scale.
    """
    with figure(file, len(measured)) as (panels,):
        for axes, (name, one) in zip(panels, measured.items(), strict=True):
            counted = one.span.holds(one.created_ms)
            second = ((one.created_ms[counted] - one.span.begin_ms) // _SECOND_MS).astype(np.int64)
            latency = one.latency_ms[counted]
            seconds = np.unique(second)
            for label, q in (("p50", 50), ("p95", 95), ("max", 100)):
                axes.plot(seconds, [np.percentile(latency[second == s], q) for s in seconds], label=label)
            for end in one.summary["boundaries"]:
                axes.axvline(end["at_s"], color="grey", linestyle=":")
            axes.set(title=name, xlabel="seconds", yscale="log")
        panels[0].set(ylabel="ms from creation to receipt")
        panels[0].legend()


def plot_state(file: Path, result: Mapping[str, Any]) -> None:
    """Draw the cost of an event and the size of a key's state as keys and features grow.

    Args:
        file: Where to; its suffix says the format.
        result: What `riskloom.bench.state.bench_state` answered.
    """
    with figure(file, 2, rows=2) as panels:
        for row, (name, label) in zip(panels, _COSTS.items(), strict=True):
            for axes, (axis, scale) in zip(row, (("keys", "log"), ("features", "linear")), strict=True):
                points = result[f"by_{axis}"]
                axes.plot([point[axis] for point in points], [point[name] for point in points], marker="o")
                axes.axhline(result["floor"][name], color="grey", linestyle=":", label="without window features")
                axes.set(xlabel=axis, xscale=scale)
            row[0].set(ylabel=label, ylim=(0, None))
        panels[0][0].legend()
