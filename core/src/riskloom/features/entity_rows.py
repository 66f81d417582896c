"""The rows that a training set is made for: entities at times, from a file, or scored events by their ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from riskloom.errors import SettingsError
from riskloom.features.sql import quoted, text
from riskloom.suggest import did_you_mean

if TYPE_CHECKING:
    import duckdb

TIME = "event_timestamp"
EVENT = "event_id"
_READERS = {
    ".parquet": "read_parquet({file})",
    ".csv": "read_csv({file}, types = {types})",
    ".jsonl": "read_json({file}, format = 'newline_delimited')",
    ".ndjson": "read_json({file}, format = 'newline_delimited')",
    ".json": "read_json({file}, format = 'newline_delimited')",
}
_SHOWN = 5


@dataclass(frozen=True)
class Wanted:
    """What the features need of the rows."""

    entities: Sequence[str]
    """Columns of ids."""
    features: Sequence[str]
    """Columns that will be added."""


def entity_rows(connection: duckdb.DuckDBPyConnection, file: Path, wanted: Wanted) -> pa.Table:
    """Read entities at times from a CSV, Parquet or JSON lines file.

    Args:
        connection: Where to read it.
        file: With `event_timestamp` (text without a zone is UTC), the entities' ids, and what is to stay beside them.
        wanted: What the features need.

    Raises:
        SettingsError: If the file cannot be used; all that is wrong is told at once.
    """
    rows = _read(connection, file, "--entities", wanted.entities)
    problems = _column_problems(rows.columns, [TIME, *wanted.entities], wanted.features)
    if problems:
        raise _unusable("--entities", file, problems)
    ids = ", ".join(f"CAST({quoted(name)} AS VARCHAR) AS {quoted(name)}" for name in wanted.entities)
    times = f"TRY_CAST({TIME} AS TIMESTAMPTZ) AS {TIME}"
    chosen = rows.project(f"* REPLACE ({ids}, {times}), row_number() OVER () AS _line")
    table = chosen.to_arrow_table()
    connection.register("given", table)
    nobody = " AND ".join(f"coalesce({quoted(name)}, '') = ''" for name in wanted.entities)
    problems = [
        *_row_problems(connection, f"{TIME} IS NULL", f"no time in {TIME}"),
        *_row_problems(connection, nobody, f"no id in {', '.join(wanted.entities)}"),
    ]
    if problems:
        raise _unusable("--entities", file, problems)
    return table.drop_columns(["_line"])


def labelled_rows(connection: duckdb.DuckDBPyConnection, file: Path, wanted: Wanted, scored: str) -> pa.Table:
    """Read labels of scored events, and look up whose the events were and when.

    Args:
        connection: Where to read it.
        file: With `event_id` and the labels.
        wanted: What the features need.
        scored: The files of the domain's rows in the offline store, as DuckDB takes them.

    Raises:
        SettingsError: If the file cannot be used; all that is wrong is told at once.
    """
    rows = _read(connection, file, "--labels", [EVENT])
    found = [TIME, *wanted.entities]
    problems = _column_problems(rows.columns, [EVENT], [*found, *wanted.features])
    if problems:
        raise _unusable("--labels", file, problems)
    ids = f"* REPLACE (CAST({EVENT} AS VARCHAR) AS {EVENT}), row_number() OVER () AS _line"
    connection.register("given", rows.project(ids).to_arrow_table())
    columns = ", ".join(map(quoted, found))
    events = connection.sql(
        f"SELECT {EVENT}, {columns} FROM read_parquet({text(scored)}, union_by_name = true) "
        f"WHERE {EVENT} IN (SELECT {EVENT} FROM given) "
        f"QUALIFY row_number() OVER (PARTITION BY {EVENT} ORDER BY created_timestamp DESC) = 1"
    ).to_arrow_table()
    connection.register("events", events)
    twice = f"count(*) OVER (PARTITION BY {EVENT}) > 1"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW counted AS SELECT *, {twice} AS twice FROM given")
    problems = [
        *_row_problems(connection, f"{EVENT} IS NULL", f"no id in {EVENT}"),
        *_row_problems(connection, "twice", f"an {EVENT} that is there more than once", "counted"),
        *_row_problems(
            connection,
            f"{EVENT} NOT IN (SELECT {EVENT} FROM events)",
            "an event that the offline store does not have",
        ),
    ]
    if problems:
        raise _unusable("--labels", file, problems)
    names = ", ".join(f"events.{quoted(name)}" for name in found)
    return connection.sql(
        f"SELECT given.* EXCLUDE (_line), {names} FROM given JOIN events USING ({EVENT}) ORDER BY _line"
    ).to_arrow_table()


def _read(connection: duckdb.DuckDBPyConnection, file: Path, option: str, ids: Iterable[str]) -> Any:
    import duckdb

    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise SettingsError(
            f"{option} {file}: the format {file.suffix or 'without a suffix'!r} is unknown"
            f"{did_you_mean(file.suffix, _READERS)}\nGive a file that ends in {', '.join(_READERS)}."
        )
    try:
        # Ids that look like numbers are text all the same.
        types = "{}"
        if file.suffix.lower() == ".csv":
            names = connection.sql(reader.format(file=text(str(file)), types="{}").join(("FROM ", ""))).columns
            types = "{" + ", ".join(f"{text(name)}: 'VARCHAR'" for name in ids if name in names) + "}"
        return connection.sql("FROM " + reader.format(file=text(str(file)), types=types))
    except duckdb.Error as error:
        raise SettingsError(f"{option} {file} cannot be read: {str(error).splitlines()[0]}") from None


def _column_problems(columns: Sequence[str], needed: Sequence[str], added: Sequence[str]) -> list[str]:
    missing = [name for name in needed if name not in columns]
    problems = [f"no column {name!r}{did_you_mean(name, set(columns) - set(needed))}" for name in missing]
    return problems + [f"column {name!r} would be there twice: rename it" for name in columns if name in set(added)]


def _row_problems(connection: duckdb.DuckDBPyConnection, condition: str, what: str, table: str = "given") -> list[str]:
    found = connection.sql(f"SELECT _line FROM {table} WHERE {condition} ORDER BY _line").fetchall()
    if not found:
        return []
    shown = ", ".join(str(line) for (line,) in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
    return [f"{what}: row{'s' if len(found) > 1 else ''} {shown}{more}"]


def _unusable(option: str, file: Path, problems: Sequence[str]) -> SettingsError:
    listed = "\n".join(f"  - {problem}" for problem in problems)
    return SettingsError(f"{option} {file} cannot be used:\n{listed}\nRows are counted from 1, without a header.")
