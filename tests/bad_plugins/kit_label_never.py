"""The generator labels nothing.

fails: labelled_patterns_score_higher: 0 of 6000 generated events have a 'fraud_pattern'
"""

from sound_payments import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(generator="payment_generators:Unlabelled")
