"""A replay in the order of the sequence numbers gives the scores of the stream, whatever order the records are in."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kinds import DOMAINS, history
from replay import Score, identities, identity, kept_for_customer
from scoring import _SCHEMAS, Scorer, framed, read

from riskloom.schemas.registry import RegisteredSchema
from riskloom.schemas.topics import RISK_SCORE_SCHEMA
from riskloom.stream.job import scored
from riskloom.stream.plan import job_plan
from riskloom.stream.replay import in_order, nothing_served, read_events, read_served
from riskloom.topics import SCORES_TOPIC

EVENTS = history(seed=11, count=400)
COLUMNS = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"
STORED = "value binary, offset long"


class Stream:
    """The events as records in Kafka, and what the stream made of them."""

    def __init__(self, scorer: Scorer) -> None:
        self.spark = scorer.spark
        domains = [installed.domain for installed in DOMAINS.values()]
        ids = {domain.name: scorer.registry.add(domain.avro_schema) for domain in domains}
        scorer.registry.schemas[_SCHEMAS[SCORES_TOPIC].schema_id] = RISK_SCORE_SCHEMA
        own = {d.topic.name: RegisteredSchema(d.topic.name, 2101 + i, 1) for i, d in enumerate(domains)}
        self.plan = job_plan(scorer.settings, domains, own | _SCHEMAS)
        self.records = [
            (
                None,
                bytearray(framed(DOMAINS[event.domain].domain.avro_schema, ids[event.domain], event.fields)),
                event.domain,
                0,
                offset,
                # All at one moment, as after a pause: the order of arrival is that of the offsets.
                datetime(2030, 1, 1, tzinfo=UTC),
            )
            for offset, event in enumerate(EVENTS)
        ]
        self.written = [bytes(row.value) for row in scored(self.frame(self.records), self.plan).collect()]

    def frame(self, records: list[Any]) -> Any:
        return self.spark.createDataFrame(records, COLUMNS).coalesce(1)

    def served(self, values: list[bytes]) -> Any:
        stored = self.spark.createDataFrame([(bytearray(value), i) for i, value in enumerate(values)], STORED)
        return read_served(stored, self.plan)


@pytest.fixture(scope="module")
def stream(scorer: Scorer) -> Stream:
    return Stream(scorer)


def kept(values: list[bytes]) -> list[Any]:
    scores: list[Score] = [read(SCORES_TOPIC, value) for value in values]
    return sorted(
        ((identity(score), kept_for_customer(score), score["features"], score["entity_sequences"]) for score in scores),
        key=repr,
    )


def test_every_score_comes_out_again(stream: Stream, tmp_path: Path) -> None:
    chance = random.Random(1)
    shuffled = list(stream.records)
    chance.shuffle(shuffled)
    # Offsets of each topic as they were; but the topics' records are in another order to each other.
    moved = [(*record[:4], record[4] + 10_000 * (record[2] == "orders"), record[5]) for record in shuffled]
    # The scores of a key are in order; those of others lie between, and some were written twice.
    first = [read(SCORES_TOPIC, value)["entity_id"] < "orders" for value in stream.written]
    values = [v for v, early in zip(stream.written, first, strict=True) if not early]
    values += [v for v, early in zip(stream.written, first, strict=True) if early]
    placed = in_order(
        read_events(stream.frame(moved), stream.plan),
        stream.served(values + values[-90:]),
        stream.plan,
        tmp_path / "events",
    )
    assert placed.events.where("NOT served").count() == 0
    again = [bytes(row.value) for row in placed.scored().collect()]
    assert len(again) == len(EVENTS) > len(identities(EVENTS)) / 2
    assert repr(kept(again)) == repr(kept(stream.written))


def test_without_its_scores_history_goes_by_event_time(stream: Stream, scorer: Scorer, tmp_path: Path) -> None:
    shuffled = list(stream.records)
    random.Random(2).shuffle(shuffled)
    events = read_events(stream.frame(shuffled), stream.plan)
    placed = in_order(events, nothing_served(stream.spark), stream.plan, tmp_path / "events")
    assert placed.events.where("served").count() == 0
    again = [bytes(row.value) for row in placed.scored().collect()]
    assert not any(read(SCORES_TOPIC, value)["late"] for value in again)
    by_time = sorted(stream.records, key=lambda r: (EVENTS[r[4]].fields["ts"], r[2], r[3], r[4]))
    expected = scored(stream.frame([(*r[:4], i, r[5]) for i, r in enumerate(by_time)]), stream.plan).collect()
    assert repr(kept(again)) == repr(kept([bytes(row.value) for row in expected]))


def test_an_event_without_a_score_is_put_where_its_time_says(stream: Stream, tmp_path: Path) -> None:
    lost = [value for value in stream.written if read(SCORES_TOPIC, value)["entity_id"] != "orders-1"]
    of_key = [value for value in stream.written if read(SCORES_TOPIC, value)["entity_id"] == "orders-1"]
    newest = max(of_key, key=lambda value: read(SCORES_TOPIC, value)["sequence"])
    rest = [value for value in of_key if value != newest]
    events = read_events(stream.frame(stream.records), stream.plan)
    placed = in_order(events, stream.served(lost + rest), stream.plan, tmp_path / "events")
    missing = placed.events.where("NOT served").collect()
    assert [row.event_id for row in missing] == [read(SCORES_TOPIC, newest)["event_id"]]
    mine = {row.event_id: row.place_1 for row in placed.events.where("key = 'orders-1'").collect()}
    earlier = [value for value in rest if read(SCORES_TOPIC, value)["event_time"] <= missing_time(missing[0])]
    assert earlier
    assert all(mine[read(SCORES_TOPIC, value)["event_id"]] < missing[0].place_1 for value in earlier)


def missing_time(row: Any) -> datetime:
    return datetime.fromtimestamp(row.event_ms / 1000, UTC)


def test_a_state_that_began_anew_comes_after_the_one_before(stream: Stream, tmp_path: Path) -> None:
    values = [value for value in stream.written if read(SCORES_TOPIC, value)["entity_id"] == "refunds-1"]
    events = read_events(stream.frame(stream.records), stream.plan).where("key = 'refunds-1'")
    before = stream.served(values)
    median = sorted(read(SCORES_TOPIC, value)["sequence"] for value in values)[len(values) // 2]
    # The same scores, had the state been dropped half-way: the second half was computed a day later, from 1 on.
    after = before.where(f"element_at(sequences, -1) >= {median}").selectExpr(
        "domain",
        "event_id",
        "key",
        "scored_ms + 86400000 AS scored_ms",
        "duplicate",
        f"transform(sequences, (s, i) -> IF(i = 1, s - {median - 1}, s)) AS sequences",
        "at",
    )
    both = before.where(f"element_at(sequences, -1) < {median}").unionByName(after)
    whole = in_order(events, before, stream.plan, tmp_path / "whole").events
    parts = in_order(events, both, stream.plan, tmp_path / "parts").events
    columns = ("event_id", "offset", "place_1")
    assert sorted(parts.select(*columns).collect()) == sorted(whole.select(*columns).collect())
