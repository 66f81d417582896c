"""The shipped domains, events of theirs, and their scores as DuckDB works them out over an exact recount of windows."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
import sqlglot

from riskloom.discovery import discover
from riskloom.domain import EventDomain, WindowFeature, window_length
from riskloom.rules import scoring_stages

NAMES = ("claims", "transactions", "iot")
START_MS = 1_760_000_000_000
EVENTS = 6_000
SPAN_MS = 600_000
RATE = 0.03


def generator_class(domain: EventDomain) -> Callable[..., Any]:
    module, _, name = domain.generator.partition(":")
    return getattr(import_module(module), name)


def rate_argument(domain: EventDomain, rate: float) -> dict[str, float]:
    return {"anomaly_rate" if domain.name == "iot" else "fraud_rate": rate}


def make(domain: EventDomain, n: int, *, seed: int = 1, rate: float | None = None, batches: int = 4) -> pa.Table:
    """Make n events spread over `SPAN_MS`."""
    generator = generator_class(domain)(seed=seed, **({} if rate is None else rate_argument(domain, rate)))
    times = START_MS + np.arange(n, dtype=np.int64) * SPAN_MS // n
    return pa.Table.from_batches([generator.batch(part) for part in np.array_split(times, batches)])


def duck(sql: str) -> str:
    return sqlglot.transpile(sql, read="spark", write="duckdb")[0]


def select(connection: duckdb.DuckDBPyConnection, table: pa.Table, columns: Mapping[str, str]) -> pa.Table:
    """Add columns of SQL to a table, keeping its order."""
    connection.register("events", table)
    added = ", ".join(f"{duck(sql)} AS {name}" for name, sql in columns.items())
    return connection.sql(f"SELECT *, {added} FROM events").to_arrow_table()


def recount(feature: WindowFeature, values: list[float]) -> float | None:
    """Reduce what is in a window, in plain Python."""
    if feature.aggregate in ("count", "sum") or not values:
        empty = 0.0 if feature.default is None and feature.aggregate in ("count", "sum") else feature.default
        reduced = {"count": float(len(values)), "sum": math.fsum(values)}
        return reduced[feature.aggregate] if values else empty
    if feature.aggregate == "stddev":
        return statistics.stdev(values) if len(values) > 1 else feature.default
    return {"mean": statistics.fmean, "min": min, "max": max}[feature.aggregate](values)


def keys_and_times(domain: EventDomain, events: Mapping[str, pa.Table]) -> tuple[list[str], list[int]]:
    own = events[domain.name]
    return own[domain.key].to_pylist(), own[domain.event_time].cast(pa.int64()).to_pylist()


def windows(
    connection: duckdb.DuckDBPyConnection, domain: EventDomain, events: Mapping[str, pa.Table], by_name: Mapping
) -> dict[str, list[float | None]]:
    """Recount every window feature of a domain for each of its events, from all events of the same key until then."""
    answer = {}
    keys, times = keys_and_times(domain, events)
    for feature in domain.window_features:
        source = by_name[feature.source or domain.name]
        measured = select(
            connection,
            events[source.name],
            {"_value": f"CAST(({feature.value or '1'}) AS DOUBLE)", "_in": feature.where or "true"},
        )
        past: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for key, time, value, counts in zip(
            *keys_and_times(source, events),
            measured["_value"].to_pylist(),
            measured["_in"].to_pylist(),
            strict=True,
        ):
            if counts and value is not None:
                past[key].append((time, value))
        length = window_length(feature.window).total_seconds() * 1000
        answer[feature.name] = [
            recount(feature, [value for at, value in past[key] if time - length < at <= time])
            for key, time in zip(keys, times, strict=True)
        ]
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
    """Events of all domains, with their features, terms and scores."""
    connection = duckdb.connect()
    events = {name: make(domain, EVENTS, rate=RATE) for name, domain in domains.items()}
    tables = {}
    for name, domain in domains.items():
        table = events[name]
        for feature, values in windows(connection, domain, events, domains).items():
            table = table.append_column(feature, pa.array(values, type=pa.float64()))
        for stage in scoring_stages(domain):
            table = select(connection, table, stage)
        tables[name] = table
    connection.close()
    return tables
