"""From the offline store into the online one: the newest row of each entity in a span of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from riskloom.features.layouts import Layout
from riskloom.features.newest import newest_rows
from riskloom.features.offline import OfflineStore
from riskloom.features.online import OnlineFeatures
from riskloom.features.writer import only_writer
from riskloom.settings import Settings


def materialize_range(
    settings: Settings,
    store: OfflineStore,
    online: OnlineFeatures,
    layouts: Iterable[Layout],
    start: datetime,
    end: datetime,
    *,
    report: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Store the newest row of each entity, where it is newer than what is stored.

    Args:
        settings: Where the home folder is, whose other writers are waited for between parts.
        store: Where the rows come from.
        online: Where they go.
        layouts: The versions that are brought over.
        start: The earliest event time.
        end: The event time before which rows count.
        report: Is told of progress, in one line.

    Returns:
        For each domain and entity how many entities had rows, how many of them were stored, and in which time.
    """
    done = []
    for layout in layouts:
        counts: dict[str, list[int]] = {one.name: [0, 0] for one in layout.entities if layout.of(one.name)}
        begun = time.monotonic()
        parts = store.parts(layout.domain, start=start, end=end, version=layout.feature_version)
        report(f"{layout.domain}: {len(parts)} files of version {layout.feature_version}")
        for entity, rows in newest_rows(store, layout, parts, start=start, end=end, threads=None):
            with only_writer(settings.home_dir):
                stored = online.write(layout, entity, rows)
            counts[entity][0] += rows.num_rows
            counts[entity][1] += len(stored)
            report(f"{layout.domain}: {counts[entity][0]:,} of {entity} read, {counts[entity][1]:,} stored")
        seconds = round(time.monotonic() - begun, 3)
        done += [
            {"domain": layout.domain, "entity": entity, "entities": read, "stored": stored, "seconds": seconds}
            for entity, (read, stored) in counts.items()
        ]
    return done
