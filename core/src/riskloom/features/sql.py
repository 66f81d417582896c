"""Names and values as DuckDB's SQL writes them."""

from __future__ import annotations

from datetime import datetime, timedelta


def quoted(name: str) -> str:
    """Write a name."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """Write a text."""
    return "'" + value.replace("'", "''") + "'"


def instant(moment: datetime) -> str:
    """Write a point in time."""
    return f"{text(moment.isoformat())}::TIMESTAMPTZ"


def interval(length: timedelta) -> str:
    """Write a length of time."""
    return f"to_microseconds({length // timedelta(microseconds=1)})"
