"""The shipped domains, events of theirs, and their scores as DuckDB works them out over an exact recount of windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from state_oracle import Oracle

from riskloom.discovery import discover
from riskloom.domain import EventDomain
from riskloom.duck import connect, with_stages
from riskloom.produce.synthetic import COMPROMISED_USERS, USERS, population
from riskloom.rules import scoring_stages

NAMES = ("claims", "transactions", "iot")
START_MS = 1_760_000_000_000
EVENTS = 6_000
FEW_DEVICES = 60
FEW_USERS = 1_000
CLAIMANTS_PAYMENTS = 1_500
SPAN_MS = 600_000
RATE = 0.03


def generator_class(domain: EventDomain) -> Callable[..., Any]:
    module, _, name = domain.generator.partition(":")
    return getattr(import_module(module), name)


def make(
    domain: EventDomain,
    n: int,
    *,
    seed: int = 1,
    rate: float | None = None,
    batches: int = 4,
    span_ms: int | None = None,
    start_ms: int = START_MS,
) -> pa.Table:
    """Make n events, spread over as long as the population takes for them where its pace is known, else `SPAN_MS`."""
    generator = generator_class(domain)(seed=seed, **({} if rate is None else {"pattern_rate": rate}))
    pace = getattr(generator, "pace", None)
    span_ms = span_ms or (SPAN_MS if pace is None else round(1000 * n / pace))
    times = start_ms + np.arange(n, dtype=np.int64) * span_ms // n
    return pa.Table.from_batches([generator.batch(part) for part in np.array_split(times, batches)])


def histories(iot: EventDomain) -> pa.Table:
    """Make readings of a few devices, about 100 of each at their own pace: all of them report in turns."""
    readings = make(iot, 200_000, rate=0.05, batches=10, span_ms=1_600_000)
    return readings.filter(pc.is_in(readings[iot.key], population("devices", FEW_DEVICES)))


def payments(transactions: EventDomain) -> pa.Table:
    """Make payments of a few users over days; what a merchant does to all users does not show in them."""
    days = make(transactions, 300_000, rate=RATE, batches=20, start_ms=START_MS + SPAN_MS)
    few = population("users", USERS)[COMPROMISED_USERS : COMPROMISED_USERS + FEW_USERS]
    own = days.filter(pc.is_in(days[transactions.key], few))
    return own.filter(pc.invert(pc.equal(own["fraud_pattern"], "merchant_fraud").fill_null(False)))


def payments_of_claimants(transactions: EventDomain, claims: pa.Table) -> pa.Table:
    """Make many payments of some who claim, while they do."""
    claimants = claims["user_id"][: len(claims) // 40]
    while_they_claim = claims["timestamp"][len(claimants)].cast(pa.int64()).as_py() - START_MS
    table = make(transactions, CLAIMANTS_PAYMENTS, seed=2, rate=0.5, span_ms=while_they_claim)
    users = claimants.take(pa.array(np.arange(CLAIMANTS_PAYMENTS) % len(claimants)))
    return table.set_column(table.column_names.index("user_id"), table.schema.field("user_id"), users)


def sql_of_sources(domains: Mapping[str, EventDomain]) -> dict[str, list[str]]:
    """List the SQL of window features by the domain whose fields it speaks of."""
    texts: dict[str, dict[str, None]] = {name: {} for name in domains}
    for name, domain in domains.items():
        for feature in domain.window_features:
            given = (feature.value, feature.other, feature.where)
            texts[feature.source or name].update(dict.fromkeys(sql for sql in given if sql))
    return {name: list(found) for name, found in texts.items()}


def windows(
    connection: duckdb.DuckDBPyConnection, domains: Mapping[str, EventDomain], events: Mapping[str, pa.Table]
) -> dict[str, dict[str, list[float | None]]]:
    """Work out every window feature of every event, all domains in the order of their times, by the reference."""
    texts = sql_of_sources(domains)
    arrivals: list[tuple[int, str, dict[str, Any]]] = []
    for name, domain in domains.items():
        names = [f"_sql_{i}" for i in range(len(texts[name]))]
        table = with_stages(connection, events[name], [dict(zip(names, texts[name], strict=True))])
        kept = [domain.event_id, domain.event_time, *(entity.field for entity in domain.entities), *names]
        table = table.select(kept)
        at = table.column_names.index(domain.event_time)
        table = table.set_column(at, domain.event_time, events[name][domain.event_time].cast(pa.int64()))
        arrivals.extend(
            (row[domain.event_time], name, row | dict(zip(texts[name], map(row.get, names), strict=True)))
            for row in table.to_pylist()
        )
    arrivals.sort(key=lambda arrival: arrival[0])
    oracle = Oracle(list(domains.values()), {sql: itemgetter(sql) for sqls in texts.values() for sql in sqls})
    answer: dict[str, dict[str, list[float | None]]] = {
        name: {feature.name: [] for feature in domain.window_features} for name, domain in domains.items()
    }
    for _, name, event in arrivals:
        for feature, value in oracle.score(name, event).features.items():
            answer[name][feature].append(value.number)
    return answer


@pytest.fixture(scope="session")
def domains() -> dict[str, EventDomain]:
    return {found.name: found.domain for found in discover(only=NAMES)}


@pytest.fixture(params=NAMES)
def domain(request: pytest.FixtureRequest, domains: dict[str, EventDomain]) -> EventDomain:
    return domains[request.param]


@pytest.fixture(scope="session")
def make_events() -> Callable[..., pa.Table]:
    return make


@pytest.fixture(scope="session")
def scored(domains: dict[str, EventDomain]) -> dict[str, pa.Table]:
    """Events of all domains, with their features, terms and scores; as `claimants`, payments of those who claim."""
    connection = connect()
    events = {name: make(domain, EVENTS, rate=RATE) for name, domain in domains.items()}
    events["iot"] = histories(domains["iot"])
    first = payments_of_claimants(domains["transactions"], events["claims"])
    events["transactions"] = pa.concat_tables([first, payments(domains["transactions"])])
    counted = windows(connection, domains, events)
    tables = {}
    for name, domain in domains.items():
        table = events[name]
        for feature, values in counted[name].items():
            table = table.append_column(feature, pa.array(values, type=pa.float64()))
        tables[name] = with_stages(connection, table, scoring_stages(domain))
    connection.close()
    tables["claimants"] = tables["transactions"].slice(0, CLAIMANTS_PAYMENTS)
    tables["transactions"] = tables["transactions"].slice(CLAIMANTS_PAYMENTS)
    return tables
