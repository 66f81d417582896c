"""The declaration of the financial transactions domain."""

from __future__ import annotations

from riskloom.domain import Entity, EventDomain, Topic, load_schema
from riskloom.hookspecs import hookimpl
from riskloom_transactions.features import DERIVED_FEATURES, WINDOW_FEATURES
from riskloom_transactions.scoring import RULE


@hookimpl
def riskloom_event_domain() -> EventDomain:
    """Declare financial transactions, keyed by the account holder."""
    return EventDomain(
        name="transactions",
        description="Payments at merchants, scored when they are authorised: card testing, pace, unusual amounts.",
        topic=Topic(name="financial-transactions", partitions=12),
        avro_schema=load_schema(__package__),
        event_id="transaction_id",
        event_time="timestamp",
        key="user_id",
        entities=(
            Entity(name="user", field="user_id", description="The account holder and policy holder."),
            Entity(name="merchant", field="merchant_id", description="Who is paid."),
        ),
        generator="riskloom_transactions.generator:TransactionsGenerator",
        label="fraud_pattern",
        outcomes=("is_fraud", "risk_score"),
        window_features=WINDOW_FEATURES,
        derived_features=DERIVED_FEATURES,
        rule=RULE,
        share=40,
    )
