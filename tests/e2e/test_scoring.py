"""10,000 good records and 1,000 bad ones of all domains, through the job as a user runs it, on the real servers."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command import riskloom
from confluent_kafka import Producer
from consume import OUTPUTS, Written, written_since
from state_oracle import Oracle

from riskloom.discovery import InstalledDomain, discover
from riskloom.domain import EventDomain
from riskloom.offsets import end_offsets
from riskloom.produce.encode import BatchEncoder, header
from riskloom.schemas.registry import register, register_all, registry_client, subject_of
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

EVENTS = {"claims": 3_500, "transactions": 4_000, "iot": 2_500}
KEYS = {"claims": 60, "transactions": 60, "iot": 20}
"""So few that each has many events in a window, and that users have both claims and transactions."""
START_MS = 1_760_000_000_000
SPAN_MS = 3 * 3_600_000
BAD_OF_EACH_KIND = 200
UNKNOWN_ID = 40_000_000
EVOLVED = "transactions"
NEW_FIELD = {"name": "instalments", "type": ["null", "int"], "default": None}
EPOCH = datetime.fromtimestamp(0, UTC)

Fields = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """A good event and the record that carries it."""

    domain: str
    event_id: str
    key: str
    time_ms: int
    fields: Fields
    schema_id: int
    value: bytes


@dataclass(frozen=True)
class Bad:
    """A record that cannot be decoded, and what its dead letter must say."""

    domain: str
    reason: str
    schema_id: int | None
    value: bytes
    key: bytes = b"key"


PYTHON: dict[str, Callable[[Fields], Any]] = {
    "amount": lambda event: event["amount"],
    "claim_amount": lambda event: event["claim_amount"],
    "error_count": lambda event: float(event["error_count"]),
    "authorization_status = 'approved'": lambda event: event["authorization_status"] == "approved",
    "authorization_status = 'declined'": lambda event: event["authorization_status"] == "declined",
}
"""The SQL of the window features that are recounted, in Python."""
AMONG_RECOUNTED = {
    "claim_count_2min",
    "claim_count_24hr",
    "last_claim_amount",
    "user_declined_count_1hr",
    "transaction_count_1hr",
    "transaction_amount_24hr",
    "stddev_transaction_amount_7d",
    "user_claim_count_24hr",
    "mean_error_count",
}
"""Counts and sums, of the domain itself and of another."""


@dataclass(frozen=True)
class Run:
    """What went in, and what came out."""

    domains: Mapping[str, InstalledDomain]
    events: Mapping[tuple[str, str], Event]
    """By domain and event id, each domain's in the order of sending."""
    bad: Mapping[tuple[str, int, int], Bad]
    """By topic, partition and offset."""
    written: Written

    @property
    def scores(self) -> dict[tuple[str, str], dict[str, Any]]:
        return {(score["domain"], score["event_id"]): score for score in self.written.scores}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Servers of these tests' own: every record of theirs is counted."""
    home = tmp_path_factory.mktemp("scoring")
    with LocalStack(home, short_lived=True).running() as addresses:
        yield Settings(home=home, **addresses)


