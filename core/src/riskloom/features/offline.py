"""The offline store: one row for each scored event, as Parquet files by domain and day.

`<root>/domain=<domain>/date=<day of the event, UTC>/<feature version>-<name>.parquet`. A file holds one feature
version, which its name begins with: its columns are those of that version. What was written twice, because a batch or
its scores were repeated, is one row when read, the one that was created last; compaction removes the others.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from riskloom.domain import EventDomain
from riskloom.features.retired import RetiredFiles
from riskloom.versions import feature_entities, feature_version

if TYPE_CHECKING:
    import duckdb

Origin = Literal["stream", "backfill", "backfill-by-time"]
"""Who made a row: the running job, a replay in its order of arrival, or one by event time alone."""

# The identity of a domain's row: event, rule, what the features meant, and who made it.
_TURN = """
*, row_number() OVER (
  PARTITION BY event_id, rule_version, feature_version, origin ORDER BY created_timestamp DESC, sequence DESC
) AS _turn
"""

_TIME = pa.timestamp("us", "UTC")
_FILE_ROWS = 1_000_000
"""The most rows of a file: some 100 MB."""
_GROUP_ROWS = 128_000
_COMPRESSION = "zstd"


def entity_column(entity: str) -> str:
    """Name the column, and Feast's join key, of an entity, whatever the domain's field is called."""
    return f"{entity}_id"


def row_schema(entities: Iterable[str], features: Iterable[str]) -> pa.Schema:
    """Say which columns rows have.

    Args:
        entities: The entities that there are features of, that of the key first.
        features: The names of the features, in the order of declaration.
    """
    return pa.schema(
        [
            ("event_id", pa.string()),
            *((entity_column(name), pa.string()) for name in entities),
            ("event_timestamp", _TIME),
            ("created_timestamp", _TIME),
            ("sequence", pa.int64()),
            ("late", pa.bool_()),
            ("duplicate", pa.bool_()),
            ("score", pa.float64()),
            ("level", pa.string()),
            ("rule_version", pa.string()),
            ("schema_id", pa.int32()),
            ("feature_version", pa.string()),
            ("origin", pa.string()),
            *((name, pa.float64()) for name in features),
        ]
    )


def offline_schema(domain: EventDomain) -> pa.Schema:
    """Say which columns the rows of a domain have, as it is declared now."""
    return row_schema((entity.name for entity in feature_entities(domain)), domain.feature_names)


@dataclass(frozen=True)
class Part:
    """A file of the store."""

    path: str
    """In the store's file system."""
    day: date
    feature_version: str
    size: int
    """In bytes."""


