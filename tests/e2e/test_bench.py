"""The benchmarks as a user runs them, on the real servers, with small sizes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from command import riskloom

from riskloom.settings import Settings

pytestmark = pytest.mark.e2e


def bench(settings: Settings, *arguments: str) -> dict[str, Any]:
    done = riskloom(settings, "bench", *arguments, "--json")
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["bench"] == arguments[0]
    assert result["machine"]["cores"] > 0
    assert result["versions"]["pyspark"]
    return result


def test_latency_is_measured_beside_its_floor_across_the_end_of_a_batch(settings: Settings) -> None:
    result = bench(settings, "latency", "--rate=200", "--warm-up=5", "--duration=12", "--batch=6")
    assert sum(result["partitions"].values()) == 32
    for measured in (result, result["floor"]):
        assert (measured["unsent"], measured["lost"], measured["dead_lettered"]) == (0, 0, 0)
        assert measured["received"] == 200 * 17
        assert measured["events"] == pytest.approx(200 * 12, abs=30)
        assert 0 < measured["p50_ms"] <= measured["p95_ms"] <= measured["p99_ms"] <= measured["max_ms"]
        assert measured["boundaries"]
        assert {"producer", "consumer", "job"} <= measured["cpu_seconds"].keys()
    assert result["ratio"] == pytest.approx(result["p95_ms"] / result["floor"]["p95_ms"], abs=1e-3)


def test_a_drain_scores_what_it_decodes(settings: Settings) -> None:
    result = bench(settings, "drain", "--events=20000", "--max-batch-events=5000")
    assert result["events"] == pytest.approx(20_000, abs=3)
    assert result["scored"] == result["events"]
    for measured in (result["scoring"], result["decode_only"]):
        assert sum(batch["events"] for batch in measured["batches"]) == result["events"]
        assert measured["events_per_s"] > 0
    assert result["ratio"] > 0


def test_a_feature_has_a_cost(settings: Settings) -> None:
    result = bench(settings, "features", "--quick")
    sizes = {row["aggregate"]: row["bytes_per_key"] for row in result["features"]}
    assert 0 < sizes["count"] < sizes["mean"]
    assert result["deduplicate"]["bytes_per_key"] > 0


def test_reading_online_is_measured_beside_feasts_own_call_and_bare_redis(settings: Settings) -> None:
    result = bench(settings, "online", "--duration=0", "--entities=500", "--reads=200")
    for size in ("entities_1", "entities_100"):
        for way in ("riskloom", "feast", "redis"):
            assert 0 < result[size][way]["p50_ms"] <= result[size][way]["p99_ms"]
    assert result["written_per_s"] > 0
