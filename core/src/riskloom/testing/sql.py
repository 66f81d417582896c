"""Checks of the SQL: that Spark's and DuckDB's answers agree, and that nothing in it needs Python."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from riskloom.domain import EventDomain
from riskloom.duck import connect, to_duckdb, with_stages
from riskloom.errors import JobError
from riskloom.expressions import column_names, parse
from riskloom.rules import SCORE, scoring_stages
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import load_settings
from riskloom.stream.job import scored
from riskloom.stream.plan import job_plan
from riskloom.testing.edges import edge_rows
from riskloom.testing.subject import UNSCORED, CheckFailure, Subject, failures, shown
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_CLOSE = 1e-9
_USUAL = 300
"""Generated events among the rows."""
_BASE = 50
"""Of them, those that rows at the edges are made from."""
_SHOWN = 5
_PYTHON = re.compile(r"\w*(?:Python|Pandas|ArrowEval)\w*")
_RECORDS = "key binary, value binary, topic string, partition int, offset long, timestamp timestamp"


@dataclass(frozen=True)
class Expression:
    """A piece of the declaration's SQL."""

    where: str
    """What it belongs to, in words."""
    sql: str
    kind: str = "number"
    """What it must be: a `number` (a condition is one), a `condition`, or `any`."""


def sql_agrees_in_spark_and_duckdb(subject: Subject) -> str:
    """Each expression has the same answer in Spark and in DuckDB, on generated rows and on rows at the edges."""
    problems, count = [], 0
    for one in subject.together:
        name, domain = one.name, one.domain
        own = name == subject.domain.name
        rows = _scored_rows(subject) if own else subject.generate(1, _USUAL, one)
        rows = rows.slice(0, _USUAL).combine_chunks()
        enums = {field["name"]: tuple(field["type"]["symbols"]) for field in _enums(domain)}
        rows = pa.concat_tables([rows, edge_rows(rows.slice(0, _BASE), enums)]).combine_chunks()
        found = list(_own(domain)) if own else list(_about(subject.domain, name))
        problems += _disagreements(subject.spark, rows, found)
        count += len(found)
        if own and not problems:
            problems += _end_to_end(subject.spark, rows, domain)
    if problems:
        problems.append("The stream runs the SQL in Spark and everything else in DuckDB: write it so that both agree.")
    failures(problems)
    return f"{count} expressions"


def no_python_in_the_plan(subject: Subject) -> str:
    """Nothing of the job's plan runs Python."""
    from pyspark.errors import PySparkException

    domain = subject.domain
    frame = subject.spark.createDataFrame(_spark_rows(_one_row(subject)))
    problems = []
    for expression in _own(domain):
        try:
            plan = _plan(frame.selectExpr(expression.sql))
        except PySparkException:
            continue  # which the check of the types tells
        if _PYTHON.search(plan):
            problems.append(
                f"{expression.where}: it calls a Python function: {expression.sql}. Real-Time Mode runs none, and the "
                "executors do not have the plugin: write it in SQL"
            )
    failures(problems)
    found = _PYTHON.search(_plan(_job(subject)))
    if found:
        raise CheckFailure(f"the job's plan has the operator {found.group()}, which runs Python")
    return ""


def sql_has_the_types_it_needs(subject: Subject) -> str:
    """Spark compiles all SQL; features and terms are numbers or conditions, and a window's `where` is a condition."""
    from pyspark.errors import PySparkException

    domain = subject.domain
    frame = subject.spark.createDataFrame(_spark_rows(_one_row(subject)))
    problems = []
    for expression in _own(domain):
        try:
            kind = frame.selectExpr(f"({expression.sql}) AS it").schema["it"].dataType.simpleString()
        except PySparkException as error:
            problems.append(f"{expression.where}: Spark cannot compile it: {_first(error)}: {expression.sql}")
            continue
        if not _fits(kind, expression.kind):
            wanted = {"number": "a number or a condition", "condition": "a condition"}[expression.kind]
            problems.append(f"{expression.where}: it must be {wanted}, and is of type {kind}: {expression.sql}")
    failures(problems)
    return ""


def _fits(kind: str, wanted: str) -> bool:
    number = kind in {"tinyint", "smallint", "int", "bigint", "float", "double"} or kind.startswith("decimal")
    return wanted == "any" or kind == "boolean" or (wanted == "number" and number)


def _own(domain: EventDomain) -> Iterator[Expression]:
    """List the expressions over the domain's own events and features."""
    yield from _about(domain, domain.name)
    for derived in domain.derived_features:
        yield Expression(f"derived feature {derived.name!r}", derived.sql)
    for term in domain.rule.terms:
        yield Expression(f"term {term.code}", term.sql)


def _about(domain: EventDomain, source: str) -> Iterator[Expression]:
    """List the expressions of window features over the events of a source."""
    for feature in domain.window_features:
        if (feature.source or domain.name) != source:
            continue
        where = f"window feature {feature.name!r}"
        any_value = feature.aggregate in {"distinct_count", "run_length", "count"}
        if feature.value is not None:
            yield Expression(f"{where}: value", feature.value, "any" if any_value else "number")
        if feature.other is not None:
            yield Expression(f"{where}: other", feature.other)
        if feature.where is not None:
            yield Expression(f"{where}: where", feature.where, "condition")


def _enums(domain: EventDomain) -> Iterator[Any]:
    for field in domain.avro_schema["fields"]:
        if isinstance(field["type"], dict) and field["type"]["type"] == "enum":
            yield field


def _one_row(subject: Subject) -> pa.Table:
    """Put features that are null beside an event: enough to compile with. Without a row there would be no plan."""
    event = subject.events.slice(0, 1)
    for name in subject.domain.feature_names:
        event = event.append_column(name, pa.nulls(1, pa.float64()))
    return event


