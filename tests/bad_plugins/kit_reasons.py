"""A term lowers the score, for which there is no reason to give.

fails: reasons_add_up_to_the_score: A weight must be above 0: a term that lowers a score is no reason for it
"""

from sound_payments import MANY, SPIKE, declare, rule

from riskloom.domain import Term
from riskloom.hookspecs import hookimpl

ALWAYS = Term(code="ALWAYS", sql="true", weight=0.2)
TRUSTED = Term(code="TRUSTED", sql="items > 3", weight=0.2).model_copy(update={"weight": -0.2})


@hookimpl
def riskloom_event_domain():
    return declare(rule=rule(MANY, SPIKE, ALWAYS, TRUSTED))
