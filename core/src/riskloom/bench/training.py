"""How long a point-in-time join takes, beside Feast's own stores on the same files, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from riskloom.bench.environment import environment
from riskloom.features.offline import OfflineStore, row_schema
from riskloom.settings import Settings

OWN, DEFAULT, DUCKDB = "riskloom", "feast_default", "feast_duckdb"
_TYPES = {OWN: "riskloom.features.asof.AsofOfflineStore", DEFAULT: "dask", DUCKDB: "duckdb"}
_DOMAIN, _VERSION = "bench", "00000000"
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_DAY_US = 86_400_000_000
_SCORED_AFTER_US = 90_000


@dataclass(frozen=True)
class Plan:
    """The sizes."""

    rows: int = 10_000_000
    entities: int = 100_000
    keys: int = 100_000
    features: int = 12
    days: int = 30
    stores: tuple[str, ...] = (OWN, DUCKDB, DEFAULT)

    @property
    def names(self) -> list[str]:
        """The features' names."""
        return [f"feature_{number}" for number in range(self.features)]


def bench_training(settings: Settings, plan: Plan, *, report: Callable[[str], None]) -> tuple[dict[str, Any], bool]:
    """Join rows of the offline store to entity rows.

    Args:
        settings: Where the local files are.
        plan: The sizes.
        report: Is told of progress, in one line.

    Returns:
        The figures, and whether the stores that were compared agree.
    """
    result: dict[str, Any] = {**environment(settings), "rows": plan.rows, "entities": plan.entities}
    result |= {"keys": plan.keys, "features": plan.features, "stores": {}}
    with tempfile.TemporaryDirectory(prefix="riskloom-bench-") as made:
        folder = Path(made)
        report(f"writing {plan.rows:,} rows")
        _write(folder, plan)
        values: dict[str, Any] = {}
        for store in plan.stores:
            report(f"joining with {store}")
            context = multiprocessing.get_context("spawn")
            with context.Pool(1) as pool:
                result["stores"][store] = pool.apply(_join, (folder, plan, store))
            values[store] = pq.read_table(folder / f"{store}.parquet")
        differ = {store: _differing(values[OWN], values[store]) for store in values if store != OWN}
    own = result["stores"][OWN]["seconds"]
    result["seconds"] = own
    result["ratio"] = {store: round(result["stores"][store]["seconds"] / own, 1) for store in differ}
    result["differing_rows"] = differ
    return result, not any(differ.values())


def _write(folder: Path, plan: Plan) -> None:
    """Write rows as the stream does, and entity rows at times within them."""
    chance, store = np.random.default_rng(0), OfflineStore(folder / "rows")
    users = pa.array([f"{i:08x}-0000-4000-8000-{i * 7919:012x}" for i in range(plan.keys)])
    schema, begin = row_schema(["user"], plan.names), int(_BEGIN.timestamp()) * 1_000_000
    count = plan.rows // plan.days
    for day in range(plan.days):
        times = begin + day * _DAY_US + np.sort(chance.choice(_DAY_US // 1000, count, replace=False)) * 1000
        columns: dict[str, Any] = {
            "event_id": [f"{day}-{i}" for i in range(count)],
            "user_id": users.take(pa.array(chance.integers(0, plan.keys, count))),
            "event_timestamp": times,
            "created_timestamp": times + _SCORED_AFTER_US,
            "sequence": np.arange(count) + day * count,
            "late": np.zeros(count, bool),
            "duplicate": np.zeros(count, bool),
            "score": chance.random(count),
            "level": pa.repeat("low", count),
            "rule_version": pa.repeat("1", count),
            "schema_id": np.ones(count, np.int32),
            "feature_version": pa.repeat(_VERSION, count),
            "origin": pa.repeat("stream", count),
            **{name: chance.random(count) for name in plan.names},
        }
        arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
        store.write(_DOMAIN, pa.Table.from_arrays(arrays, schema=schema))
    entities = {
        "user_id": users.take(pa.array(chance.integers(0, plan.keys, plan.entities))),
        # No two alike: Feast's default store would make one row of them.
        "event_timestamp": pa.array(
            begin + chance.choice(plan.days * _DAY_US // 1000, plan.entities, replace=False) * 1000
        ).cast(pa.timestamp("us", "UTC")),
        "label": np.arange(plan.entities),
    }
    pq.write_table(pa.table(entities), folder / "entities.parquet")


def _join(folder: Path, plan: Plan, name: str) -> dict[str, Any]:
    """Join with one store, in a process that does nothing else."""
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.data_format import ParquetFormat
    from feast.types import Float64

    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=str(folder / f"{name}.db"),
            offline_store={"type": _TYPES[name]},
            online_store=None,
            entity_key_serialization_version=3,
        )
    )
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    view = FeatureView(
        name="users",
        entities=[user],
        ttl=timedelta(days=7),
        schema=[Field(name=feature, dtype=Float64) for feature in plan.names],
        source=FileSource(
            path=OfflineStore(folder / "rows").pattern(_DOMAIN, _VERSION),
            file_format=ParquetFormat(),
            timestamp_field="event_timestamp",
            created_timestamp_column="created_timestamp",
        ),
    )
    store.apply([user, view])
    rows = pq.read_table(folder / "entities.parquet").to_pandas()
    begin = time.perf_counter()
    found = store.get_historical_features(rows, [f"users:{feature}" for feature in plan.names]).to_arrow()
    seconds = time.perf_counter() - begin
    pq.write_table(found.select(["label", *plan.names]), folder / f"{name}.parquet")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": round(seconds, 2), "rows": found.num_rows, "peak_mib": peak // 1024}


def _differing(own: pa.Table, other: pa.Table) -> int:
    """Count rows of the other that differ; those that it left out must have no values here."""
    own, other = own.sort_by("label"), other.sort_by("label")
    kept = np.isin(own["label"].to_numpy(), other["label"].to_numpy())
    missed = own.filter(pa.array(~kept))
    wrong = np.zeros(other.num_rows, bool)
    for name in own.column_names[1:]:
        left, right = (one[name].to_pandas().to_numpy() for one in (own.filter(pa.array(kept)), other))
        wrong |= ~((left == right) | (np.isnan(left) & np.isnan(right)))
    return int(wrong.sum() + missed.num_rows - missed["feature_0"].null_count)