class OfflineStore:
    """The rows of all domains.

    Args:
        root: A folder, by its path or by an address that Arrow knows, such as `s3://bucket/features`.
    """

    def __init__(self, root: str | Path) -> None:
        from pyarrow.fs import FileSystem, LocalFileSystem

        self.address = str(root)
        if "://" in self.address:
            self.files, self.root = FileSystem.from_uri(self.address)
        else:
            self.files, self.root = LocalFileSystem(), str(Path(root).expanduser().absolute())

    def folder(self, domain: str) -> str:
        """Name the folder of a domain."""
        return f"{self.root}/domain={domain}"

    def spark_folder(self, domain: str) -> str:
        """Name the folder of a domain as Spark does."""
        return (
            f"{self.address.rstrip('/')}/domain={domain}" if "://" in self.address else f"file://{self.folder(domain)}"
        )

    def pattern(self, domain: str, version: str) -> str:
        """Write the address that matches all files of a version, as DuckDB reads it."""
        address = self.address.rstrip("/") if "://" in self.address else self.root
        return f"{address}/domain={domain}/*/{version}-*.parquet"

    def parts(
        self,
        domain: str,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        version: str | None = None,
    ) -> list[Part]:
        """List the files that may hold rows of a time and a version.

        Args:
            domain: The domain's name.
            start: The earliest event time.
            end: The event time before which rows are wanted.
            version: The feature version; all of them without it.
        """
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(self.folder(domain), allow_not_found=True, recursive=True)
        first = start.astimezone(UTC).date() if start else date.min
        last = (end.astimezone(UTC) - timedelta.resolution).date() if end else date.max
        found = []
        retired = RetiredFiles(self.files, self.folder(domain)).paths()
        for info in self.files.get_file_info(selector):
            folder, _, name = info.path.rpartition("/")
            day = folder.rpartition("/")[2].removeprefix("date=")
            hidden = "/_" in info.path.removeprefix(self.root) or name.startswith(".")
            if info.type is not FileType.File or not name.endswith(".parquet") or hidden or info.path in retired:
                continue
            part = Part(info.path, date.fromisoformat(day), name.partition("-")[0], info.size)
            if first <= part.day <= last and version in (None, part.feature_version):
                found.append(part)
        return sorted(found, key=lambda part: part.path)

    def write(self, domain: str, rows: pa.Table, name: str | None = None) -> list[str]:
        """Add rows, each to the file of its day and version.

        Args:
            domain: The domain's name.
            rows: With the columns of `offline_schema`.
            name: Part of the files' names: files of the same name, day and version are replaced.

        Returns:
            The paths of the files.
        """
        import pyarrow.compute as pc

        if not rows.num_rows:
            return []
        name = name or uuid.uuid4().hex
        keys = pa.table({"day": pc.floor_temporal(rows["event_timestamp"], unit="day"), "v": rows["feature_version"]})
        written = []
        for key in keys.group_by(["day", "v"]).aggregate([]).to_pylist():
            chosen = pc.and_(pc.equal(keys["day"], key["day"]), pc.equal(keys["v"], key["v"]))
            target = f"{self.folder(domain)}/date={key['day']:%Y-%m-%d}"
            part = rows.filter(chosen).sort_by("event_timestamp")
            written += self._write(target, f"{key['v']}-{name}", part.to_reader(_GROUP_ROWS))
        return written

    def read(
        self,
        domain: str,
        schema: pa.Schema,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        version: str | None = None,
        origins: Sequence[Origin] = (),
        columns: Sequence[str] = (),
    ) -> pa.Table:
        """Read rows, exactly one for each identity.

        Args:
            domain: The domain's name.
            schema: Of the rows: `offline_schema`, or `row_schema` of an earlier version.
            start: The earliest event time.
            end: The event time before which rows are wanted.
            version: The feature version; all of them without it, and then what a version lacks is null.
            origins: Who made the rows; all of them without it.
            columns: The columns wanted; all of them without it.
        """
        parts = self.parts(domain, start=start, end=end, version=version)
        with database() as connection:
            rows = self.query(connection, parts, schema, start=start, end=end, origins=origins)
            table: pa.Table = rows.project(", ".join(map(_quoted, columns or schema.names))).to_arrow_table()
        wanted = pa.schema([schema.field(name) for name in columns or schema.names])
        return table.cast(wanted)

    def query(
        self,
        connection: duckdb.DuckDBPyConnection,
        parts: Iterable[Part],
        schema: pa.Schema,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        origins: Sequence[Origin] = (),
        repeats: bool = False,
    ) -> duckdb.DuckDBPyRelation:
        """Make the relation of the rows of some files, in no order.

        Args:
            connection: Where it can be queried.
            parts: The files.
            schema: Of the rows.
            start: The earliest event time.
            end: The event time before which rows are wanted.
            origins: Who made the rows; all of them without it.
            repeats: Whether all rows of an identity are wanted, and not exactly one.
        """
        import pyarrow.dataset as ds

        files = [part.path for part in parts]
        rows: Any = ds.dataset(files, schema, "parquet", self.files) if files else schema.empty_table()
        bounds = [f"event_timestamp >= '{start.astimezone(UTC).isoformat()}'"] if start else []
        bounds += [f"event_timestamp < '{end.astimezone(UTC).isoformat()}'"] if end else []
        bounds += [f"origin IN ({', '.join(map(repr, origins))})"] if origins else []
        found = connection.from_arrow(rows).filter(" AND ".join(bounds) or "true")
        return found if repeats else found.project(_TURN).filter("_turn = 1").project("* EXCLUDE _turn")

    def compact(
        self,
        domain: str,
        schemas: Mapping[str, pa.Schema],
        chosen: Callable[[list[Part]], list[Part]] = list,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> int:
        """Merge files of the same day and version, and drop rows that are there twice.

        A reader may see rows of the old files and of the new at once: they are the same rows. A compaction that is
        interrupted leaves them so, until the next.

        Args:
            domain: The domain's name.
            schemas: The schema of each version; files of others are left as they are.
            chosen: Chooses among the files of a day and version those that are merged.
            start: The first day's begin; without it from the first day on.
            end: The last day's end; without it to the last day.

        Returns:
            How many files there are less.
        """
        groups: dict[tuple[date, str], list[Part]] = {}
        for part in self.parts(domain, start=start, end=end):
            groups.setdefault((part.day, part.feature_version), []).append(part)
        fewer = 0
        for (day, version), parts in groups.items():
            merged = chosen(parts) if version in schemas else []
            if len(merged) > 1:
                fewer += len(merged) - len(self._merge(domain, day, version, merged, schemas[version]))
        return fewer

    def retire(self, domain: str, paths: Iterable[str]) -> None:
        """Take files out of the store; who has listed them before can still read them for an hour.

        Args:
            domain: The domain's name.
            paths: As `parts` gives them.
        """
        RetiredFiles(self.files, self.folder(domain)).add(paths)

    def _merge(self, domain: str, day: date, version: str, parts: list[Part], schema: pa.Schema) -> list[str]:
        with database() as connection:
            rows = self.query(connection, parts, schema).order("event_timestamp")
            reader = rows.to_arrow_reader(_GROUP_ROWS)
            batches = (pa.Table.from_batches([batch]).cast(schema).combine_chunks() for batch in reader)
            flat = (batch for table in batches for batch in table.to_batches())
            target = f"{self.folder(domain)}/date={day:%Y-%m-%d}"
            name = f"{version}-merged-{uuid.uuid4().hex}"
            written = self._write(target, name, pa.RecordBatchReader.from_batches(schema, flat))
        self.retire(domain, [part.path for part in parts])
        return written

    def _write(self, folder: str, name: str, batches: pa.RecordBatchReader) -> list[str]:
        """Write batches into files of a sensible size; nobody sees an unfinished one."""
        import pyarrow.parquet as pq

        self.files.create_dir(folder, recursive=True)
        written: list[str] = []
        for number, part in enumerate(_pieces(batches)):
            hidden, path = f"{folder}/.{name}-{number}.parquet.part", f"{folder}/{name}-{number}.parquet"
            with pq.ParquetWriter(hidden, batches.schema, filesystem=self.files, compression=_COMPRESSION) as writer:
                for batch in part:
                    writer.write_batch(batch)
            self.files.move(hidden, path)
            written.append(path)
        return written


def _pieces(batches: pa.RecordBatchReader) -> Iterator[Iterator[pa.RecordBatch]]:
    """Group batches, so that each group has about the rows of a file."""
    ahead = next(batches, None)

    def piece() -> Iterator[pa.RecordBatch]:
        nonlocal ahead
        rows = 0
        while ahead is not None and rows < _FILE_ROWS:
            rows += ahead.num_rows
            yield ahead
            ahead = next(batches, None)

    while ahead is not None:
        yield piece()


@contextmanager
def database(threads: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory, whose times are UTC.

    Args:
        threads: How many it may use; without it as many as there are cores.
    """
    import duckdb

    with duckdb.connect(config={"threads": threads} if threads else {}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _quoted(name: str) -> str:
    return f'"{name}"'


def current_schemas(domain: EventDomain) -> dict[str, pa.Schema]:
    """Say which columns the current version of a domain has, as `OfflineStore.compact` wants it."""
    return {feature_version(domain): offline_schema(domain)}
