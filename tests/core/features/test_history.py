"""Raw events through the kernel into the store, and the comparison with what was served."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from kinds import DOMAINS, history
from scoring import Scorer

from riskloom.errors import SettingsError
from riskloom.features.history import Span, recompute, warm_up
from riskloom.features.layouts import Layout, layout_of
from riskloom.features.offline import OfflineStore
from riskloom.features.skew import agrees, plot_skew, skew
from riskloom.features.sources import RawEvents
from riskloom.schemas.arrow import record_batch

CHOSEN = [installed.domain for installed in DOMAINS.values()]
EVENTS = history(seed=5, count=300)
TIMES = sorted(event.fields["ts"] for event in EVENTS)


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


ALL = Span(moment(TIMES[0]), moment(TIMES[-1] + 1))
LATTER = Span(moment(TIMES[150]), ALL.end)


def layouts() -> list[Layout]:
    return [layout_of(domain, datetime(2026, 1, 1, tzinfo=UTC)) for domain in CHOSEN]


def write_raw(folder: Path) -> Path:
    for domain in CHOSEN:
        own = [event.fields for event in EVENTS if event.domain == domain.name]
        columns = {field["name"]: [event[field["name"]] for event in own] for field in domain.avro_schema["fields"]}
        (folder / domain.name / "some" / "day").mkdir(parents=True)
        batch = record_batch(domain.avro_schema, columns)
        pq.write_table(pa.Table.from_batches([batch]), folder / domain.name / "some" / "day" / "1.parquet")
    return folder


class Recomputed:
    """All of history by time; and the latter half of it once more, as if the first had been served by the stream."""

    def __init__(self, scorer: Scorer, folder: Path) -> None:
        self.scorer, self.folder, self.raw = scorer, folder, write_raw(folder / "raw")
        self.by_time, self.served = OfflineStore(folder / "by-time"), OfflineStore(folder / "served")
        self.said: list[str] = []
        self.first = self.compute(self.by_time, ALL, "first")
        self.again = self.compute(self.by_time, ALL, "again")
        for layout in layouts():
            rows = self.by_time.read(layout.domain, layout.schema)
            stream = pa.array(["stream"] * rows.num_rows)
            self.served.write(layout.domain, rows.set_column(rows.schema.get_field_index("origin"), "origin", stream))
        self.computed = OfflineStore(folder / "computed")
        self.replayed = self.compute(self.computed, LATTER, "replayed")

    def compute(self, target: OfflineStore, span: Span, name: str) -> dict[str, Any]:
        work = self.folder / name
        work.mkdir()
        source = RawEvents(self.raw, CHOSEN, work, self.served, layouts())
        source.check()
        return recompute(
            self.scorer.spark,
            self.scorer.settings,
            CHOSEN,
            layouts(),
            source,
            span,
            target,
            work,
            report=self.said.append,
        )


@pytest.fixture(scope="module")
def done(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Recomputed:
    return Recomputed(scorer, tmp_path_factory.mktemp("history"))


def test_history_that_was_never_served_says_so_in_its_rows(done: Recomputed) -> None:
    ids = {domain.name: {e.fields["id"] for e in EVENTS if e.domain == domain.name} for domain in CHOSEN}
    sent = {domain.name: sum(event.domain == domain.name for event in EVENTS) for domain in CHOSEN}
    assert done.first["rows"] == {name: {"backfill-by-time": count} for name, count in sent.items()}
    assert done.first["in_served_order"] == 0
    assert done.first["history_from"] == ALL.start.isoformat()
    for layout in layouts():
        rows = done.by_time.read(layout.domain, layout.schema)
        assert sorted(rows["event_id"].to_pylist()) == sorted(ids[layout.domain])
        assert set(rows["origin"].to_pylist()) == {"backfill-by-time"}
        assert not any(rows["late"].to_pylist())


def test_a_second_time_takes_the_place_of_the_first(done: Recomputed) -> None:
    assert done.again["rows"] == done.first["rows"]
    for layout in layouts():
        files = [part.path for part in done.by_time.parts(layout.domain)]
        assert sum(pq.ParquetFile(path).metadata.num_rows for path in files) == sum(
            done.first["rows"][layout.domain].values()
        )


def test_what_was_served_is_replayed_and_agrees_bit_by_bit(done: Recomputed) -> None:
    latter = Counter(event.identity for event in EVENTS if event.fields["ts"] >= TIMES[150])
    sent = [times for (domain, _), times in latter.items() if domain == "orders"]
    # The offline store has one row of an event that was sent twice: where the other belongs is not known.
    assert done.replayed["rows"]["orders"] == {"backfill": sent.count(1), "backfill-by-time": 2 * sent.count(2)}
    # Visits are also about stores, whose order is not in the offline store.
    assert 0 < done.replayed["rows"]["visits"]["backfill"] < done.replayed["rows"]["visits"]["backfill-by-time"]
    result = skew(done.served, done.computed, layouts(), LATTER)
    assert agrees(result)
    assert result["matched"] == len(latter)
    assert (result["different"], result["missing"], result["gone"]) == (0, 0, 0)
    assert "from the beginning" in done.said[0]


def planted(done: Recomputed, folder: Path, change: Any) -> dict[str, Any]:
    """Compare after a change to the rows of orders that were served."""
    store = OfflineStore(folder)
    for layout in layouts():
        rows = done.served.read(layout.domain, layout.schema)
        store.write(layout.domain, change(rows) if layout.domain == "orders" else rows)
    return skew(store, done.computed, layouts(), LATTER)


def latest(rows: pa.Table) -> pa.Table:
    return rows.sort_by("event_timestamp")


def test_one_value_that_differs_is_found(done: Recomputed, tmp_path: Path) -> None:
    def change(rows: pa.Table) -> pa.Table:
        rows = latest(rows)
        counts = rows["orders_10min"].to_pylist()
        counts[-1] += 0.5
        return rows.set_column(rows.schema.get_field_index("orders_10min"), "orders_10min", pa.array(counts))

    result = planted(done, tmp_path, change)
    event = latest(done.served.read("orders", layouts()[0].schema))["event_id"].to_pylist()[-1]
    assert not agrees(result)
    assert result["different"] == 1
    assert result["domains"]["orders"]["features"] == {"orders_10min": {"rows": 1, "largest_difference": 0.5}}
    (example,) = result["domains"]["orders"]["examples"]
    assert example["event_id"] == event
    assert example["served"]["orders_10min"] == example["computed"]["orders_10min"] + 0.5


def test_a_comparison_is_drawn(tmp_path: Path) -> None:
    features = {"count": {"rows": 2, "largest_difference": 1.0}}
    orders = {"matched": 8, "different": 2, "missing": 1, "gone": 0, "features": features}
    visits = {"matched": 0, "different": 0, "missing": 0, "gone": 0, "features": {}}
    plot_skew(tmp_path / "skew.svg", {"domains": {"orders": orders, "visits": visits}})
    drawn = (tmp_path / "skew.svg").read_text()
    for text in ("orders: 8 matched, 2 different, 1 missing", "visits: 0 matched", "any", "count"):
        assert f"<!-- {text}" in drawn


def test_a_null_in_the_place_of_a_value_is_a_difference(done: Recomputed, tmp_path: Path) -> None:
    def change(rows: pa.Table) -> pa.Table:
        rows = latest(rows)
        counts = [*rows["orders_10min"].to_pylist()[:-1], None]
        return rows.set_column(rows.schema.get_field_index("orders_10min"), "orders_10min", pa.array(counts))

    result = planted(done, tmp_path, change)
    assert result["domains"]["orders"]["features"] == {"orders_10min": {"rows": 1, "largest_difference": None}}


def test_a_row_that_is_not_there_is_missing(done: Recomputed, tmp_path: Path) -> None:
    result = planted(done, tmp_path, lambda rows: latest(rows).slice(0, rows.num_rows - 2))
    assert not agrees(result)
    assert (result["missing"], result["different"]) == (2, 0)


def test_a_row_of_an_event_that_history_lost_is_gone(done: Recomputed, tmp_path: Path) -> None:
    def change(rows: pa.Table) -> pa.Table:
        more = latest(rows).slice(rows.num_rows - 1)
        return pa.concat_tables([rows, more.set_column(0, "event_id", pc.binary_join_element_wise(more[0], "x", ""))])

    result = planted(done, tmp_path, change)
    assert agrees(result)
    assert result["gone"] == 1


def test_nothing_to_compare_is_no_agreement(done: Recomputed) -> None:
    before = Span(ALL.start - timedelta(days=2), ALL.start - timedelta(days=1))
    assert not agrees(skew(done.served, OfflineStore(done.folder / "none"), layouts(), before))


def test_all_that_is_wrong_with_the_folders_is_told_at_once(done: Recomputed, tmp_path: Path) -> None:
    raw = write_raw(tmp_path / "raw")
    (raw / "refunds").rename(raw / "refund")
    file = next((raw / "orders").rglob("*.parquet"))
    table = pq.read_table(file)
    pq.write_table(table.rename_columns(["idx" if name == "id" else name for name in table.column_names]), file)
    with pytest.raises(SettingsError) as error:
        RawEvents(raw, CHOSEN, tmp_path, done.served, layouts()).check()
    assert "orders: no column 'id'; did you mean 'idx'?" in str(error.value)
    assert "no files refunds/**/*.parquet; did you mean 'refund'?" in str(error.value)


def test_windows_say_how_far_back_history_must_be_read() -> None:
    assert warm_up(CHOSEN) is None
    bounded = [feature for feature in CHOSEN[1].window_features if feature.aggregate != "ewm_mean"]
    assert warm_up([CHOSEN[1].model_copy(update={"window_features": tuple(bounded)})]) == timedelta(minutes=11)
