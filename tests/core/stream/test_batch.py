"""Events scored in a batch with neither Kafka nor a registry, held to the reference."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from kinds import DOMAINS, PYTHON, SCHEMA, Event, history
from scoring import framed
from state_oracle import Oracle

from riskloom.domain import EventDomain
from riskloom.schemas.arrow import record_batch
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.stream.batch import ORDER, RECORDS, score_events, score_records

ALL = [installed.domain for installed in DOMAINS.values()]
EVENTS = history(seed=11, count=1_500)


@pytest.fixture(scope="session")
def settings(home: Path) -> Settings:
    # Nothing listens there: whoever asks a registry fails.
    return Settings(home=home, registry_url="http://127.0.0.1:9")


def tables(events: list[Event], *, order: bool) -> dict[str, pa.Table]:
    """Put each domain's events into a table."""
    rows: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for i, event in enumerate(events):
        rows[event.domain].append((i, event.fields))
    made = {}
    for name, numbered in rows.items():
        columns = {field["name"]: [fields[field["name"]] for _, fields in numbered] for field in SCHEMA["fields"]}
        batch = record_batch(DOMAINS[name].domain.avro_schema, columns)
        made[name] = pa.Table.from_batches([batch])
        if order:
            made[name] = made[name].append_column(ORDER, pa.array([i for i, _ in numbered], pa.int64()))
    return made


def scores_of(found: Any) -> dict[tuple[str, str, bool], dict[str, Any]]:
    rows = [row for domain in ALL for row in found.table(domain.name).to_pylist()]
    return {(row["domain"], row["event_id"], row["duplicate"]): row for row in rows}


def assert_expected(events: list[Event], scores: dict[tuple[str, str, bool], dict[str, Any]]) -> None:
    """Hold scores to the reference, which sees the events in this order."""
    oracle = Oracle(ALL, PYTHON)
    assert len(scores) == len(events)
    for name, fields in events:
        expected = oracle.score(name, fields)
        score = scores[name, fields["id"], expected.duplicate]
        assert (score["late"], score["sequence"]) == (expected.late, expected.sequence)
        for feature, value in expected.features.items():
            assert value.agrees(score["features"][feature]), (name, fields, feature, value)


def test_scores_agree_with_the_reference_in_the_order_asked_for(spark: Any, settings: Settings) -> None:
    told: list[int] = []
    with score_events(spark, settings, ALL, tables(EVENTS, order=True), progress=told.append) as found:
        scores = scores_of(found)
        assert list(found.dead_letters()) == []
    assert_expected(EVENTS, scores)
    assert told == sorted(told)


def test_without_an_order_domains_meet_by_event_time_and_keep_their_own(spark: Any, settings: Settings) -> None:
    # An event that comes behind its domain's newest is taken when that one is.
    newest: dict[str, int] = defaultdict(int)
    numbered = []
    for i, event in enumerate(EVENTS):
        newest[event.domain] = max(newest[event.domain], event.fields["ts"])
        numbered.append((newest[event.domain], list(DOMAINS).index(event.domain), i, event))
    # Ties of different domains are broken by the number of the event within the millisecond, then by domain.
    numbered.sort(key=lambda one: one[0])
    merged: list[tuple[int, int, int, Event]] = []
    ties: dict[tuple[int, str], int] = defaultdict(int)
    for at, domain, i, event in numbered:
        ties[at, event.domain] += 1
        merged.append((at, ties[at, event.domain], domain, i, event))  # type: ignore[arg-type]
    merged.sort(key=lambda one: one[:4])
    batches = {name: iter(table.to_batches(max_chunksize=37)) for name, table in tables(EVENTS, order=False).items()}
    with score_events(spark, settings, ALL, batches) as found:
        scores = scores_of(found)
    assert_expected([one[-1] for one in merged], scores)  # type: ignore[misc]


def test_features_are_in_the_order_of_declaration_and_rows_sum_up(spark: Any, settings: Settings) -> None:
    domain = DOMAINS["orders"].domain
    with score_events(spark, settings, [domain], {"orders": tables(EVENTS, order=False)["orders"]}) as found:
        table = found.table("orders")
        assert found.schema("orders").equals(table.schema)
    assert [field.name for field in table.schema.field("features").type] == list(domain.feature_names)
    for row in table.to_pylist():
        assert row["score"] == pytest.approx(sum(reason["weight"] for reason in row["reasons"]))
        assert row["features"]["refunded"] == 0.0  # its source is not there


def test_records_are_read_by_their_writer_and_bad_ones_are_dead_letters(spark: Any, settings: Settings) -> None:
    domain = EventDomain(
        **{**DOMAINS["visits"].domain.model_dump(), "window_features": (), "derived_features": ()}
        | {"rule": {"version": "1", "terms": [{"code": "A", "sql": "amount / 10", "weight": 1.0}]}}
    )
    fields = EVENTS[0].fields | {"amount": 5.0}
    older = {**SCHEMA, "fields": [field for field in SCHEMA["fields"] if field["name"] != "store"]}
    values = [framed(older, 77, fields), b"\x00\x00\x00\x00\x4d", b"", framed(SCHEMA, 5, fields | {"id": "new"})]
    records = pa.RecordBatch.from_arrays([["visits"] * 4, values, [0, 1, 2, 3]], schema=RECORDS)
    schemas = {"visits": RegisteredSchema("visits-value", 5, 2)}
    with score_records(spark, settings, [domain], schemas, [records], writers={77: older}) as found:
        rows = found.table("visits").to_pylist()
        letters = {letter["offset"]: letter["reason"] for letter in found.dead_letters()}
    assert {row["event_id"]: (row["schema_id"], row["score"]) for row in rows} == {
        fields["id"]: (77, 0.5),
        "new": (5, 0.5),
    }
    assert letters == {1: "malformed_body", 2: "too_short"}


def test_nothing_makes_nothing(spark: Any, settings: Settings) -> None:
    with score_events(spark, settings, ALL, {}) as found:
        assert found.table("orders").num_rows == 0
