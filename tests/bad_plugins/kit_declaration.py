"""A term reads a column that does not exist.

fails: declared_without_problems: rule: term MANY: unknown column 'count_5m'; did you mean 'count_5min'?
"""

from sound_payments import MANY, declare, rule

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(rule=rule(MANY.model_copy(update={"sql": "count_5m / 8"})))