def _scored_rows(subject: Subject) -> pa.Table:
    """Put their features beside the events; those without a score are left out."""
    domain, events, scores = subject.domain, subject.events, subject.scored.table
    at = {name: i for i, name in enumerate(scores["event_id"].to_pylist())}
    places = pa.array([at.get(str(name)) for name in events[domain.event_id].to_pylist()], pa.int64())
    events = events.filter(places.is_valid())
    features = scores["features"].combine_chunks().take(places.drop_null())
    never_null = {feature.name for feature in domain.window_features if feature.value_when_empty is not None}
    for name in domain.feature_names:
        column = features.field(name)
        nullable = name not in never_null or column.null_count > 0
        events = events.append_column(pa.field(name, pa.float64(), nullable=nullable), column)
    return events


def _spark_rows(rows: pa.Table) -> pa.Table:
    """Spark's times are in microseconds."""
    kinds = [
        field.with_type(pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(kinds))


def _disagreements(spark: Any, rows: pa.Table, expressions: Sequence[Expression]) -> list[str]:
    """Judge each expression alone, over the same rows."""
    frame, problems = spark.createDataFrame(_spark_rows(rows)), []
    columns = {f"_{i}": _comparable(frame, expression) for i, expression in enumerate(expressions)}
    answers = _in_spark(frame, columns)
    given = rows.to_pylist()
    with connect() as connection:
        connection.register("_rows", rows)
        for (name, sql), expression in zip(columns.items(), expressions, strict=True):
            by_spark = answers[name]
            if isinstance(by_spark, str):
                problems.append(f"{expression.where}: Spark fails with {by_spark}: {expression.sql}")
                continue
            try:
                translated = to_duckdb(sql)
                by_duck = [row[0] for row in connection.sql(f"SELECT {translated} FROM _rows").fetchall()]  # noqa: S608
            except Exception as error:
                problems.append(
                    f"{expression.where}: DuckDB fails with {_first(error)}: {expression.sql}. Use another function, "
                    "or cast whole numbers that grow large to double"
                )
                continue
            wrong = [at for at, pair in enumerate(zip(by_spark, by_duck, strict=True)) if not _close(*pair)]
            if wrong:
                at = wrong[0]
                used = column_names(parse(expression.sql))
                problems.append(
                    f"{expression.where}: {by_spark[at]} in Spark and {by_duck[at]} in DuckDB for "
                    f"{shown(given[at], used)}, and so for {len(wrong)} of {len(given)} rows: {expression.sql}"
                )
    return problems if len(problems) <= _SHOWN else [*problems[:_SHOWN], f"and {len(problems) - _SHOWN} more"]


def _comparable(frame: DataFrame, expression: Expression) -> str:
    """Write an expression as it is computed: numbers and conditions as doubles."""
    return expression.sql if expression.kind == "any" else f"CAST(({expression.sql}) AS DOUBLE)"


def _in_spark(frame: DataFrame, columns: dict[str, str]) -> dict[str, list[Any] | str]:
    """Run all at once, and each by itself where one fails: its answers, or the error."""
    try:
        table = frame.selectExpr(*(f"{sql} AS {name}" for name, sql in columns.items())).toArrow()
        return {name: table[name].to_pylist() for name in columns}
    except Exception as error:
        if len(columns) <= 1:
            return dict.fromkeys(columns, _first(error))
        return {name: answer for one in columns.items() for name, answer in _in_spark(frame, dict([one])).items()}


def _end_to_end(spark: Any, rows: pa.Table, domain: EventDomain) -> Iterator[str]:
    """Compare the scores of the whole rule, from fields and window features on."""
    given = rows.select([*(field["name"] for field in domain.avro_schema["fields"])])
    for feature in domain.window_features:
        given = given.append_column(feature.name, rows[feature.name])
    frame = spark.createDataFrame(_spark_rows(given))
    for stage in scoring_stages(domain):
        frame = frame.selectExpr("*", *(f"{sql} AS `{name}`" for name, sql in stage.items()))
    by_spark = frame.select(SCORE).toArrow()[SCORE].to_pylist()
    with connect() as connection:
        by_duck = with_stages(connection, given, scoring_stages(domain))[SCORE].to_pylist()
    wrong = [at for at, pair in enumerate(zip(by_spark, by_duck, strict=True)) if not _close(*pair)]
    if wrong:
        row = given.to_pylist()[wrong[0]]
        yield f"the score is {by_spark[wrong[0]]} in Spark and {by_duck[wrong[0]]} in DuckDB for {row}"


def _close(spark: Any, duck: Any) -> bool:
    if not (isinstance(spark, float) and isinstance(duck, float)):
        return bool(spark == duck)
    if math.isnan(spark) or math.isnan(duck):
        return math.isnan(spark) and math.isnan(duck)
    return spark == duck or abs(spark - duck) <= _CLOSE * max(1.0, abs(spark), abs(duck))


def _job(subject: Subject) -> DataFrame:
    """Plan the job over no records."""
    domains = [one.domain for one in subject.together]
    topics = [*(domain.topic.name for domain in domains), SCORES_TOPIC, DEAD_LETTERS_TOPIC]
    schemas = {topic: RegisteredSchema(topic, i, 1) for i, topic in enumerate(topics)}
    plan = json.loads(json.dumps(job_plan(load_settings(), domains, schemas)))
    try:
        return scored(subject.spark.createDataFrame([], _RECORDS), plan)
    except JobError as error:
        raise CheckFailure(f"{UNSCORED}: {error}") from error


def _plan(frame: DataFrame) -> str:
    return str(frame._jdf.queryExecution().executedPlan().toString())


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
