"""A term counts the days of the week in a way that only Spark has.

fails: sql_agrees_in_spark_and_duckdb: term WEEKDAY: 0.5 in Spark and 0.4 in DuckDB for paid_at =
"""

from sound_payments import MANY, SPIKE, declare, rule

from riskloom.domain import Term
from riskloom.hookspecs import hookimpl

WEEKDAY = Term(code="WEEKDAY", sql="date_part('dow', paid_at) / 10", weight=0.1)


@hookimpl
def riskloom_event_domain():
    return declare(rule=rule(MANY, SPIKE, WEEKDAY))
