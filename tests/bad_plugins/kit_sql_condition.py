"""The condition of a window is a number.

fails: sql_has_the_types_it_needs: window feature 'big_1hr': where: it must be a condition, and is of type int: items
"""

from sound_payments import WINDOWS, declare

from riskloom.domain import WindowFeature
from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(
        window_features=(*WINDOWS, WindowFeature(name="big_1hr", aggregate="count", window="1hr", where="items"))
    )
