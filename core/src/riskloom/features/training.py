"""Training sets: entity rows with the features that were current at their times, joined by Feast, checked for leaks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from riskloom.errors import FeatureError, RiskloomError, SettingsError
from riskloom.features.entity_rows import TIME, Wanted, entity_rows, labelled_rows
from riskloom.features.offline import database
from riskloom.features.sql import text
from riskloom.suggest import did_you_mean, listed

if TYPE_CHECKING:
    from feast import FeatureStore

_WRITERS = {".parquet": "PARQUET, COMPRESSION zstd", ".csv": "CSV, HEADER", ".jsonl": "JSON"}


@dataclass(frozen=True)
class TrainingSet:
    """Rows, and what is to be known of them."""

    rows: pa.Table
    report: dict[str, Any]


def training_set(
    store: FeatureStore,
    service: str,
    *,
    entities: Path | None = None,
    labels: Path | None = None,
    known: bool = False,
) -> TrainingSet:
    """Join the features of a service to entity rows, each as of its time.

    A value is as old as its event: of the rows of a key, that of the newest event not later than the entity row's time,
    within the view's time to live; of versions of one event, the one that was computed last.

    Args:
        store: The feature store.
        service: A domain, for the current version of its features, or `<domain>_<version>`.
        entities: A file of entities at times.
        labels: Instead, a file of scored events' ids and labels.
        known: Leave out what was computed only after the entity row's time: late events, and backfilled history.

    Raises:
        SettingsError: If the service or the file cannot be used.
        FeatureError: If the offline store has no rows of this version.
        RiskloomError: If a value is from an event later than its row.
    """
    begin = time.perf_counter()
    views = _views(store, service)
    keys = list(dict.fromkeys(column.name for view, _ in views for column in view.entity_columns))
    features = [name for _, names in views for name in names]
    wanted = Wanted(keys, features)
    with database() as connection:
        if entities is not None:
            rows = entity_rows(connection, entities, wanted)
        else:
            assert labels is not None
            with _told(service):
                rows = labelled_rows(connection, labels, wanted, views[0][0].batch_source.file_options.uri)
    with _told(service):
        job = store.get_historical_features(
            rows.to_pandas(), store.get_feature_service(service), filter_by_created_timestamp=known
        )
        found = job.to_arrow()
    names = [name for name in rows.column_names if name != TIME]
    found = found.select([TIME, *names, *features])
    tags = views[0][0].tags
    report: dict[str, Any] = {
        "service": service,
        "domain": tags.get("domain"),
        "feature_version": tags.get("feature_version"),
        "rows": found.num_rows,
        "features": len(features),
        **_leaks(job, found),
        "seconds": round(time.perf_counter() - begin, 3),
    }
    if report["leaks"]:
        raise RiskloomError(
            f"{report['leaks']:,} of {found.num_rows:,} rows have values of later events; nothing is written"
            "\nCheck the event times in the offline store with `riskloom features skew`."
        )
    return TrainingSet(found, report)


def _views(store: FeatureStore, service: str) -> list[tuple[Any, list[str]]]:
    """Find the views that a service takes features from, and which it takes."""
    services = {one.name: one for one in store.list_feature_services()}
    if service not in services:
        raise SettingsError(
            f"no feature service {service!r}{did_you_mean(service, services)}; there are {listed(services)}\n"
            "`riskloom features apply` makes those of the installed domains."
        )
    chosen = services[service].feature_view_projections
    return [(store.get_feature_view(one.name), [field.name for field in one.features]) for one in chosen]


@contextmanager
def _told(service: str) -> Iterator[None]:
    """Say it in a user's words when there is nothing to join."""
    import duckdb

    try:
        yield
    except duckdb.IOException as error:
        raise FeatureError(
            f"the offline store cannot be read for service {service!r}: {str(error).splitlines()[0]}\n"
            "`riskloom run` fills it, and `riskloom features backfill`."
        ) from None


def _leaks(job: Any, found: pa.Table) -> dict[str, Any]:
    """Count rows whose values are from later events, or were computed later, as far as the offline store tells."""
    from riskloom.features.asof import AsofRetrievalJob

    if not isinstance(job, AsofRetrievalJob):
        return {"with_features": None, "leaks": None, "computed_later": None}
    with database() as connection:
        times = job.origins.append_column("row_time", found[TIME].cast(pa.timestamp("us", "UTC")))
        connection.register("times", times)
        sources = range(len(job.origins.column_names) // 2)

        def count(condition: str) -> int:
            any_of = " OR ".join(condition.format(n=n) for n in sources) or "false"
            [(number,)] = connection.sql(f"SELECT count(*) FROM times WHERE {any_of}").fetchall()
            return int(number)

        return {
            "with_features": count("time_{n} IS NOT NULL"),
            "leaks": count("time_{n} > row_time"),
            "computed_later": count("created_{n} > row_time"),
        }


def write_training_set(made: TrainingSet, file: Path) -> None:
    """Write the rows as Parquet, CSV or JSON lines.

    A Parquet file holds the report as its metadata `riskloom`: a model can name the version that it was trained on.

    Raises:
        SettingsError: If the file's suffix is of another format.
    """
    check_output(file)
    options = _WRITERS[file.suffix.lower()]
    if file.suffix.lower() == ".parquet":
        options += f", KV_METADATA {{riskloom: {text(json.dumps(made.report))}}}"
    with database() as connection:
        connection.register("rows", made.rows)
        connection.execute(f"COPY rows TO {text(str(file))} (FORMAT {options})")


def check_output(file: Path) -> None:
    """Check that a file can be written, before anything is computed.

    Raises:
        SettingsError: If its suffix says no known format, or its folder does not exist.
    """
    if file.suffix.lower() not in _WRITERS:
        raise SettingsError(
            f"--out {file}: the format {file.suffix or 'without a suffix'!r} is unknown"
            f"{did_you_mean(file.suffix, _WRITERS)}\nGive a file that ends in {', '.join(_WRITERS)}."
        )
    if not file.parent.is_dir():
        raise SettingsError(f"--out {file}: there is no folder {file.parent}\nMake it first.")
