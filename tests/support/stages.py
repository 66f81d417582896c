"""The stages of a rule run by DuckDB, as everything but the stream runs them."""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import sqlglot

from riskloom.domain import EventDomain
from riskloom.rules import scoring_stages


def scored_by_duckdb(domain: EventDomain, rows: pa.Table) -> list[dict[str, Any]]:
    """Score rows that hold the event's fields and the window features; answer them with every column that was added."""
    with duckdb.connect() as connection:
        for stage in scoring_stages(domain):
            connection.register("rows", rows)
            added = (
                f"{sqlglot.transpile(sql, read='spark', write='duckdb')[0]} AS {name}" for name, sql in stage.items()
            )
            rows = connection.sql(f"SELECT *, {', '.join(added)} FROM rows").to_arrow_table()
    return rows.to_pylist()  # type: ignore[no-any-return]