@pytest.fixture(scope="module")
def run(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Run:
    domains = {installed.name: installed for installed in discover(only=tuple(EVENTS))}
    ensure_topics(settings, list(domains.values()))
    registered = register_all(settings, list(domains.values()))
    ids = {name: [registered[one.domain.topic.name].schema_id] for name, one in domains.items()}
    newer = _evolved(domains[EVOLVED].domain.avro_schema)
    with registry_client(settings) as client:
        second = register(client, subject_of(domains[EVOLVED].domain.topic.name), newer)
    assert second.version == 2
    ids[EVOLVED].append(second.schema_id)

    events = {name: _events(domains[name], ids[name]) for name in EVENTS}
    bad = _malformed(events, known={schema_id for several in ids.values() for schema_id in several})
    begin = end_offsets(settings, OUTPUTS)
    places = _send(settings, domains, events, bad)
    # Several batches, so that windows go on from one to the next.
    checkpoint = str(tmp_path_factory.mktemp("checkpoint"))
    riskloom(
        settings,
        "run",
        "--mode=available-now",
        "--max-batch-events=4000",
        "--materialize-every=off",
        f"--checkpoint={checkpoint}",
    )
    return Run(
        domains=domains,
        events={(event.domain, event.event_id): event for of_domain in events.values() for event in of_domain},
        bad=places,
        written=written_since(settings, begin),
    )


def _evolved(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "fields": [*schema["fields"], NEW_FIELD]}


def _events(installed: InstalledDomain, schema_ids: Sequence[int]) -> list[Event]:
    """Make events of a few keys; where there are two versions of the schema, they take turns."""
    domain, n = installed.domain, EVENTS[installed.name]
    module, _, factory = domain.generator.partition(":")
    times = START_MS + np.arange(n, dtype=np.int64) * SPAN_MS // n
    batch = getattr(import_module(module), factory)(seed=7).batch(times)
    keys = pa.array([f"{domain.key_entity.name}-{i}" for i in random.Random(7).choices(range(KEYS[domain.name]), k=n)])
    batch = batch.set_column(batch.schema.get_field_index(domain.key), batch.schema.field(domain.key), keys)
    versions = [_values(BatchEncoder(domain.avro_schema, schema_ids[0], domain.key), batch)]
    if len(schema_ids) > 1:
        later = batch.append_column(pa.field(NEW_FIELD["name"], pa.int32()), pa.array([3] * n, pa.int32()))
        versions.append(_values(BatchEncoder(_evolved(domain.avro_schema), schema_ids[1], domain.key), later))
    return [
        Event(
            domain.name,
            fields[domain.event_id],
            fields[domain.key],
            int(times[i]),
            fields,
            schema_ids[i % len(schema_ids)],
            versions[i % len(versions)][i],
        )
        for i, fields in enumerate(batch.to_pylist())
    ]


def _values(encoder: BatchEncoder, batch: pa.RecordBatch) -> list[bytes]:
    return [value for part in encoder.values(batch) for value in part.to_pylist()]


def _malformed(events: Mapping[str, Sequence[Event]], known: set[int]) -> list[Bad]:
    """Spoil records in each of five ways, of each domain in turn."""
    chance, bad = random.Random(11), []
    for i in range(BAD_OF_EACH_KIND):
        event = chance.choice(events[list(EVENTS)[i % len(EVENTS)]])
        name, value = event.domain, event.value
        bad += [
            _noise(name, chance.randbytes(chance.randrange(64)), known),
            Bad(name, "bad_magic", None, bytes([chance.randrange(1, 256)]) + value[1:]),
            Bad(name, "unknown_schema_id", UNKNOWN_ID + i % 7, header(UNKNOWN_ID + i % 7) + value[5:]),
            Bad(name, "malformed_body", event.schema_id, value[: chance.randrange(5, len(value))]),
            Bad(name, "bad_magic", None, json.dumps(event.fields, default=str).encode()),
        ]
    return bad


def _noise(domain: str, value: bytes, known: set[int]) -> Bad:
    """Say what random bytes must be refused for."""
    if len(value) < 5:
        return Bad(domain, "too_short", None, value)
    if value[0]:
        return Bad(domain, "bad_magic", None, value)
    schema_id = int.from_bytes(value[1:5], "big", signed=True)
    assert schema_id not in known
    return Bad(domain, "unknown_schema_id", schema_id, value)


def _send(
    settings: Settings,
    domains: Mapping[str, InstalledDomain],
    events: Mapping[str, Sequence[Event]],
    bad: Sequence[Bad],
) -> dict[tuple[str, int, int], Bad]:
    """Send all records, the bad ones at random places among the good; answer where the bad ones are."""
    chance = random.Random(13)
    by_time = sorted((event for of_domain in events.values() for event in of_domain), key=lambda event: event.time_ms)
    places = [*(position for position, _ in enumerate(by_time)), *(chance.uniform(0, len(by_time)) for _ in bad)]
    records: list[Event | Bad] = [*by_time, *bad]
    producer, found = Producer(settings.kafka(acks="all")), {}

    def keep(record: Bad) -> Callable[[Any, Any], None]:
        def delivered(error: Any, message: Any) -> None:
            assert error is None, error
            found[message.topic(), message.partition(), message.offset()] = record

        return delivered

    for _, record in sorted(zip(places, records, strict=True), key=lambda pair: pair[0]):
        topic = domains[record.domain].domain.topic
        if isinstance(record, Event):
            producer.produce(topic.name, record.value, record.key)
        else:
            partition = chance.randrange(topic.partitions)
            producer.produce(topic.name, record.value, record.key, partition, on_delivery=keep(record))
        producer.poll(0)
    assert producer.flush(60) == 0
    return found


def test_every_event_is_scored_once(run: Run) -> None:
    assert len(run.events) == sum(EVENTS.values()) == 10_000
    assert len(run.written.scores) == 10_000
    assert run.scores.keys() == run.events.keys()


def test_a_score_tells_what_it_is_of(run: Run) -> None:
    for identity, score in run.scores.items():
        event, domain = run.events[identity], run.domains[identity[0]].domain
        assert score["entity"] == domain.key_entity.name
        assert score["entity_id"] == event.key
        assert score["event_time"] == EPOCH + timedelta(milliseconds=event.time_ms)
        assert score["rule_version"] == domain.rule.version
        assert not score["late"]
        assert score["features"].keys() == set(domain.feature_names)


def test_the_reasons_add_up_to_the_score(run: Run) -> None:
    for identity, score in run.scores.items():
        domain = run.domains[identity[0]].domain
        codes = [reason["code"] for reason in score["reasons"]]
        assert len(set(codes)) == len(codes)
        assert set(codes) <= {term.code for term in domain.rule.terms}
        assert sum(reason["weight"] for reason in score["reasons"]) == pytest.approx(score["score"], abs=1e-12)
        reached = [band for band in domain.rule.bands if score["score"] >= band.at_least]
        assert score["level"] == max(reached, key=lambda band: band.at_least).level


def test_events_of_two_schema_versions_are_scored_in_one_run(run: Run) -> None:
    written = {identity: score["schema_id"] for identity, score in run.scores.items()}
    assert written == {identity: event.schema_id for identity, event in run.events.items()}
    halves = Counter(schema_id for (name, _), schema_id in written.items() if name == EVOLVED)
    assert sorted(halves.values()) == [EVENTS[EVOLVED] // 2] * 2


def test_every_malformed_record_is_a_dead_letter_with_its_place_and_reason(run: Run) -> None:
    assert len(run.bad) == 5 * BAD_OF_EACH_KIND == 1_000
    assert len(run.written.dead_letters) == 1_000
    found = {}
    for letter in run.written.dead_letters:
        assert letter["stage"] == "decode"
        assert letter["detail"]
        place = letter["source"], letter["partition"], letter["offset"]
        found[place] = Bad(*(letter[name] for name in ("domain", "reason", "schema_id", "value", "key")))
    assert found == run.bad


def test_the_sequence_counts_the_events_of_a_key_across_domains(run: Run) -> None:
    sequences: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for score in run.written.scores:
        sequences[score["entity"], score["entity_id"]].append(score["sequence"])
    assert len(sequences) == KEYS["transactions"] + KEYS["iot"]
    for numbers in sequences.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
    # A key's events of one domain are seen in the order in which they were sent.
    scores, last = run.scores, Counter[tuple[str, str]]()
    for identity, event in run.events.items():
        assert scores[identity]["sequence"] > last[event.domain, event.key]
        last[event.domain, event.key] = scores[identity]["sequence"]


def _recountable(domain: EventDomain) -> EventDomain:
    features = [
        feature
        for feature in domain.window_features
        if feature.entity is None and {feature.value, feature.other, feature.where} <= {None, *PYTHON}
    ]
    return domain.model_copy(update={"window_features": tuple(features)})


def test_windows_equal_an_exact_recount_in_the_order_of_the_sequence(run: Run) -> None:
    domains = {name: _recountable(installed.domain) for name, installed in run.domains.items()}
    assert {name for domain in domains.values() for name in domain.feature_names} >= AMONG_RECOUNTED
    oracle, busiest = Oracle(list(domains.values()), PYTHON), 0.0
    for identity, score in sorted(run.scores.items(), key=lambda pair: pair[1]["sequence"]):
        event, domain = run.events[identity], domains[identity[0]]
        fields = event.fields | {domain.event_time: event.time_ms}
        expected = oracle.score(domain.name, fields)
        assert (score["sequence"], score["late"]) == (expected.sequence, expected.late)
        for name, value in expected.features.items():
            assert value.agrees(score["features"][name]), (name, score["sequence"], score["features"][name], value)
        busiest = max(busiest, score["features"].get("transaction_count_1hr", 0.0))
    assert busiest > 20
