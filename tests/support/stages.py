"""The stages of a rule run by DuckDB, as everything but the stream runs them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from riskloom.domain import EventDomain
from riskloom.duck import connect, with_stages
from riskloom.rules import scoring_stages


def scored_by_duckdb(domain: EventDomain, rows: pa.Table) -> list[dict[str, Any]]:
    """Score rows that hold the event's fields and the window features; answer them with every column that was added."""
    with connect() as connection:
        return with_stages(connection, rows, scoring_stages(domain)).to_pylist()  # type: ignore[no-any-return]
