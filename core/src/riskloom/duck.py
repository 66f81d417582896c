"""Spark SQL in DuckDB: the expressions of features and rules, run where there is no Spark, with the same answers.

The stream runs them in Spark without its ANSI mode: there a logarithm of zero is null, and a number that is too large
for its type is the largest one. DuckDB would answer minus infinity, round where Spark cuts, or fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from riskloom.expressions import parse

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# What stands for a function of Spark in DuckDB, by the parser's class of it.
_BY_CLASS = {
    "Mod": "({0}) % nullif({1}, 0)",
    "IntDiv": "trunc(({0}) / nullif({1}, 0))",
    "Ln": "CASE WHEN {0} > 0 THEN ln({0}) END",
    "Log": "CASE WHEN {0} > 0 AND {1} > 0 THEN ln({1}) / ln({0}) END",
    "IsNan": "coalesce(isnan({0}), false)",
    "Nanvl": "CASE WHEN isnan({0}) THEN {1} ELSE {0} END",
    "Negative": "(-({0}))",
    "Rint": "round_even({0}, 0)",
    "Sign": "CASE WHEN isnan(CAST({0} AS DOUBLE)) THEN {0} ELSE sign({0}) END",
    "ArraySize": "coalesce(cardinality({0}), -1)",
    "ArrayContains": "CASE WHEN {1} IS NULL THEN NULL WHEN list_contains({0}, {1}) THEN true "
    "WHEN list_count({0}) = len({0}) THEN false END",
    "ArrayPosition": "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN coalesce(list_position({0}, {1}), 0) END",
    "Atan2": "atan2({0} + 0.0, {1} + 0.0)",
    "DayOfWeek": "(dayofweek({0}) + 1)",
    "Exists": "CASE WHEN list_contains(list_transform({0}, {1}), true) THEN true "
    "WHEN list_count(list_transform({0}, {1})) = len({0}) THEN false END",
}
# The same of functions that the parser has no class for, by name and number of arguments.
_BY_NAME = {
    ("arrays_overlap", 2): "list_has_any({0}, {1})",
    ("bround", 1): "round_even({0}, 0)",
    ("cardinality", 1): _BY_CLASS["ArraySize"],
    ("expm1", 1): "(exp({0}) - 1)",
    ("forall", 2): (
        "CASE WHEN list_contains(list_transform({0}, {1}), false) THEN false "
        "WHEN list_count(list_transform({0}, {1})) = len({0}) THEN true END"
    ),
    ("log1p", 1): "CASE WHEN {0} > -1 THEN ln(1 + {0}) END",
    ("pmod", 2): (
        "CASE WHEN ({0}) % nullif({1}, 0) < 0 THEN (({0}) % nullif({1}, 0) + ({1})) % nullif({1}, 0) "
        "ELSE ({0}) % nullif({1}, 0) END"
    ),
    ("positive", 1): "({0})",
    ("weekday", 1): "(isodow({0}) - 1)",
    ("zeroifnull", 1): "coalesce({0}, 0)",
}
# Bits of the types to which Spark cuts a number, and of the part of a double that holds whole numbers.
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
_DOUBLE_BITS = 53
# What the parser puts where unix_timestamp() is given none.
_USUAL_FORMAT = "%Y-%mstrict-%dstrict %Hstrict:%Mstrict:%Sstrict"


def connect() -> duckdb.DuckDBPyConnection:
    """Open a database in memory whose times are in UTC, as the job's are."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def with_stages(connection: duckdb.DuckDBPyConnection, rows: pa.Table, stages: Iterable[Mapping[str, str]]) -> pa.Table:
    """Add the columns of some stages to rows, keeping their order.

    Args:
        connection: Made by `connect`.
        rows: What the first stage may use.
        stages: Spark SQL by column name; each stage sees the columns of those before it.
    """
    for stage in stages:
        added = ", ".join(f'{to_duckdb(sql)} AS "{name}"' for name, sql in stage.items())
        connection.register("_riskloom_rows", rows)
        rows = connection.sql(f"SELECT *, {added} FROM _riskloom_rows").to_arrow_table()  # noqa: S608  # checked SQL
        connection.unregister("_riskloom_rows")
    return rows


@lru_cache(maxsize=1024)
def to_duckdb(sql: str) -> str:
    """Translate an expression.

    Args:
        sql: A Spark SQL expression over one event, of which `riskloom.expressions.problems_in` finds nothing.

    Returns:
        SQL with which DuckDB gives the answers of Spark.
    """
    return str(parse(sql).sql(_dialect()))


@cache
def _dialect() -> Any:
    """Make DuckDB's dialect with the answers of Spark."""
    from sqlglot import exp
    from sqlglot.dialects.duckdb import DuckDB

    usual = DuckDB.Generator.TRANSFORMS

    def by_class(template: str) -> Any:
        return lambda self, node: template.format(*(self.sql(part) for part in node.iter_expressions()))

    def by_name(self: Any, node: Any) -> str:
        template = _BY_NAME.get((node.name.lower(), len(node.expressions)))
        if template is None:
            return str(self.anonymous_sql(node))
        return template.format(*(self.sql(part) for part in node.expressions))

    def cast(self: Any, node: Any) -> str:
        kind, value = node.to.this.name, self.sql(node.this)
        if kind in _BITS:
            return _whole(f"trunc(TRY_CAST({value} AS DOUBLE))", _BITS[kind])
        return f"TRY_CAST({value} AS {self.sql(node.to)})"

    def rounded(self: Any, node: Any) -> str:
        if node.args.get("decimals") is not None:
            return str(usual[type(node)](self, node))
        return _whole(f"{node.key}({self.sql(node.this)})", 64)

    def seconds(self: Any, node: Any) -> str:
        if node.text("format") != _USUAL_FORMAT:
            return str(usual[exp.StrToUnix](self, node))
        return f"CAST(floor(epoch(TRY_CAST({self.sql(node.this)} AS TIMESTAMPTZ))) AS BIGINT)"

    def difference(self: Any, node: Any) -> str:
        return f"date_sub('{node.text('unit')}', {self.sql(node.expression)}, {self.sql(node.this)})"

    class SparkInDuckDB(DuckDB):
        class Generator(DuckDB.Generator):  # type: ignore[valid-type, misc]  # a class, kept as an attribute
            TRANSFORMS = (
                usual
                | {getattr(exp, name): by_class(template) for name, template in _BY_CLASS.items()}
                | {exp.Anonymous: by_name, exp.Cast: cast, exp.TryCast: cast, exp.Ceil: rounded, exp.Floor: rounded}
                | {exp.StrToUnix: seconds, exp.TimestampDiff: difference}
            )

    return SparkInDuckDB


def _whole(number: str, bits: int) -> str:
    """Keep a whole number, a double, in the range of a type of some bits; NaN is 0."""
    bound = 2 ** (bits - 1)
    cut = f"least(greatest({number}, {-bound}.0), {bound if bits > _DOUBLE_BITS else bound - 1}.0)"
    return f"CASE WHEN isnan({number}) THEN 0 WHEN {number} IS NOT NULL THEN CAST({cut} AS DOUBLE) END"
