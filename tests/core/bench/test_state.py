"""Which states are measured, and what their growth is summed up to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from riskloom.bench import features as features_module
from riskloom.bench import state as state_module
from riskloom.bench.features import COPIES, bench_features
from riskloom.bench.kernel import Cost, Workload
from riskloom.bench.servers import Servers
from riskloom.bench.state import Plan, bench_state
from riskloom.settings import Settings


class FakeBench:
    """A feature takes 10 bytes and 0.5 us, a remembered id 80 bytes, and a key nothing."""

    def __init__(self) -> None:
        self.measured: list[tuple[str, Workload]] = []

    def measure(self, name: str, work: Workload) -> Cost:
        self.measured.append((name, work))
        return Cost(20.0 + 10 * len(work.features) + 80 * work.deduplicate, 15.0 + 0.5 * len(work.features), 50_000)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> FakeBench:
    bench = FakeBench()

    @contextmanager
    def opened(servers: Servers, configuration: Mapping[str, str], report: Any) -> Iterator[FakeBench]:
        yield bench

    for module in (state_module, features_module):
        monkeypatch.setattr(module, "kernel_bench", opened)
        monkeypatch.setattr(module, "environment", lambda settings: {"commit": None})
    return bench


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    return Servers(Settings(home=tmp_path), {})


def test_keys_grow_and_then_features(bench: FakeBench, servers: Servers) -> None:
    plan = Plan(keys=(10, 1_000), features=(5, 50), usual_keys=100, usual_features=30)
    result = bench_state(servers, plan, configuration={}, report=print)
    assert [(point["keys"], point["features"]) for point in result["by_keys"]] == [(10, 30), (1_000, 30)]
    assert [(point["keys"], point["features"]) for point in result["by_features"]] == [(100, 5), (100, 50)]
    assert result["floor"]["features"] == 0
    assert result["growth"]["keys"] == {"keys": 100.0, "us_per_event": 1.0, "bytes_per_key": 1.0}
    assert result["growth"]["features"] == {"features": 10.0, "us_per_event": 2.286, "bytes_per_key": 7.429}


def test_the_code_is_compiled_before_anything_counts(bench: FakeBench, servers: Servers) -> None:
    bench_state(servers, Plan(), configuration={}, report=print)
    bench_features(servers, features_module.Plan(), configuration={}, report=print)
    names = [name for name, _ in bench.measured]
    assert names[0] == "warm-up"
    assert names.count("warm-up") == 2


def test_a_feature_costs_its_part_of_what_is_beyond_the_floor(bench: FakeBench, servers: Servers) -> None:
    result = bench_features(servers, features_module.Plan(), configuration={}, report=print)
    assert result["floor"] == {"bytes_per_key": 20.0, "us_per_event": 15.0}
    assert result["deduplicate"] == {"bytes_per_key": 80.0, "us_per_event": 0.0}
    assert all((row["bytes_per_key"], row["us_per_event"]) == (10.0, 0.5) for row in result["features"])
    assert {row["kind"] for row in result["features"]} == {"rolling", "tumbling", "hopping", "session"}
    assert all(len(work.features) in (0, COPIES) for _, work in bench.measured)
