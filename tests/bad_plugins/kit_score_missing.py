"""A term fails for some events, which then get no score.

fails: every_event_has_a_score: generated events got no score, but a dead letter
fails: sql_agrees_in_spark_and_duckdb: term FIRST_TAG: Spark fails with
"""

from sound_payments import MANY, SPIKE, declare, rule

from riskloom.domain import Term
from riskloom.hookspecs import hookimpl

FIRST_TAG = Term(code="FIRST_TAG", sql="element_at(tags, size(tags)) = 'old'", weight=0.1)


@hookimpl
def riskloom_event_domain():
    return declare(rule=rule(MANY, SPIKE, FIRST_TAG))
