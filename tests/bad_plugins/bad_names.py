"""Names that refer to nothing: each is told with what was likely meant.

expect: key: the schema has no field 'acount_id'; did you mean 'account_id'?
expect: entity 'account': the schema has no field 'acount_id'; did you mean 'account_id'?
expect: window feature 'amount_1hr': value: unknown column 'amout'; did you mean 'amount'?
expect: derived feature 'ratio': unknown column 'amount_1h'; did you mean 'amount_1hr'?
expect: rule: term HIGH: unknown column 'ration'; did you mean 'ratio'?
"""

from sound_domain import declare

from riskloom.domain import DerivedFeature, Entity, ScoringRule, Term, WindowFeature
from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(
        key="acount_id",
        entities=(Entity(name="account", field="acount_id"),),
        window_features=(WindowFeature(name="amount_1hr", aggregate="sum", window="1hr", value="amout"),),
        derived_features=(DerivedFeature(name="ratio", sql="amount / amount_1h"),),
        rule=ScoringRule(version="1", terms=(Term(code="HIGH", sql="ration > 1", weight=1),)),
    )
