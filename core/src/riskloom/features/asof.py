"""Feast's offline store over Parquet files, with point-in-time joins by DuckDB.

In `feature_store.yaml`:

    offline_store:
      type: riskloom.features.asof.AsofOfflineStore

Feast's own stores pair each entity row with every row of its key and throw away all but one. Here both sides are sorted
once and merged (`ASOF JOIN`), which costs the same however many rows a key has. Everything that is not a point-in-time
join is left to Feast's default store, whose sources and files are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from feast.infra.offline_stores.dask import DaskOfflineStore, DaskOfflineStoreConfig, DaskRetrievalJob
from feast.infra.offline_stores.file_source import FileSource
from feast.infra.offline_stores.offline_store import RetrievalMetadata
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.utils import _get_requested_feature_views_to_features_dict, _get_requested_on_demand_feature_views

from riskloom.features.offline import database
from riskloom.features.sql import instant, interval, quoted, text

if TYPE_CHECKING:
    import duckdb

_ROW, _TIME, _CREATED = "_row", "_time", "_created"
_SEQUENCE = "sequence"
"""Where a source has this column, it decides between rows of one key that are equal in both their times."""


class AsofOfflineStoreConfig(DaskOfflineStoreConfig):
    """The store's part of `feature_store.yaml`."""

    type: Any = "riskloom.features.asof.AsofOfflineStore"


@dataclass(frozen=True)
class Wanted:
    """Features of one view: which column of the source, which of the result, and for how long a value holds."""

    columns: dict[str, str]
    ttl: timedelta | None


@dataclass
class Source:
    """What is read from some files for one choice of join keys; the views on it share one join."""

    path: str
    keys: dict[str, str]
    """The entity rows' column by that of the files."""
    timestamp: str
    created: str | None
    wanted: list[Wanted] = field(default_factory=list)

    @property
    def reach(self) -> timedelta | None:
        """How far back a row can matter; None for any time."""
        ttls = [one.ttl for one in self.wanted]
        return None if not all(ttls) else max(ttl for ttl in ttls if ttl)


class AsofRetrievalJob(DaskRetrievalJob):
    """A point-in-time join, done when its result is asked for."""

    def __init__(
        self, entity_rows: pd.DataFrame, time_column: str, sources: Sequence[Source], known: bool, **parts: Any
    ) -> None:
        super().__init__(evaluation_function=lambda: None, **parts)
        self._entity_rows, self._time_column, self._sources, self._known = entity_rows, time_column, sources, known

    @cached_property
    def _joined(self) -> tuple[pa.Table, pa.Table]:
        return point_in_time_join(self._entity_rows, self._time_column, self._sources, known=self._known)

    @property
    def origins(self) -> pa.Table:
        """When the values in each row of the result are from: `time_0` and `created_0` of the first source, and so on.

        Times are those of the joined row even where it was too old for some view.
        """
        return self._joined[1]

    def _to_df_internal(self, timeout: int | None = None) -> pd.DataFrame:
        return self._joined[0].to_pandas()

    def _to_arrow_internal(self, timeout: int | None = None) -> pa.Table:
        return self._joined[0]


class AsofOfflineStore(DaskOfflineStore):
    """Reads what Feast's default store reads. An entity row for which nothing is found stays, with nulls."""

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: Any,
        feature_views: list[Any],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: Any,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **more: Any,
    ) -> Any:
        """Join features to entity rows, as Feast's `FeatureStore.get_historical_features` asks for it."""
        if not isinstance(entity_df, pd.DataFrame):
            return DaskOfflineStore.get_historical_features(
                config,
                feature_views,
                feature_refs,
                entity_df,
                registry,
                project,
                full_feature_names,
                filter_by_created_timestamp,
                **more,
            )
        time_column = infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))
        times = pd.to_datetime(entity_df[time_column], utc=True)
        on_demand = _get_requested_on_demand_feature_views(feature_refs, project, registry)
        by_view, _ = _get_requested_feature_views_to_features_dict(feature_refs, feature_views, on_demand)
        return AsofRetrievalJob(
            entity_df.assign(**{time_column: times}),
            time_column,
            _sources(by_view, str(config.repo_path), full_feature_names),
            known=filter_by_created_timestamp,
            full_feature_names=full_feature_names,
            on_demand_feature_views=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            metadata=RetrievalMetadata(
                features=feature_refs,
                keys=sorted(set(entity_df.columns) - {time_column}),
                min_event_timestamp=times.min().to_pydatetime(),
                max_event_timestamp=times.max().to_pydatetime(),
            ),
            repo_path=str(config.repo_path),
        )


def _sources(by_view: dict[Any, list[str]], repo_path: str, full_names: bool) -> list[Source]:
    found: dict[tuple[Any, ...], Source] = {}
    for view, features in by_view.items():
        batch = view.batch_source
        in_file = {new: old for old, new in batch.field_mapping.items()}
        mapped = view.projection.join_key_map
        keys = {in_file.get(one.name, one.name): mapped.get(one.name, one.name) for one in view.entity_columns}
        prefix = f"{view.projection.name_to_use()}__" if full_names else ""
        path = FileSource.get_uri_for_file_path(repo_path, batch.file_options.uri)
        source = Source(path, keys, batch.timestamp_field, batch.created_timestamp_column or None)
        place = (path, tuple(keys.items()), source.timestamp, source.created)
        columns = {prefix + name: in_file.get(name, name) for name in features}
        found.setdefault(place, source).wanted.append(Wanted(columns, view.ttl or None))
    return list(found.values())


