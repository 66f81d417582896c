"""One batch of scores through the JVM into both stores, without Kafka."""

from __future__ import annotations

import random
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scoring import framed

from riskloom.features.batch import BatchWriter, read_scores
from riskloom.features.layouts import Layouts
from riskloom.features.objects import feast_objects
from riskloom.features.offline import OfflineStore
from riskloom.features.online import OnlineFeatures
from riskloom.features.repository import open_store
from riskloom.schemas.topics import RISK_SCORE_SCHEMA

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def stores(settings, domain, spark, scorer):
    return Stores(settings.model_copy(update={"registry_url": scorer.registry.url}), domain, spark, scorer.registry)


class Stores:
    def __init__(self, settings: Any, domain: Any, spark: Any, registry: Any) -> None:
        self.settings, self.spark, self.registry = settings, spark, registry
        self.offline = OfflineStore(settings.offline_store_root)
        layouts = Layouts(self.offline, [domain])
        layouts.record()
        self.layouts = layouts.all()
        self.feast = open_store(settings)
        self.feast.apply(feast_objects(self.offline, self.layouts))
        self.online = OnlineFeatures(self.feast, self.offline, self.layouts)
        self.schema_id = registry.add(RISK_SCORE_SCHEMA)

    def score(self, event: int, ms: int, **more: Any) -> dict[str, Any]:
        return {
            "event_id": f"e{event}",
            "domain": "payments",
            "entity": "account",
            "entity_id": f"a{event % 5}",
            "event_time": NOON + timedelta(milliseconds=ms),
            "scored_at": NOON + timedelta(days=1),
            "score": 0.25,
            "level": "low",
            "reasons": [{"code": "A", "weight": 0.25, "description": "a"}],
            "features": {"payment_count_1hr": float(event), "mean_amount_24hr": None, "branch_count_1hr": 2.0 * event},
            "rule_version": "1",
            "schema_id": 3,
            "late": event == 1,
            "sequence": event,
            "duplicate": False,
            "entity_sequences": {"branch": 1},
            "entity_ids": {"branch": str(event % 2)},
            "feature_version": self.layouts[0].feature_version,
        } | more

    def framed(self, score: dict[str, Any]) -> bytes:
        return framed(RISK_SCORE_SCHEMA, self.schema_id, score)

    def write(self, number: int, records: list[bytes | None], layouts: Any = None) -> Any:
        rows = [(None if record is None else bytearray(record),) for record in records]
        frame = self.spark.createDataFrame(rows, "value binary")
        scores = read_scores(frame, self.settings, layouts or self.layouts)
        return BatchWriter(self.offline, self.online, layouts or self.layouts, "test", 1).write(scores, number)

    def rows(self) -> list[dict[str, Any]]:
        return self.offline.read("payments", self.layouts[0].schema).sort_by("event_id").to_pylist()

    def counts(self, entity: str, name: str, ids: list[str]) -> list[float | None]:
        found = self.online.read(entity, ids)
        return [rows[0].values[name] if rows else None for rows in found]


def test_scores_become_rows_and_the_newest_of_each_entity_is_online(stores):
    scores = [stores.score(i, 10 * i) for i in range(40)]
    scores[4]["features"] = dict(reversed(scores[4]["features"].items()))  # as a job of another order wrote them
    scores[7]["entity_ids"] = {}
    scores[9]["event_time"] += timedelta(hours=24)
    random.Random(1).shuffle(scores)
    done = stores.write(0, [stores.framed(score) for score in scores])
    assert (done.rows, done.unknown, done.stored) == (40, 0, 5 + 2)
    expected = [
        {
            "event_id": score["event_id"],
            "account_id": score["entity_id"],
            "branch_id": score["entity_ids"].get("branch"),
            "event_timestamp": score["event_time"],
            "created_timestamp": score["scored_at"],
            **{name: score[name] for name in ("sequence", "late", "duplicate", "score", "level", "rule_version")},
            "schema_id": 3,
            "feature_version": score["feature_version"],
            "origin": "stream",
            **score["features"],
        }
        for score in sorted(scores, key=lambda score: score["event_id"])
    ]
    assert stores.rows() == expected
    assert len(stores.offline.parts("payments")) == 2
    assert stores.counts("account", "payment_count_1hr", ["a0", "a4", "a5"]) == [35.0, 9.0, None]
    assert stores.counts("branch", "branch_count_1hr", ["0", "1"]) == [76.0, 18.0]


def test_a_batch_that_is_done_again_replaces_its_first_attempt(stores):
    first = [stores.framed(stores.score(i, i)) for i in range(6)]
    stores.write(0, first)
    stores.write(1, [stores.framed(stores.score(i, i)) for i in range(6, 9)])
    parts = {part.path for part in stores.offline.parts("payments")}
    done = stores.write(1, [stores.framed(stores.score(i, i)) for i in range(6, 9)])
    assert done.stored == 0
    assert len({part.path for part in stores.offline.parts("payments")} & parts) == 1
    assert [row["event_id"] for row in stores.rows()] == [f"e{i}" for i in range(9)]


def test_an_older_batch_leaves_what_is_online(stores):
    stores.write(0, [stores.framed(stores.score(8, 1_000))])
    stores.write(1, [stores.framed(stores.score(3, 10))])
    assert stores.counts("account", "payment_count_1hr", ["a3"]) == [8.0]
    assert len(stores.rows()) == 2


def test_what_is_no_score_is_counted_and_left_out(stores):
    older = {**RISK_SCORE_SCHEMA, "fields": RISK_SCORE_SCHEMA["fields"][:-2]}
    early = {name: value for name, value in stores.score(1, 1).items() if name not in ("entity_ids", "feature_version")}
    records = [
        None,
        b"",
        b"text",
        struct.pack(">bi", 0, 9_999) + b"x",
        stores.framed(stores.score(2, 2))[:-4],
        stores.framed(stores.score(3, 3, feature_version="ffffffff")),
        framed(older, stores.registry.add(older), early),
        stores.framed(stores.score(4, 4)),
    ]
    done = stores.write(0, records)
    assert (done.rows, done.unknown) == (1, 7)
    assert [row["event_id"] for row in stores.rows()] == ["e4"]


def test_rows_of_an_earlier_version_go_where_they_belong(stores, domain):
    older = stores.layouts[0]
    changed = Layouts(stores.offline, [domain.model_copy(update={"count_late": False})])
    changed.record()
    layouts = changed.all()
    stores.online = OnlineFeatures(stores.feast, stores.offline, layouts)
    newer = stores.score(2, 2, feature_version=layouts[0].feature_version)
    stores.write(0, [stores.framed(stores.score(1, 1)), stores.framed(newer)], layouts)
    versions = {one["event_id"]: one["feature_version"] for one in stores.rows()}
    assert versions == {"e1": older.feature_version, "e2": layouts[0].feature_version}
    ((row,),) = stores.online.read("account", ["a1"])
    assert row.layout == older


def test_small_files_are_merged_once_there_are_many(stores, monkeypatch):
    monkeypatch.setattr("riskloom.features.batch._SMALL_FILES", 3)
    for number in range(3):
        stores.write(number, [stores.framed(stores.score(number, number)), stores.framed(stores.score(0, 0))])
    assert len(stores.offline.parts("payments")) == 1
    assert [row["event_id"] for row in stores.rows()] == ["e0", "e1", "e2"]
