"""Training sets from files of entities and of labels: what is joined, what is refused, what is told."""

from __future__ import annotations

import json
import shutil
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from riskloom.errors import FeatureError, RiskloomError, SettingsError
from riskloom.features.offline import OfflineStore, row_schema

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.data_format import ParquetFormat
    from feast.types import Float64

    from riskloom.features.training import TrainingSet, check_output, training_set, write_training_set

pytestmark = pytest.mark.filterwarnings("ignore")
DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEMA = row_schema(["user", "merchant"], ["paid", "sold"])
VERSION = "0a0b0c0d"
# Event, user, merchant, minutes, minutes until it was computed.
EVENTS = [
    ("e0", "007", "m1", 0, 0),
    ("e1", "u2", "m1", 5, 0),
    ("e2", "007", "m2", 10, 0),
    ("e3", "007", None, 20, 60),
]


def minute(number: float) -> datetime:
    return DAY + timedelta(minutes=number)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    offline = OfflineStore(tmp_path / "offline")
    rows = [
        {
            "event_id": event,
            "user_id": user,
            "merchant_id": merchant,
            "event_timestamp": minute(at),
            "created_timestamp": minute(at + later),
            "sequence": number,
            "late": False,
            "duplicate": False,
            "score": 0.5,
            "level": "low",
            "rule_version": "1",
            "schema_id": 1,
            "feature_version": VERSION,
            "origin": "stream",
            "paid": number + 0.5,
            "sold": number * 100.0,
        }
        for number, (event, user, merchant, at, later) in enumerate(EVENTS)
    ]
    offline.write("payments", pa.Table.from_pylist(rows, SCHEMA))
    feast = FeatureStore(
        config=RepoConfig(
            project="test",
            provider="local",
            registry=str(tmp_path / "registry.db"),
            offline_store={"type": "riskloom.features.asof.AsofOfflineStore"},
            online_store=None,
            entity_key_serialization_version=3,
        )
    )
    source = FileSource(
        name="payments",
        path=offline.pattern("payments", VERSION),
        file_format=ParquetFormat(),
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
    )
    entities = [
        Entity(name=name, join_keys=[f"{name}_id"], value_type=ValueType.STRING) for name in ("user", "merchant")
    ]
    views = [
        FeatureView(
            name=f"payments_{entity.name}",
            entities=[entity],
            schema=[Field(name=feature, dtype=Float64)],
            source=source,
            ttl=timedelta(hours=1),
            tags={"domain": "payments", "feature_version": VERSION},
        )
        for entity, feature in zip(entities, ("paid", "sold"), strict=True)
    ]
    feast.apply([*entities, *views, FeatureService(name="payments", features=views)])
    return feast


def rows(made: TrainingSet, *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in columns) for row in made.rows.to_pylist()]


FILES = {
    "rows.csv": "user_id,merchant_id,event_timestamp,label\n007,m1,2026-03-01T12:07:00Z,1\nu2,,2026-03-01 12:30:00,0\n",
    "rows.jsonl": '{"user_id":"007","merchant_id":"m1","event_timestamp":"2026-03-01T12:07:00Z","label":1}\n'
    '{"user_id":"u2","merchant_id":null,"event_timestamp":"2026-03-01T12:30:00+00:00","label":0}\n',
}


@pytest.mark.parametrize("name", FILES)
def test_entities_get_the_features_of_their_time(store: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FILES[name])
    made = training_set(store, "payments", entities=tmp_path / name)
    assert rows(made, "user_id", "event_timestamp", "label", "paid", "sold") == [
        ("007", minute(7), 1, 0.5, 100.0),
        ("u2", minute(30), 0, 1.5, None),
    ]
    expected = {"rows": 2, "with_features": 2, "leaks": 0, "computed_later": 0, "feature_version": VERSION}
    assert made.report.items() >= expected.items()


