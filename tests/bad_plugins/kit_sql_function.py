"""A term calls a function that Spark does not have.

fails: sql_has_the_types_it_needs: term MANY: Spark cannot compile it
"""

from sound_payments import MANY, declare, rule

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(rule=rule(MANY.model_copy(update={"sql": "sigmoid(count_5min)"})))
