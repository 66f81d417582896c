"""Rows at the edges: events and features with nulls, zeros, negative and huge numbers, empty texts and lists."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

_MIXED = 200
_SEED = 3
_HUGE = 1e300
_LARGE = 1e12
_TIMES = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC))
_DAYS = (date(1970, 1, 1), date(2024, 2, 29))


def edge_rows(rows: pa.Table, texts: Mapping[str, tuple[str, ...]]) -> pa.Table:
    """Make rows from some: each value at an edge once, the others as they were; then rows of many edges at once.

    Args:
        rows: Some rows as they usually are, at least one.
        texts: The only values of text columns that have few: enums.
    """
    rng = random.Random(_SEED)  # noqa: S311  # not for secrets
    usual = rows.to_pylist()
    edges = {
        field.name: [*([None] if field.nullable else []), *(texts.get(field.name) or _edges(field.type))]
        for field in rows.schema
    }
    made = [
        {**usual[number % len(usual)], name: value}
        for number, (name, value) in enumerate((name, value) for name, values in edges.items() for value in values)
    ]
    for _ in range(_MIXED):
        row = dict(rng.choice(usual))
        row |= {name: rng.choice(values) for name, values in edges.items() if values and rng.random() < 1 / 2}
        made.append(row)
    return pa.Table.from_pylist(made, schema=rows.schema)


def _edges(kind: pa.DataType) -> Iterator[Any]:
    if pa.types.is_boolean(kind):
        yield from (True, False)
    elif pa.types.is_floating(kind):
        huge = _HUGE if kind == pa.float64() else _LARGE
        yield from (0.0, -0.0, 1.0, -1.0, 0.5, -_LARGE, _LARGE, huge, -huge)
    elif pa.types.is_integer(kind):
        large = 10**9 if kind == pa.int32() else int(_LARGE)
        yield from (0, 1, -1, large, -large)
    elif pa.types.is_string(kind):
        yield from ("", " ", "é", "0")
    elif pa.types.is_timestamp(kind):
        yield from _TIMES if kind.tz else (time.replace(tzinfo=None) for time in _TIMES)
    elif pa.types.is_date(kind):
        yield from _DAYS
    elif pa.types.is_time(kind):
        yield (datetime.min + timedelta(hours=1)).time()
    elif pa.types.is_list(kind):
        yield []
        yield from ([value] for value in _edges(kind.value_type))
    elif pa.types.is_map(kind):
        yield []
        yield from ([("", value)] for value in _edges(kind.item_type))
