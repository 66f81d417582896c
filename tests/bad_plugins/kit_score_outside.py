"""A weight was changed past its check, so that scores are below 0.

fails: every_event_has_a_score: scores are not from 0 to 1
fails: reasons_add_up_to_the_score: A weight must be above 0
"""

from sound_payments import MANY, SPIKE, declare, rule

from riskloom.domain import Term
from riskloom.hookspecs import hookimpl

TRUSTED = Term(code="TRUSTED", sql="items > 3", weight=0.5).model_copy(update={"weight": -0.5})


@hookimpl
def riskloom_event_domain():
    return declare(rule=rule(MANY, SPIKE, TRUSTED))
