"""How the cost of an event and the size of the state grow with the number of keys, and with that of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from riskloom.bench.environment import environment
from riskloom.bench.kernel import KernelBench, Workload, kernel_bench
from riskloom.bench.servers import Report, Servers
from riskloom.bench.spans import ratio
from riskloom.domain import Aggregate, WindowFeature

_WINDOWS = ("1min", "5min", "1hr", "24hr", "7d")
_AGGREGATES: tuple[Aggregate, ...] = ("count", "sum", "mean", "min", "max", "stddev")
_MEASURES = 100
_AGES = (20 * 3600.0, 20 * 60.0, 20.0)
"""Each key's history, in seconds before what is measured: every window has some of it, and not the same."""


@dataclass(frozen=True)
class Plan:
    """Which states are measured."""

    keys: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    features: Sequence[int] = (5, 15, 50, 150)
    usual_keys: int = 100_000
    """While features grow."""
    usual_features: int = 30
    """While keys grow."""
    rounds: int = 8
    round_events: int = 50_000


QUICK = Plan(keys=(1_000, 10_000), features=(5, 50), usual_keys=1_000, rounds=3, round_events=20_000)
"""To see whether it works: the figures are of code that is still being compiled."""


def feature_set(count: int) -> tuple[WindowFeature, ...]:
    """Declare so many features: of a first measure all aggregates over five windows, then of the next measure.

    Each measure takes a series a window, which its aggregates share.
    """
    kinds = product(range(_MEASURES), _AGGREGATES, _WINDOWS)
    return tuple(
        WindowFeature(
            name=f"feature_{number}",
            aggregate=aggregate,
            window=window,
            value=f"amount + {measure}",
            where="amount > 0.001",
        )
        for number, (measure, aggregate, window) in enumerate(islice(kinds, count))
    )


def bench_state(
    servers: Servers, plan: Plan, *, configuration: Mapping[str, str], report: Report, plot: Path | None = None
) -> dict[str, Any]:
    """Measure states of growing size.

    Args:
        servers: Where everything runs.
        plan: The sizes.
        configuration: Spark properties that win over riskloom's own.
        report: Is told of progress.
        plot: A file for a picture.

    Returns:
        What the JSON says.

    Raises:
        RiskloomError: If something cannot be started, or fails.
    """
    about = environment(servers.settings)
    with kernel_bench(servers, configuration, report) as bench:
        _point(bench, plan, "warm-up", plan.keys[0], plan.usual_features)
        floor = _point(bench, plan, "no window features", plan.usual_keys, 0)
        by_keys = [_point(bench, plan, f"{keys:,} keys", keys, plan.usual_features) for keys in plan.keys]
        by_features = [
            _point(bench, plan, f"{features} features", plan.usual_keys, features) for features in plan.features
        ]
    result = {
        "bench": "state",
        **about,
        "history_s": _AGES,
        "rounds": plan.rounds,
        "round_events": plan.round_events,
        "floor": floor,
        "by_keys": by_keys,
        "by_features": by_features,
        "growth": {"keys": _growth(by_keys, "keys"), "features": _growth(by_features, "features")},
    }
    if plot is not None:
        from riskloom.bench.plots import plot_state

        plot_state(plot, result)
    return result


def _point(bench: KernelBench, plan: Plan, name: str, keys: int, features: int) -> dict[str, Any]:
    work = Workload(feature_set(features), keys, _AGES, plan.rounds, plan.round_events)
    return {"keys": keys, "features": features, **asdict(bench.measure(name, work))}


def _growth(points: Sequence[Mapping[str, Any]], axis: str) -> dict[str, float | None]:
    """By how much the last point is more than the first."""
    return {name: ratio(points[-1][name], points[0][name]) for name in (axis, "us_per_event", "bytes_per_key")}
