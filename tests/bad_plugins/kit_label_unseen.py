"""The rule looks at nothing that the pattern changes.

fails: labelled_patterns_score_higher: events with a 'fraud_pattern' do not score higher than those without: AUC 0.
"""

from sound_payments import declare, rule

from riskloom.domain import Term
from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(rule=rule(Term(code="MANY_ITEMS", sql="items / 9", weight=1)))
