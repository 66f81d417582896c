"""How risky a payment is, and why."""

from __future__ import annotations

from riskloom.domain import ScoringRule, Term

RULE = ScoringRule(
    version="1",
    terms=(
        Term(
            code="CARD_TESTING",
            sql="card_testing_score",
            weight=0.5,
            description="A run of tiny payments without the card: someone is trying whether it works.",
        ),
        Term(
            code="LARGE_AFTER_TESTING",
            sql="CASE WHEN tiny_payment_count_5min >= 3 THEN amount_spike_risk ELSE 0 END",
            weight=0.35,
            description="An unusually large payment right after a run of tiny ones.",
        ),
        Term(
            code="HIGH_VELOCITY",
            sql="velocity_risk_score",
            weight=0.2,
            description="The user pays far more often within a minute than before.",
        ),
        Term(
            code="AMOUNT_SPIKE",
            sql="amount_spike_risk",
            weight=0.15,
            description="The amount is unusually large for this user and category.",
        ),
        Term(
            code="REPEATED_DECLINES",
            sql="(declined_count_5min - 1) / 3 * decline_share_5min",
            weight=0.2,
            description="Several of the user's payments were declined within 5 minutes.",
        ),
        Term(
            code="TYPED_CARD",
            sql="entry_mode = 'typed' AND category IN ('gift_cards', 'electronics')",
            weight=0.05,
            description="Goods that are easily resold, paid with a card number typed in.",
        ),
        Term(
            code="FAR_FROM_HOME",
            sql="CASE WHEN card_present THEN (home_distance_km - 800) / 2000 ELSE 0 END",
            weight=0.1,
            description="The card was used at a till far from the user's home.",
        ),
        Term(
            code="LARGE_CLAIMS",
            sql="user_large_claim_count_24hr / 3",
            weight=0.1,
            description="The same user made large insurance claims within 24 hours.",
        ),
    ),
)