def test_a_value_that_was_computed_later_is_counted_and_can_be_left_out(store: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("user_id,merchant_id,event_timestamp\n007,m9,2026-03-01T12:25:00Z\n")
    made = training_set(store, "payments", entities=tmp_path / "rows.csv")
    assert rows(made, "paid") == [(3.5,)]
    assert made.report["computed_later"] == 1
    made = training_set(store, "payments", entities=tmp_path / "rows.csv", known=True)
    assert rows(made, "paid") == [(2.5,)]
    assert made.report["computed_later"] == 0


def test_labels_are_attached_to_the_features_of_their_events(store: Any, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"fraud": [True, False, None], "event_id": ["e2", "e0", "e3"]}), tmp_path / "labels.parquet"
    )
    made = training_set(store, "payments", labels=tmp_path / "labels.parquet")
    assert rows(made, "event_id", "user_id", "event_timestamp", "fraud", "paid", "sold") == [
        ("e2", "007", minute(10), True, 2.5, 200.0),
        ("e0", "007", minute(0), False, 0.5, 0.0),
        ("e3", "007", minute(20), None, 3.5, None),
    ]


def refused(store: Any, **files: Path) -> str:
    with pytest.raises(SettingsError) as error:
        training_set(store, "payments", **files)
    return str(error.value)


def test_all_problems_with_entities_are_told_at_once(store: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("usr_id,merchant_id,paid\n1,2,3\n")
    told = refused(store, entities=file)
    assert "no column 'event_timestamp'" in told
    assert "no column 'user_id'; did you mean 'usr_id'?" in told
    assert "column 'paid' would be there twice" in told
    file.write_text("user_id,merchant_id,event_timestamp\n,,2026-03-01\n1,2,soon\n1,2,2026-03-01\n")
    told = refused(store, entities=file)
    assert "no time in event_timestamp: row 2\n" in told
    assert "no id in user_id, merchant_id: row 1\n" in told


def test_all_problems_with_labels_are_told_at_once(store: Any, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("event_id,label\ne1,1\ne1,0\nx1,1\nx2,1\n")
    told = refused(store, labels=file)
    assert "an event_id that is there more than once: rows 1, 2\n" in told
    assert "an event that the offline store does not have: rows 3, 4\n" in told
    assert "format '.txt' is unknown" in refused(store, labels=tmp_path / "labels.txt")
    assert "cannot be read" in refused(store, labels=tmp_path / "none.csv")


def test_an_unknown_service_is_told_with_the_close_match(store: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean 'payments'"):
        training_set(store, "payment", entities=tmp_path / "rows.csv")


def test_a_store_without_rows_is_told(store: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(FILES["rows.csv"])
    shutil.rmtree(tmp_path / "offline")
    with pytest.raises(FeatureError, match="`riskloom run` fills it"):
        training_set(store, "payments", entities=tmp_path / "rows.csv")


def test_values_of_later_events_are_never_given_out(store: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from riskloom.features import asof

    (tmp_path / "rows.csv").write_text("user_id,merchant_id,event_timestamp\n007,m1,2026-03-01T12:07:00Z\n")
    join = asof._join
    monkeypatch.setattr(
        asof,
        "_join",
        lambda *given: (
            join(*given)
            .replace("rows.moment >=", "rows.moment <=")
            .replace('event_timestamp" <= ', 'event_timestamp" >= ')
        ),
    )
    with pytest.raises(RiskloomError, match="1 of 1 rows have values of later events"):
        training_set(store, "payments", entities=tmp_path / "rows.csv")


@pytest.mark.parametrize("name", ["out.parquet", "out.csv", "out.jsonl"])
def test_it_is_written_in_each_format(store: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "rows.csv").write_text(FILES["rows.csv"])
    made = training_set(store, "payments", entities=tmp_path / "rows.csv")
    write_training_set(made, tmp_path / name)
    if name == "out.parquet":
        written = pq.read_table(tmp_path / name)
        assert written.to_pylist() == made.rows.to_pylist()
        assert json.loads(written.schema.metadata[b"riskloom"]) == made.report
    else:
        lines = (tmp_path / name).read_text().splitlines()
        assert len(lines) == 2 + (name == "out.csv")
        assert "100.0" in lines[-2]


def test_a_file_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"did you mean '\.parquet'"):
        check_output(tmp_path / "out.parqet")
    with pytest.raises(SettingsError, match="there is no folder"):
        check_output(tmp_path / "none" / "out.csv")