def point_in_time_join(
    entity_rows: pd.DataFrame | pa.Table, time_column: str, sources: Sequence[Source], *, known: bool = False
) -> tuple[pa.Table, pa.Table]:
    """Give each entity row the newest features of its key that are not later than it.

    Of rows with one event time the one that was created last is taken.

    Args:
        entity_rows: Join keys, times, and whatever else is to stay beside them.
        time_column: The times' name: with a time zone.
        sources: What to join.
        known: Leave out what was created later than the entity row's time.

    Returns:
        The entity rows in their order with a column for each feature, null where there is none within its time to live;
        and of each row the times that `AsofRetrievalJob.origins` tells of.
    """
    rows = entity_rows if isinstance(entity_rows, pa.Table) else pa.Table.from_pandas(entity_rows, preserve_index=False)
    rows = rows.append_column(_ROW, pa.array(range(rows.num_rows), pa.int64()))
    with database() as connection:
        connection.register("entity_rows", rows)
        features, origins = [], []
        for number, source in enumerate(sources):
            connection.execute(f"CREATE TEMP TABLE joined_{number} AS {_join(connection, source, time_column, known)}")
            features += _values(source, number, time_column)
            origins += [f"joined_{number}.best.{name} AS {name[1:]}_{number}" for name in (_TIME, _CREATED)]
        joins = " ".join(f"JOIN joined_{number} USING ({_ROW})" for number in range(len(sources)))
        found = connection.sql(
            f"SELECT entity_rows.* EXCLUDE ({_ROW}), {', '.join([*features, *origins])} "
            f"FROM entity_rows {joins} ORDER BY {_ROW}"
        ).to_arrow_table()
    kept = found.column_names[: found.num_columns - len(origins)]
    return found.select(kept), found.drop_columns(kept)


def _join(connection: duckdb.DuckDBPyConnection, source: Source, time_column: str, known: bool) -> str:
    """Write the query that finds the row of a source for each entity row: `_row` and `best`, a struct."""
    names = connection.sql(f"SELECT * FROM {_files(source)}").columns
    time, created = quoted(source.timestamp), quoted(source.created) if source.created else "NULL::TIMESTAMPTZ"
    turn = quoted(_SEQUENCE) if _SEQUENCE in names else "0"
    created_or_never = f"coalesce({created}, '-infinity'::TIMESTAMPTZ)"
    moment = f"row({time}, {created_or_never}, {turn}::BIGINT)"
    used = dict.fromkeys(column for one in source.wanted for column in one.columns.values())
    values = ", ".join(f"{quoted(column)} := {quoted(column)}" for column in used)
    best = f"struct_pack({_TIME} := {time}, {_CREATED} := {created}, {values})"
    if known:
        # From when a row may be used, and which of all that may be used by then is the newest.
        usable = f"greatest({time}, {created_or_never})"
        keys = ", ".join(map(quoted, source.keys))
        best = f"arg_max({best}, {moment}) OVER (PARTITION BY {keys} ORDER BY {usable})"
        moment = f"row({usable}, 'infinity'::TIMESTAMPTZ, {2**63 - 1}::BIGINT)"
    times = f"min({quoted(time_column)}), max({quoted(time_column)})"
    [(first, last)] = connection.sql(f"SELECT {times} FROM entity_rows").fetchall()
    bounds = [f"{time} <= {instant(last)}" if last else "false"]
    bounds += [f"{time} >= {instant(first - source.reach)}"] if source.reach and first else []
    bounds += [f"{quoted(key)} IN (SELECT {quoted(row)} FROM entity_rows)" for key, row in source.keys.items()]
    on = " AND ".join(f"rows.{quoted(row)} = found.{quoted(key)}" for key, row in source.keys.items())
    return f"""
        SELECT {_ROW}, best
        FROM (SELECT *, row({quoted(time_column)}, 'infinity'::TIMESTAMPTZ, {2**63 - 1}::BIGINT) AS moment
              FROM entity_rows) AS rows
        ASOF LEFT JOIN
             (SELECT {", ".join(map(quoted, source.keys))}, {best} AS best, {moment} AS moment
              FROM {_files(source)} WHERE {" AND ".join(bounds)}) AS found
        ON {on} AND rows.moment >= found.moment
    """


def _values(source: Source, number: int, time_column: str) -> list[str]:
    """Write the expressions of a source's features: null where the row is too old."""
    found = []
    for one in source.wanted:
        for name, column in one.columns.items():
            value = f"joined_{number}.best.{quoted(column)}"
            if one.ttl:
                oldest = f"entity_rows.{quoted(time_column)} - {interval(one.ttl)}"
                value = f"CASE WHEN joined_{number}.best.{_TIME} >= {oldest} THEN {value} END"
            found.append(f"{value} AS {quoted(name)}")
    return found


def _files(source: Source) -> str:
    path = source.path
    if not path.endswith(".parquet"):
        path = f"{path.rstrip('/')}/**/*.parquet"
    return f"read_parquet({text(path)}, union_by_name = true, hive_partitioning = false)"
