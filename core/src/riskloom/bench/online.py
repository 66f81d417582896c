"""What reading features online costs, beside Feast's own call and bare Redis; and how fresh what is read is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from riskloom.bench.environment import environment
from riskloom.bench.freshness import Load, freshness
from riskloom.bench.servers import Report, Servers
from riskloom.discovery import InstalledDomain
from riskloom.features.layouts import Layout, Layouts
from riskloom.features.objects import CREATED, SEQUENCE, feast_objects, view_name
from riskloom.features.offline import OfflineStore, entity_column
from riskloom.features.online import OnlineFeatures
from riskloom.features.repository import open_store

if TYPE_CHECKING:
    from feast import FeatureStore

SIZES = (1, 100)
"""How many entities are read at once."""
_WARM_UP = 50


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    entities: int = 10_000
    """That the store holds."""
    reads: int = 1_000
    """Of each size, each way."""
    load: Load | None = None
    """Of the job whose freshness is measured; None leaves that out."""
    seed: int = 0


def bench_online(servers: Servers, domains: Sequence[InstalledDomain], plan: Plan, *, report: Report) -> dict[str, Any]:
    """Measure reads and writes.

    Args:
        servers: Where Redis, and for the job Kafka, are.
        domains: Of these the one with the most features is read; the job scores all.
        plan: What to measure.
        report: Is told of progress.

    Returns:
        `bench`, `entities_1` and `entities_100` with `p50_ms` and `p99_ms` of each way, `written_per_s`, and `job` as
        `freshness` answers it; and what it was measured on.
    """
    about = environment(servers.settings)
    store = OfflineStore(servers.settings.offline_store_root)
    layouts = Layouts(store, [one.domain for one in domains]).record()
    feast = open_store(servers.settings)
    feast.apply(feast_objects(store, layouts))
    online = OnlineFeatures(feast, store, layouts)
    layout = max(layouts, key=lambda one: len(one.of(one.entities[0].name)))
    report(f"writing {plan.entities:,} entities of {layout.domain}")
    ids, written_per_s = _written(online, layout, plan)
    ways = _ways(feast, online, layout)
    result: dict[str, Any] = {"domain": layout.domain, "features": len(layout.of(layout.entities[0].name))}
    for size in SIZES:
        report(f"reading {size} at once, {plan.reads:,} times each way")
        result[f"entities_{size}"] = _timed(ways, ids, size, plan)
    result["written_per_s"] = written_per_s
    if plan.load is not None:
        result["job"] = freshness(servers.settings, domains, plan.load, report=report)
    return {"bench": "online"} | about | result


def _written(online: OnlineFeatures, layout: Layout, plan: Plan) -> tuple[list[str], int]:
    """Store made-up rows; answer their ids and how many a second there were."""
    rng, entity = np.random.default_rng(plan.seed), layout.entities[0].name
    ids = [f"bench-{i}" for i in range(plan.entities)]
    now = pa.array([datetime.now(UTC)] * len(ids), pa.timestamp("us", "UTC"))
    columns = {
        entity_column(entity): pa.array(ids),
        "event_timestamp": now,
        CREATED: now,
        SEQUENCE: pa.array(range(1, len(ids) + 1), pa.int64()),
        **{one.name: pa.array(rng.uniform(0, 100, len(ids))) for one in layout.of(entity)},
    }
    begun = time.perf_counter()
    online.write(layout, entity, pa.table(columns))
    return ids, round(len(ids) / (time.perf_counter() - begun))


def _ways(feast: FeatureStore, online: OnlineFeatures, layout: Layout) -> dict[str, Callable[[list[str]], Any]]:
    """List the ways of reading entities: `riskloom` and `feast` both end with Python values, by name."""
    from feast.infra.key_encoding_utils import serialize_entity_key
    from feast.infra.online_stores.helpers import _mmh3
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    entity = layout.entities[0].name
    column, view = entity_column(entity), view_name(layout, entity)
    # The feature service may want other entities too, such as the merchant of a payment.
    references = [f"{view}:{one.name}" for one in layout.of(entity)]
    fields = [*(_mmh3(f"{view}:{one.name}") for one in layout.of(entity)), f"_ts:{view}"]
    provider: Any = feast._get_provider()
    client: Any = provider.online_store._get_client(feast.config.online_store)
    project = feast.project.encode()

    def by_riskloom(ids: list[str]) -> Any:
        now = datetime.now(UTC)
        return [[row.served(now) for row in rows] for rows in online.read(entity, ids, [layout.domain])]

    def by_feast(ids: list[str]) -> Any:
        return feast.get_online_features(references, [{column: one} for one in ids]).to_dict()

    def by_redis(ids: list[str]) -> Any:
        with client.pipeline(transaction=False) as pipeline:
            for one in ids:
                key = EntityKey(join_keys=[column], entity_values=[Value(string_val=one)])
                pipeline.hmget(serialize_entity_key(key, 3) + project, fields)
            return pipeline.execute()

    return {"riskloom": by_riskloom, "feast": by_feast, "redis": by_redis}


def _timed(
    ways: dict[str, Callable[[list[str]], Any]], ids: list[str], size: int, plan: Plan
) -> dict[str, dict[str, float]]:
    """Read the same entities in each way, the ways taking turns."""
    rng = np.random.default_rng(plan.seed)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(_WARM_UP + plan.reads):
        chosen = [ids[i] for i in rng.choice(len(ids), size, replace=False)]
        for name in rng.permutation(list(ways)):
            begun = time.perf_counter()
            ways[name](chosen)
            if turn >= _WARM_UP:
                spent[name].append(time.perf_counter() - begun)
    return {
        name: {f"p{p}_ms": round(float(np.percentile(times, p)) * 1_000, 3) for p in (50, 99)}
        for name, times in spent.items()
    }


def load_of(rate: float, seconds: float, every: str, seed: int) -> Load | None:
    """Make the job's load; None for no time."""
    return Load(rate=rate, length=timedelta(seconds=seconds), every=every, seed=seed) if seconds else None
