"""What one feature costs: of each kind of window and each aggregate, beside the same job without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from riskloom.bench.environment import environment
from riskloom.bench.kernel import Cost, KernelBench, Workload, kernel_bench
from riskloom.bench.servers import Report, Servers
from riskloom.domain import AGGREGATES_OF, Aggregate, Kind, WindowFeature

COPIES = 20
"""How many features of a sort are measured together: one costs less than the noise."""

_KEYS = 1_000
_HISTORY = 120
_EVERY_S = 30.0
"""Each key's history is an event every half a minute for an hour, which is the window: all its tiles are filled."""
_PAIRS = ("sum_of_products", "correlation")
_VALUELESS = ("count", "ratio", "time_since_last", "duration", "is_new")
_SLIDES: Mapping[Kind, str] = {"hopping": "5min"}


@dataclass(frozen=True)
class Plan:
    """How carefully it is measured."""

    kinds: Sequence[Kind] = get_args(Kind)
    aggregates: Sequence[Aggregate] = get_args(Aggregate)
    rounds: int = 5
    round_events: int = 50_000


QUICK = Plan(kinds=("rolling",), aggregates=("count", "mean"), rounds=2, round_events=20_000)
"""To see whether it works."""


def copies(kind: Kind, aggregate: Aggregate) -> tuple[WindowFeature, ...]:
    """Declare `COPIES` features of a sort that share nothing."""
    return tuple(_feature(kind, aggregate, number) for number in range(COPIES))


def _feature(kind: Kind, aggregate: Aggregate, number: int) -> WindowFeature:
    text = aggregate in ("distinct_count", "run_length")
    value = f"concat(category, '{number}')" if text else f"amount + {number}"
    return WindowFeature(
        name=f"feature_{number}",
        aggregate=aggregate,
        kind=kind,
        window="10min" if kind == "session" else "1hr",
        slide=_SLIDES.get(kind),
        value=None if aggregate in _VALUELESS else value,
        other=f"distance + {number}" if aggregate in _PAIRS else None,
        where=f"amount > {number}e-6" if aggregate in _VALUELESS else None,
    )


def bench_features(servers: Servers, plan: Plan, *, configuration: Mapping[str, str], report: Report) -> dict[str, Any]:
    """Measure each kind of window with each of its aggregates.

    Args:
        servers: Where everything runs.
        plan: How carefully.
        configuration: Spark properties that win over riskloom's own.
        report: Is told of progress.

    Returns:
        What the JSON says.

    Raises:
        RiskloomError: If something cannot be started, or fails.
    """
    about = environment(servers.settings)
    sorts = [(kind, one) for kind in plan.kinds for one in plan.aggregates if one in AGGREGATES_OF[kind]]
    with kernel_bench(servers, configuration, report) as bench:
        _cost(bench, plan, "warm-up", copies(*sorts[0]))
        floor = _cost(bench, plan, "no window features", ())
        remembering = _cost(bench, plan, "no window features, ids remembered", (), deduplicate=True)
        found = [_row(kind, one, _cost(bench, plan, f"{kind} {one}", copies(kind, one)), floor) for kind, one in sorts]
    return {
        "bench": "features",
        **about,
        "keys": _KEYS,
        "events_per_key": _HISTORY,
        "rounds": plan.rounds,
        "round_events": plan.round_events,
        "copies": COPIES,
        "floor": {"bytes_per_key": floor.bytes_per_key, "us_per_event": floor.us_per_event},
        "deduplicate": _beyond(remembering, floor, 1),
        "features": found,
    }


def _cost(
    bench: KernelBench, plan: Plan, name: str, features: Sequence[WindowFeature], *, deduplicate: bool = False
) -> Cost:
    ages = [_EVERY_S * number for number in range(_HISTORY, 0, -1)]
    work = Workload(features, _KEYS, ages, plan.rounds, plan.round_events, deduplicate)
    return bench.measure(name, work)


def _row(kind: Kind, aggregate: Aggregate, cost: Cost, floor: Cost) -> dict[str, Any]:
    return {"kind": kind, "aggregate": aggregate, **_beyond(cost, floor, COPIES)}


def _beyond(cost: Cost, floor: Cost, count: int) -> dict[str, float]:
    """What one of some features costs beyond the job without them."""
    return {
        "bytes_per_key": round((cost.bytes_per_key - floor.bytes_per_key) / count, 1),
        "us_per_event": round((cost.us_per_event - floor.us_per_event) / count, 3),
    }
