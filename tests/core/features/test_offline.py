"""The offline store against a plain list of rows: what is written is read, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.features.offline import OfflineStore, database, row_schema

SCHEMA = row_schema(["user"], ["count_1hr"])
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def row(event: int, hours: float = 0, created: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{event}",
        "user_id": f"u{event % 3}",
        "event_timestamp": DAY + timedelta(hours=hours),
        "created_timestamp": DAY + timedelta(days=9, seconds=created),
        "sequence": 1,
        "late": False,
        "duplicate": False,
        "score": 0.5,
        "level": "low",
        "rule_version": "1",
        "schema_id": 1,
        "feature_version": "0a0b0c0d",
        "origin": "stream",
        "count_1hr": float(created),
        **more,
    }


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SCHEMA)


@pytest.fixture
def store(tmp_path: Path) -> OfflineStore:
    return OfflineStore(tmp_path / "store")


def test_rows_are_in_the_folders_of_their_domain_and_day(store: OfflineStore) -> None:
    store.write("payments", table(row(1, 1), row(2, 25), row(3, 2)))
    parts = store.parts("payments")
    assert [part.path.removeprefix(f"{store.root}/").rsplit("/", 1)[0] for part in parts] == [
        "domain=payments/date=2026-03-01",
        "domain=payments/date=2026-03-02",
    ]
    assert {part.feature_version for part in parts} == {"0a0b0c0d"}
    assert store.read("claims", SCHEMA).num_rows == 0


def test_a_range_of_time_opens_only_the_days_it_touches(store: OfflineStore) -> None:
    store.write("payments", table(*(row(i, 12 * i) for i in range(8))))
    start, end = DAY + timedelta(hours=12), DAY + timedelta(hours=24)
    assert {part.day for part in store.parts("payments", start=start, end=end)} == {DAY.date()}
    assert store.read("payments", SCHEMA, start=start, end=end)["event_id"].to_pylist() == ["e1"]


def test_rows_of_an_earlier_version_stay_readable(store: OfflineStore) -> None:
    store.write("payments", table(row(1)))
    newer = row_schema(["user"], ["count_1hr", "sum_1hr"])
    added = {**row(2), "feature_version": "99999999", "sum_1hr": 7.0}
    store.write("payments", pa.Table.from_pylist([added], newer))
    assert store.read("payments", SCHEMA, version="0a0b0c0d")["event_id"].to_pylist() == ["e1"]
    both = {one["event_id"]: one["sum_1hr"] for one in store.read("payments", newer).to_pylist()}
    assert both == {"e1": None, "e2": 7.0}


def test_files_of_the_same_name_are_replaced(store: OfflineStore) -> None:
    store.write("payments", table(row(1), row(2)), name="batch-7")
    store.write("payments", table(row(1), row(2)), name="batch-7")
    assert len(store.parts("payments")) == 1


def test_origins_are_told_apart(store: OfflineStore) -> None:
    store.write("payments", table(row(1), row(1, origin="backfill")))
    assert store.read("payments", SCHEMA).num_rows == 2
    assert store.read("payments", SCHEMA, origins=["backfill"])["origin"].to_pylist() == ["backfill"]


WRITES = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.sampled_from(["stream", "backfill"])), max_size=8),
    max_size=8,
)


@given(writes=WRITES, compactions=st.sets(st.integers(0, 8)))
@settings(max_examples=40, deadline=None)
def test_each_identity_is_read_once_the_row_that_was_created_last(
    tmp_path_factory: pytest.TempPathFactory, writes: list[list[tuple[int, int, Any]]], compactions: set[int]
) -> None:
    store = OfflineStore(tmp_path_factory.mktemp("store"))
    newest: dict[tuple[str, str], float] = {}
    for number, rows in enumerate(writes):
        made = [row(event, 13 * event, created, origin=origin) for event, created, origin in rows]
        store.write("payments", table(*made))
        for one in made:
            key = one["event_id"], one["origin"]
            newest[key] = max(newest.get(key, 0.0), one["count_1hr"])
        if number in compactions:
            store.compact("payments", {"0a0b0c0d": SCHEMA})
            parts = store.parts("payments")
            assert len(parts) == len({part.day for part in parts})
    found = store.read("payments", SCHEMA)
    assert found.schema == SCHEMA
    assert sorted((one["event_id"], one["origin"], one["count_1hr"]) for one in found.to_pylist()) == sorted(
        (*key, value) for key, value in newest.items()
    )


def test_compaction_leaves_other_versions_alone(store: OfflineStore) -> None:
    for _ in range(3):
        store.write("payments", table(row(1), row(2, feature_version="99999999")))
    assert store.compact("payments", {"0a0b0c0d": SCHEMA}) == 2
    assert sorted(part.feature_version for part in store.parts("payments")) == ["0a0b0c0d", *["99999999"] * 3]


def test_who_listed_files_before_a_compaction_can_read_them_after_it(store: OfflineStore) -> None:
    for event in range(3):
        store.write("payments", table(row(event)))
    listed = store.parts("payments")
    store.compact("payments", {"0a0b0c0d": SCHEMA})
    with database() as connection:
        assert store.query(connection, listed, SCHEMA).count("*").fetchall() == [(3,)]
    assert len(store.parts("payments")) == 1


def test_the_files_of_an_interrupted_write_are_not_read(store: OfflineStore) -> None:
    (path,) = store.write("payments", table(row(1)))
    (Path(path).parent / ".0a0b0c0d-x-0.parquet.part").write_bytes(b"half a file")
    (Path(store.folder("payments")) / "_temporary" / "0").mkdir(parents=True)
    (Path(store.folder("payments")) / "_temporary" / "0" / "0a0b0c0d-y.parquet").write_bytes(b"half a file")
    assert store.read("payments", SCHEMA).num_rows == 1
