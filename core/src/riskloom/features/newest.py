"""The newest row of each entity in some files of the offline store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from riskloom.features.layouts import Layout
from riskloom.features.objects import CREATED, SEQUENCE
from riskloom.features.offline import OfflineStore, Part, database, entity_column

_ROWS = 10_000


def newest_rows(
    store: OfflineStore,
    layout: Layout,
    parts: list[Part],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    threads: int | None = 1,
) -> Iterator[tuple[str, pa.Table]]:
    """Find the newest row of each entity, as `OnlineFeatures.write` tells it.

    Args:
        store: The offline store.
        layout: The version of the files' rows.
        parts: The files.
        start: The earliest event time.
        end: The event time before which rows count.
        threads: How many DuckDB may use: by default one, so that the stream beside it keeps the other cores.

    Yields:
        An entity and some of its rows, as `OnlineFeatures.write` takes them; no one is there twice.
    """
    with database(threads) as connection:
        # Repeats are among them: which row is the newest does not depend on what it was stored with.
        rows = store.query(connection, parts, layout.schema, start=start, end=end, origins=["stream"], repeats=True)
        for entity in (one.name for one in layout.entities):
            features = layout.of(entity)
            if not features:
                continue
            column = entity_column(entity)
            wanted = [column, "event_timestamp", CREATED, SEQUENCE, *(feature.name for feature in features)]
            turn = (
                f'row_number() OVER (PARTITION BY "{column}" '
                f"ORDER BY event_timestamp DESC, {CREATED} DESC, {SEQUENCE} DESC) AS _turn"
            )
            newest = rows.filter(f'"{column}" IS NOT NULL').project(f"*, {turn}").filter("_turn = 1")
            for batch in newest.project(", ".join(f'"{name}"' for name in wanted)).to_arrow_reader(_ROWS):
                yield entity, pa.Table.from_batches([batch])
