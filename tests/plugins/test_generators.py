"""What the generators make: events that fit their schema, the same for the same seed, with the pattern at its rate."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.validation import validate

from riskloom.domain import EventDomain, EventGenerator
from riskloom.produce.synthetic import COMPROMISED_USERS, USERS, population
from riskloom.schemas.arrow import arrow_schema

MakeEvents = Callable[..., pa.Table]
LABEL = {"claims": "fraud_pattern", "transactions": "fraud_pattern", "iot": "anomaly_pattern"}


def factory(domain: EventDomain) -> Callable[..., Any]:
    module, _, name = domain.generator.partition(":")
    return getattr(import_module(module), name)


def patterned(domain: EventDomain, events: pa.Table) -> pa.Table:
    return events.filter(pc.is_valid(events[LABEL[domain.name]]))


def test_columns_are_the_fields_of_the_schema(domain: EventDomain) -> None:
    generator = factory(domain)(seed=3)
    assert isinstance(generator, EventGenerator)
    assert generator.batch(np.arange(5)).schema == arrow_schema(domain.avro_schema)
    assert generator.batch(np.empty(0, dtype=np.int64)).num_rows == 0


def test_events_survive_avro(domain: EventDomain, make_events: MakeEvents) -> None:
    schema = parse_schema(domain.avro_schema)
    for event in make_events(domain, 500, rate=0.2).to_pylist():
        maps = {name: dict(value) for name, value in event.items() if name == "sensor_readings"}
        event |= maps
        assert validate(event, schema)
        body = io.BytesIO()
        schemaless_writer(body, schema, event)
        body.seek(0)
        read = schemaless_reader(body, schema)
        assert body.read() == b""
        uuids = {name: str(value) for name, value in read.items() if type(value).__name__ == "UUID"}
        assert len(uuids) >= 2
        assert read | uuids == event


def test_same_seed_same_events(domain: EventDomain, make_events: MakeEvents) -> None:
    first = make_events(domain, 2_000, seed=7, rate=0.1)
    assert make_events(domain, 2_000, seed=7, rate=0.1).equals(first)
    other = make_events(domain, 2_000, seed=8, rate=0.1)
    assert not set(first[domain.event_id].to_pylist()) & set(other[domain.event_id].to_pylist())


def test_nothing_that_must_be_there_is_null(domain: EventDomain, make_events: MakeEvents) -> None:
    events = make_events(domain, 5_000, rate=0.1)
    optional = {field["name"] for field in domain.avro_schema["fields"] if isinstance(field["type"], list)}
    assert {name for name in events.column_names if events[name].null_count} <= optional
    assert len(set(events[domain.event_id].to_pylist())) == 5_000


def test_numbers_are_finite_and_in_their_ranges(domain: EventDomain, make_events: MakeEvents) -> None:
    events = make_events(domain, 20_000, rate=0.1)
    for name in events.column_names:
        if pa.types.is_floating(events.schema.field(name).type):
            values = events[name].to_numpy()
            assert np.isfinite(values).all(), name
            if name.endswith(("_score", "_probability", "_severity", "_health", "_level", "_used")):
                assert values.min() >= 0, name
                assert values.max() <= 1, name
            if name.endswith(("amount", "limit", "tolerance", "interval_hours")):
                assert values.min() >= 0, name


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_pattern_has_its_rate(domain: EventDomain, make_events: MakeEvents, rate: float) -> None:
    share = patterned(domain, make_events(domain, 60_000, rate=rate, batches=60)).num_rows / 60_000
    assert 0.65 * rate < share < 1.35 * rate  # 50 to 1,500 bursts, those near the end with events still to come


def test_pattern_is_off_at_rate_zero(domain: EventDomain, make_events: MakeEvents) -> None:
    assert patterned(domain, make_events(domain, 10_000, rate=0.0)).num_rows == 0


def test_pattern_is_on_without_asking(domain: EventDomain, make_events: MakeEvents) -> None:
    share = patterned(domain, make_events(domain, 60_000)).num_rows / 60_000
    assert 0.01 < share < 0.02


def test_a_rate_must_be_a_share(domain: EventDomain, make_events: MakeEvents) -> None:
    with pytest.raises(ValueError, match="not a share"):
        make_events(domain, 10, rate=1.0)


def test_patterns_hit_one_key_several_times(domain: EventDomain, make_events: MakeEvents) -> None:
    events = patterned(domain, make_events(domain, 30_000, rate=0.01, batches=30))
    if domain.name == "transactions":  # there, one pattern is about a merchant
        events = events.filter(pc.not_equal(events["fraud_pattern"], "merchant_fraud"))
    counts = pc.value_counts(events[domain.key]).field("counts").to_numpy()
    assert counts.max() >= 4


def test_same_people_in_claims_and_transactions(domains: dict[str, EventDomain], make_events: MakeEvents) -> None:
    users = population("users", USERS).to_pylist()
    for name in ("claims", "transactions"):
        events = make_events(domains[name], 20_000, seed=11, rate=0.05)
        assert set(events["user_id"].to_pylist()) <= set(users)
        found = patterned(domains[name], events)["user_id"].to_pylist()
        assert np.isin(found, users[:COMPROMISED_USERS]).mean() > 0.1  # of all users, they are a fiftieth


def test_a_user_has_one_home_in_both_domains(domains: dict[str, EventDomain], make_events: MakeEvents) -> None:
    claims = make_events(domains["claims"], 20_000)
    homes = dict(zip(claims["user_id"].to_pylist(), claims["home_location"].to_pylist(), strict=True))
    payments = make_events(domains["transactions"], 20_000)
    payments = payments.filter(pc.equal(payments["home_distance_km"], 0.0))
    met = [
        (u, p) for u, p in zip(*(payments[c].to_pylist() for c in ("user_id", "location")), strict=True) if u in homes
    ]
    assert len(met) > 1_000
    assert all(homes[user] == place for user, place in met)


@pytest.mark.parametrize("start", ["1999-12-31", "2024-02-29", "2041-07-01"])
def test_events_can_be_of_any_time(domain: EventDomain, start: str) -> None:
    times = int(np.datetime64(start, "ms").astype(np.int64)) + np.arange(30_000) * 86_400  # a month in one call
    events = factory(domain)(seed=2).batch(times)
    assert events[domain.event_time].cast(pa.int64()).to_pylist() == times.tolist()
    assert 100 < events[LABEL[domain.name]].null_count < 30_000


def test_making_events_is_quick(domain: EventDomain) -> None:
    generator, spent = factory(domain)(seed=2), []
    for part in range(8):
        begun = time.process_time()
        generator.batch(1_760_000_000_000 + part * 2_000_000 + np.arange(20_000) * 100)
        spent.append(time.process_time() - begun)
    assert 20_000 / min(spent) > 200_000
