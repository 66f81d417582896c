"""SQL of features and rules: read without Spark, so that a mistake is told when the plugin is loaded.

Expressions are Spark SQL over one event. What looks at other rows, or answers differently when asked again, is
refused: windows are declared as features, and a replayed event must get the same score.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from riskloom.suggest import did_you_mean

_ACROSS_EVENTS = "looks at many events and an expression sees one: declare a window feature"
_UNSTEADY = "answers differently each time: a replayed event must get the same score"
_HINDSIGHT = "is known only afterwards: no feature and no rule may read a label or an outcome"
_ROWS = "makes rows, not a value"
_FAILS = "can fail: an expression must have a value for every event"
# Functions by the parser's class, or by their own name where the parser has no class for them.
_REFUSED = {
    _ACROSS_EVENTS: "any count_min_sketch every histogram_numeric hll_sketch_agg mean rownumber some std "
    "try_avg try_sum",
    _UNSTEADY: "currentdate currentdatetime currenttime currenttimestamp currenttimezone currentuser localtime "
    "localtimestamp monotonically_increasing_id now rand randn randstr sessionuser shuffle spark_partition_id uniform "
    "user uuid input_file_block_length input_file_block_start input_file_name",
    _ROWS: "inline inline_outer json_tuple posexplode_outer session_window variant_explode window",
    _FAILS: "assert_true java_method raise_error reflect try_reflect",
}
_REASON = {name: reason for reason, names in _REFUSED.items() for name in names.split()}


def problems_in(sql: str, columns: Collection[str] | None, hindsight: Collection[str] = ()) -> list[str]:
    """Check an expression.

    Args:
        sql: A Spark SQL expression over one event.
        columns: The names that there are, or None when they are not known: then names are not checked.
        hindsight: Those among them that it must not use.

    Returns:
        What is wrong, one line each; empty when nothing is.
    """
    from sqlglot.errors import ParseError, SqlglotError

    try:
        expression = parse(sql)
    except ParseError as error:
        return [f"not an SQL expression{_place(error)}: {sql}"]
    except SqlglotError as error:
        return [f"not an SQL expression ({' '.join(str(error).split())}): {sql}"]
    problems = list(dict.fromkeys(_refused(expression))) or list(_stars(expression))
    if columns is not None:
        used = column_names(expression)
        problems += [f"field {name!r} {_HINDSIGHT}" for name in used if name in hindsight]
        readable = [name for name in columns if name not in hindsight]
        unknown = [name for name in used if name not in columns]
        problems += [f"unknown column {name!r}{did_you_mean(name, readable)}" for name in unknown]
    return problems


@lru_cache(maxsize=1024)
def parse(sql: str) -> Any:
    """Parse a Spark SQL expression.

    Args:
        sql: The expression.

    Returns:
        The `sqlglot` tree, shared by all callers: copy it before changing it.

    Raises:
        sqlglot.errors.SqlglotError: If it is not one expression.
    """
    import sqlglot
    from sqlglot import exp

    return sqlglot.parse_one(sql, dialect="spark", into=exp.Condition)


def column_names(expression: Any) -> list[str]:
    """Name the columns that an expression uses, each once, without the parts inside them.

    Args:
        expression: What `parse` answers.
    """
    from sqlglot import exp

    return list(dict.fromkeys(column.parts[0].name for column in expression.find_all(exp.Column)))


def _refused(expression: Any) -> Iterator[str]:
    from sqlglot import exp

    if not isinstance(expression, (exp.Condition, exp.Query)):
        yield "must be one expression with one value"
    for node in expression.walk():
        name = node.name.lower() if isinstance(node, exp.Anonymous) else type(node).__name__.lower()
        if isinstance(node, exp.Query):
            yield "a subquery cannot be used: an expression sees one event"
        elif isinstance(node, exp.Window):
            yield "OVER cannot be used: declare a window feature"
        elif name in _REASON:
            yield f"{_called(node)} {_REASON[name]}"
        elif isinstance(node, exp.AggFunc):
            yield f"{_called(node)} {_ACROSS_EVENTS}"
        elif isinstance(node, exp.UDTF):
            yield f"{_called(node)} {_ROWS}"
        elif isinstance(node, (exp.Parameter, exp.Placeholder, exp.SessionParameter)):
            yield f"{node.sql('spark')}: parameters cannot be used"


def _stars(expression: Any) -> Iterator[str]:
    from sqlglot import exp

    # It would stand for every column, those that must not be read among them.
    if expression.find(exp.Star):
        yield "* cannot be used: name the columns"


def _place(error: Any) -> str:
    """Say where and why the parser stopped."""
    if not error.errors or not error.errors[0].get("highlight"):
        return ""
    first = error.errors[0]
    # The parser's text about a missing operand names its own classes.
    why = "something is missing" if "<class" in first["description"] else first["description"].lower()
    return f" ({why}, at character {first['col']}, near {first['highlight']!r})"


def _called(node: Any) -> str:
    from sqlglot import exp

    name = node.name if isinstance(node, exp.Anonymous) else node.sql("spark").partition("(")[0]
    return f"{name.lower()}()"
