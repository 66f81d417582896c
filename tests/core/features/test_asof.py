"""Point-in-time joins against a plain loop over the rows, and against Feast's default store."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from riskloom.features.asof import Source, Wanted, point_in_time_join

DAY = datetime(2026, 3, 1, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")
FEATURES = pa.schema(
    [
        ("user_id", pa.string()),
        ("event_timestamp", TIME),
        ("created_timestamp", TIME),
        ("sequence", pa.int64()),
        ("count", pa.float64()),
        ("mean", pa.float64()),
    ]
)
ROWS = pa.schema([("user_id", pa.string()), ("event_timestamp", TIME), ("label", pa.int64())])


def at(seconds: float) -> datetime:
    return DAY + timedelta(seconds=seconds)


def features(*rows: tuple[str | None, float, float, int]) -> pa.Table:
    """Rows of user, event time, created time and sequence; the values say which row it is."""
    return pa.Table.from_pylist(
        [
            {
                "user_id": user,
                "event_timestamp": at(time),
                "created_timestamp": at(created),
                "sequence": sequence,
                "count": float(number),
                "mean": None if number % 5 == 4 else float("nan") if number % 5 == 3 else number / 7,
            }
            for number, (user, time, created, sequence) in enumerate(rows)
        ],
        FEATURES,
    )


def entity_rows(*rows: tuple[str | None, float]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"user_id": user, "event_timestamp": at(time), "label": i} for i, (user, time) in enumerate(rows)], ROWS
    )


def source(path: Path, ttl: float | None = None) -> Source:
    wanted = Wanted({"count": "count", "mean": "mean"}, None if ttl is None else timedelta(seconds=ttl))
    return Source(str(path), {"user_id": "user_id"}, "event_timestamp", "created_timestamp", [wanted])


def expected(rows: pa.Table, found: pa.Table, ttl: float | None, known: bool) -> list[dict[str, Any]]:
    out = []
    for row in rows.to_pylist():
        time = row["event_timestamp"]
        usable = [
            one
            for one in found.to_pylist()
            if one["user_id"] == row["user_id"] is not None
            and one["event_timestamp"] <= time
            and (not known or one["created_timestamp"] <= time)
        ]
        newest = max(
            usable, key=lambda one: (one["event_timestamp"], one["created_timestamp"], one["sequence"]), default=None
        )
        if newest is not None and ttl is not None and newest["event_timestamp"] < time - timedelta(seconds=ttl):
            newest = None
        out.append(row | {name: newest[name] if newest else None for name in ("count", "mean")})
    return out


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: "NaN" if value != value else value for name, value in row.items()} for row in rows]


USERS = st.sampled_from(["a", "b", "c"])
SECONDS = st.integers(0, 30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    known=st.booleans(),
    ttl=st.one_of(st.none(), st.integers(1, 10)),
    served=st.lists(st.tuples(USERS, SECONDS, SECONDS, st.integers(1, 3)), max_size=25, unique_by=lambda row: row),
    wanted=st.lists(st.tuples(st.one_of(st.none(), USERS, st.just("nobody")), SECONDS), max_size=8),
)
def test_the_join_is_that_of_a_loop(
    tmp_path: Path, known: bool, ttl: int | None, served: list[Any], wanted: list[Any]
) -> None:
    pq.write_table(features(*served), tmp_path / "1.parquet")
    rows = entity_rows(*wanted)
    joined, origins = point_in_time_join(rows, "event_timestamp", [source(tmp_path, ttl)], known=known)
    assert comparable(joined.to_pylist()) == comparable(expected(rows, features(*served), ttl, known))
    for row, origin in zip(joined.to_pylist(), origins.to_pylist(), strict=True):
        assert row["count"] is None or origin["time_0"] <= row["event_timestamp"]
        assert row["count"] is None or not known or origin["created_0"] <= row["event_timestamp"]


@pytest.mark.parametrize(("age", "found"), [(9.999999, True), (10, True), (10.000001, False), (-0.000001, False)])
def test_a_value_holds_to_the_end_of_its_time_to_live(tmp_path: Path, age: float, found: bool) -> None:
    pq.write_table(features(("a", 50, 60, 1)), tmp_path / "1.parquet")
    joined, _ = point_in_time_join(entity_rows(("a", 50 + age)), "event_timestamp", [source(tmp_path, 10)])
    assert joined["count"].to_pylist() == [0.0 if found else None]


def test_views_of_one_source_each_have_their_own_time_to_live(tmp_path: Path) -> None:
    pq.write_table(features(("a", 0, 0, 1)), tmp_path / "1.parquet")
    both = source(tmp_path, 5)
    both.wanted.append(Wanted({"long__mean": "mean"}, timedelta(seconds=20)))
    joined, _ = point_in_time_join(entity_rows(("a", 5), ("a", 20), ("a", 21)), "event_timestamp", [both])
    assert joined["count"].to_pylist() == [0.0, None, None]
    assert joined["long__mean"].to_pylist() == [0.0, 0.0, None]


def test_what_was_not_known_gives_way_to_what_was(tmp_path: Path) -> None:
    # The newer one came late: it was computed at 40.
    pq.write_table(features(("a", 10, 11, 1), ("a", 20, 40, 2)), tmp_path / "1.parquet")
    rows = entity_rows(("a", 30), ("a", 50))
    joined, origins = point_in_time_join(rows, "event_timestamp", [source(tmp_path)], known=True)
    assert joined["count"].to_pylist() == [0.0, 1.0]
    assert origins["created_0"].to_pylist() == [at(11), at(40)]
    joined, _ = point_in_time_join(rows, "event_timestamp", [source(tmp_path)])
    assert joined["count"].to_pylist() == [1.0, 1.0]


def feast_store(folder: Path, kind: str, ttl: timedelta) -> Any:
    """A store of one view over `folder/rows`."""
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.types import Float64

    store = FeatureStore(
        config=RepoConfig(
            project="test",
            provider="local",
            registry=str(folder / f"{kind.rpartition('.')[2]}.db"),
            offline_store={"type": kind},
            online_store=None,
            entity_key_serialization_version=3,
        )
    )
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    view = FeatureView(
        name="users",
        entities=[user],
        ttl=ttl,
        schema=[Field(name="count", dtype=Float64), Field(name="mean", dtype=Float64)],
        source=FileSource(
            path=str(folder / "rows" / "*.parquet"),
            timestamp_field="event_timestamp",
            created_timestamp_column="created_timestamp",
        ),
    )
    store.apply([user, view])
    return store


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("known", [False, True])
def test_it_agrees_with_feasts_own_stores(tmp_path: Path, known: bool) -> None:
    chance = random.Random(3)
    served = [(f"u{chance.randrange(20)}", t, t + chance.choice([0, 1, 90]), 1) for t in range(400)]
    served += [(user, t, t + 200, 1) for user, t, _, _ in chance.sample(served, 80)]
    rows = features(*served)
    (tmp_path / "rows").mkdir()
    pq.write_table(rows.slice(0, 300), tmp_path / "rows" / "1.parquet")
    pq.write_table(rows.slice(300), tmp_path / "rows" / "2.parquet")
    wanted = {(f"u{chance.randrange(22)}", chance.randrange(-20, 500)) for _ in range(300)}
    given = entity_rows(*sorted(wanted)).to_pandas()
    found = {}
    for kind in ("dask", "duckdb", "riskloom.features.asof.AsofOfflineStore"):
        store = feast_store(tmp_path, kind, timedelta(seconds=60))
        job = store.get_historical_features(given, ["users:count", "users:mean"], filter_by_created_timestamp=known)
        found[kind] = {row["label"]: row["count"] for row in job.to_arrow().to_pylist()}
    default, by_ibis, own = ({k: None if v != v else v for k, v in one.items()} for one in found.values())
    assert len(given) == len(own) == len(by_ibis)
    assert own == by_ibis
    assert sum(value is not None for value in own.values()) > 100
    # The default store takes any of the rows with one time, and forgets some when it leaves out what was not known.
    times = {float(number): time for number, (_, time, _, _) in enumerate(served)} | {None: None}
    if not known:
        assert {k: times[value] for k, value in default.items()} == {k: times[own[k]] for k in default}
    # It loses entity rows whose key has rows, but none in time.
    assert all(own[label] is None for label in own.keys() - default.keys())
