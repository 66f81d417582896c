"""A feature is a text.

fails: sql_has_the_types_it_needs: derived feature 'from': it must be a number or a condition, and is of type string
fails: features_are_produced: feature 'from' is null for all of 6000 generated events, country
"""

from sound_payments import DERIVED, declare

from riskloom.domain import DerivedFeature
from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(derived_features=(*DERIVED, DerivedFeature(name="from", sql="country")))
