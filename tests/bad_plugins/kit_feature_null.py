"""No event ever gives the feature a value.

fails: features_are_produced: feature 'refunds_1hr' is null for all of 6000 generated events
"""

from sound_payments import WINDOWS, declare

from riskloom.domain import WindowFeature
from riskloom.hookspecs import hookimpl

REFUNDS = WindowFeature(name="refunds_1hr", aggregate="mean", window="1hr", value="amount", where="amount < 0")


@hookimpl
def riskloom_event_domain():
    return declare(window_features=(*WINDOWS, REFUNDS))
