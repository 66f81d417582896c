"""A feature is called as a column of the feature store is.

fails: feast_objects_build: rows of the feature store have columns of their own called level
"""

from sound_payments import DERIVED, declare

from riskloom.domain import DerivedFeature
from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(derived_features=(*DERIVED, DerivedFeature(name="level", sql="amount / 100")))
