"""The declaration of the insurance claims domain."""

from __future__ import annotations

from riskloom.domain import Entity, EventDomain, Topic, load_schema
from riskloom.hookspecs import hookimpl
from riskloom_claims.features import DERIVED_FEATURES, WINDOW_FEATURES
from riskloom_claims.scoring import RULE


@hookimpl
def riskloom_event_domain() -> EventDomain:
    """Declare insurance claims, keyed by the policy holder."""
    return EventDomain(
        name="claims",
        description="Insurance claims, scored when filed: inflated, invented, doubled, early, or of no storm.",
        topic=Topic(name="insurance-claims", partitions=12),
        avro_schema=load_schema(__package__),
        event_id="claim_id",
        event_time="timestamp",
        key="user_id",
        entities=(Entity(name="user", field="user_id", description="The policy holder and account holder."),),
        generator="riskloom_claims.generator:ClaimsGenerator",
        label="fraud_pattern",
        outcomes=("priority", "risk_score", "fraud_probability", "fraud_indicators"),
        window_features=WINDOW_FEATURES,
        derived_features=DERIVED_FEATURES,
        rule=RULE,
        share=35,
    )
