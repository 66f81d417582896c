"""Expressions in DuckDB and in Spark, over values at the edges: the same answers."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from riskloom.duck import connect, to_duckdb, with_stages

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "d": (pa.float64(), [None, 0.0, 1.0, -1.0, 0.5, -2.5, 2.5, 3.5, 1e308, -1e308, 1e-300, math.nan, math.inf, -7.25]),
    "e": (pa.float64(), [None, 0.0, -0.0, 1.0, -1.0, 2.5, 10.0, 1e15, -1e15, math.nan, -math.inf]),
    "n": (pa.int64(), [None, 0, 1, -1, 7, -7, 10**12]),
    "k": (pa.int32(), [None, 0, 1, -1, 5, -3, 10**9]),
    "s": (pa.string(), [None, "", "abc", " a b ", "2.7", "-3", "x,y", "true"]),
    "a": (pa.list_(pa.string()), [None, [], ["a"], ["a", "b", ""], ["b", None], ["abc"]]),
    "m": (pa.map_(pa.string(), pa.float64()), [None, [], [("x", 1.5)], [("x", 0.0), ("y", -1.0)]]),
    "b": (pa.bool_(), [None, True, False]),
    "t": (
        pa.timestamp("us", "UTC"),
        [None, *(datetime(*day, tzinfo=UTC) for day in ((1970, 1, 1), (2024, 2, 29, 23, 59, 59), (2023, 12, 31, 4)))],
    ),
    "u": (pa.timestamp("us", "UTC"), [None, datetime(2024, 3, 1, tzinfo=UTC), datetime(1969, 12, 31, 5, tzinfo=UTC)]),
}
EXPRESSIONS = """
d / e; n / k; d % e; n % k; mod(d, e); n div k; pmod(d, e); pmod(n, k); -d % 3; pmod(hour(t) - 22, 24) < 6
ln(d); log(d); log(2, d); log(e, d); log10(d); log2(d); log1p(d); ln(greatest(d, 1)) / ln(2); ln(d - e) * 2
exp(d); expm1(d); 1 - exp(-abs(d)); sqrt(d); cbrt(d); power(d, 2); pow(abs(d), 0.5)
acos(d); asin(d); atan(d); atan2(d, e); sin(d); tanh(d); radians(d)
round(d); round(d, 2); bround(d); rint(d); ceil(d); floor(d); floor(d) / 3; sign(d); signum(d); abs(d); negative(d)
CAST(d AS INT); CAST(d AS BIGINT); int(d) / 2; CAST(s AS DOUBLE); CAST(s AS INT); CAST(b AS INT); double(s)
greatest(d, e); least(d, e, 1); least(greatest(d / 10, 0), 1); coalesce(d, e, 0); nullif(d, 0) / e; zeroifnull(d)
isnan(d); NOT isnan(d); nanvl(d, e); d > e; d = e; d <=> e; d BETWEEN 0 AND e; d IN (1, 2.5); d IS NULL
b; NOT b; b AND d > 0; b OR d > 0; if(b, d, e); CASE WHEN b THEN d ELSE e END; CASE s WHEN 'abc' THEN 1 ELSE 0 END
s = ''; s > 'a'; s LIKE 'a%'; s RLIKE '^a'; length(s); char_length(trim(s)); instr(s, 'b'); upper(s) = 'ABC'
concat(s, 'x') = 'abcx'; s || 'x' = 'abcx'; substring(s, 2) = 'bc'; left(s, 1) = 'a'; contains(s, 'b')
size(a); cardinality(a); size(m); size(map_keys(m)); size(split(s, ',')); array_contains(a, s); array_position(a, 'b')
exists(a, x -> x = 'a'); exists(a, x -> x = s); forall(a, x -> x <> 'a'); size(filter(a, x -> x LIKE 'a%'))
a[0] = 'a'; a[5] = 'a'; element_at(a, 1) = 'a'; m['x']; m.x; element_at(m, 'zz')
aggregate(map_values(m), 0D, (acc, x) -> acc + x)
hour(t); minute(t); second(t); day(t); month(t); year(t); dayofweek(t); weekday(t); dayofyear(t); weekofyear(t)
datediff(t, u); unix_timestamp(t); unix_timestamp(t) - unix_timestamp(u); unix_millis(t); timestampdiff(MINUTE, t, u)
t > u; t + interval 1 day > u; date_trunc('hour', t) = t; to_date(t) = date '2024-02-29'; date_format(t, 'HH') = '23'
d + n; n - d; d * 0.1; 1 / 3; n & 3; k * 2
"""


def listed() -> list[str]:
    return [sql.strip() for sql in EXPRESSIONS.replace("\n", ";").split(";") if sql.strip()]


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Every value of every column at least once, and pairs of them at random."""
    rng = random.Random(7)
    drawn = [
        {name: values[i % len(values)] if i < 20 else rng.choice(values) for name, (_, values) in VALUES.items()}
        for i in range(250)
    ]
    return pa.Table.from_pylist(drawn, schema=pa.schema([(name, kind) for name, (kind, _) in VALUES.items()]))


def same(spark: Any, duck: Any) -> bool:
    if spark is None or duck is None:
        return spark is duck
    if math.isnan(spark) or math.isnan(duck):
        return math.isnan(spark) and math.isnan(duck)
    return spark == duck or abs(spark - duck) <= 1e-9 * max(1.0, abs(spark), abs(duck))


def test_duckdb_answers_as_spark_does(spark: Any, rows: pa.Table) -> None:
    columns = {f"_{i}": f"CAST(({sql}) AS DOUBLE)" for i, sql in enumerate(listed())}
    by_spark = spark.createDataFrame(rows).selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items())).collect()
    with connect() as connection:
        by_duck = with_stages(connection, rows, [columns]).select(list(columns)).to_pylist()
    differ = [
        f"{sql}: {one[name]} in Spark, {other[name]} in DuckDB, of {event}"
        for sql, name in zip(listed(), columns, strict=True)
        for one, other, event in zip(by_spark, by_duck, rows.to_pylist(), strict=True)
        if not same(one[name], other[name])
    ]
    assert differ == []


@pytest.mark.parametrize(
    "sql", ["5 % n", "5 div n", "n / n", "ln(n)", "ln(n - 1)", "log10(n)", "log2(n)", "log1p(n - 2)", "pmod(5, n)"]
)
def test_what_has_no_answer_is_null(sql: str) -> None:
    with connect() as connection:
        assert connection.sql(f"SELECT {to_duckdb(sql)} FROM (SELECT 0 AS n)").fetchall() == [(None,)]


def test_a_stage_sees_those_before_it_and_rows_keep_their_order() -> None:
    rows = pa.table({"n": list(range(5_000, 0, -1))})
    with connect() as connection:
        answer = with_stages(connection, rows, [{"twice": "n * 2"}, {"more": "twice + 1"}])
    assert answer["n"].to_pylist() == rows["n"].to_pylist()
    assert answer["more"].to_pylist() == [2 * n + 1 for n in rows["n"].to_pylist()]
