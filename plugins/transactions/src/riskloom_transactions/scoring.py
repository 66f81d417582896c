"""How risky a payment is, and why."""

from __future__ import annotations

from riskloom.domain import ScoringRule, Term

# The weights were searched for on generated payments of seed 1, with a high recall of every pattern at 1 % false alarms
# as the aim: plugins/fit.py. How well they find those of another seed: docs/data-generators.md.
RULE = ScoringRule(
    version="2",
    terms=(
        Term(
            code="CARD_TESTING",
            sql="card_testing_score",
            weight=0.25,
            description="A run of tiny payments without the card: someone is trying whether it works.",
        ),
        Term(
            code="LARGE_AFTER_TESTING",
            sql="CASE WHEN tiny_payment_count_5min >= 3 AND amount >= 2 THEN amount_spike_risk ELSE 0 END",
            weight=0.6,
            description="An unusually large payment right after a run of tiny ones.",
        ),
        Term(
            code="HIGH_VELOCITY",
            sql="velocity_risk_score",
            weight=0.1,
            description="The user pays far more often within a minute than before.",
        ),
        Term(
            code="BUSY_HOUR",
            sql="busy_hour_score",
            weight=0.62,
            description="The user pays many times within an hour.",
        ),
        Term(
            code="BUSY_WITHOUT_CHIP",
            sql="CASE WHEN entry_mode IN ('contactless', 'swipe') THEN busy_hour_score ELSE 0 END",
            weight=0.9,
            description="The card is used at tills many times within an hour, without its secret number.",
        ),
        Term(
            code="BUSY_AWAY",
            sql="CASE WHEN home_distance_km > 150 THEN (transaction_count_1hr - 1) / 4 ELSE 0 END",
            weight=0.42,
            description="The user pays several times within an hour, far from home.",
        ),
        Term(
            code="AMOUNT_SPIKE",
            sql="amount_spike_risk",
            weight=0.21,
            description="The amount is unusually large for this user and category.",
        ),
        Term(
            code="NEW_DEVICE",
            sql="new_device_score",
            weight=0.03,
            description="The user has only just begun to pay with this device.",
        ),
        Term(
            code="NEW_DEVICE_SPENDING",
            sql="new_device_score * least(1, 0.5 * amount_spike_risk"
            " + 0.2 * (transaction_count_1hr - 1)"
            " + CASE WHEN category IN ('gift_cards', 'electronics', 'travel') THEN 0.3 ELSE 0 END)",
            weight=0.52,
            description="A device that is new to the user buys much, often, or what is easily resold.",
        ),
        Term(
            code="BUST_OUT",
            sql="bust_out_score",
            weight=0.66,
            description="A young account with a high limit is being emptied.",
        ),
        Term(
            code="MERCHANT_SURGE",
            sql="merchant_surge_score",
            weight=0.58,
            description="The merchant charges far more cards than usual, with much the same amount.",
        ),
        Term(
            code="REPEATED_DECLINES",
            sql="(declined_count_5min - 1) / 3 * decline_share_5min",
            weight=0.9,
            description="Several of the user's payments were declined within 5 minutes.",
        ),
        Term(
            code="TYPED_CARD",
            sql="entry_mode = 'typed'",
            weight=0.05,
            description="The card's number was typed in.",
        ),
        Term(
            code="FAR_FROM_HOME",
            sql="CASE WHEN card_present THEN home_distance_km / 1500 ELSE 0 END",
            weight=0.08,
            description="The card was used at a till far from the user's home.",
        ),
        Term(
            code="ONLINE_FAR_FROM_HOME",
            sql="CASE WHEN card_present THEN 0 ELSE home_distance_km / 300 END",
            weight=0.17,
            description="The buyer of an online purchase was far from the user's home.",
        ),
        Term(
            code="RESOLD_GOODS",
            sql="CASE WHEN card_present OR category NOT IN ('gift_cards', 'electronics', 'travel') THEN 0"
            " ELSE 0.4 + amount_spike_risk END",
            weight=0.04,
            description="Goods that are easily resold, bought online.",
        ),
        Term(
            code="LARGE_CLAIMS",
            sql="user_large_claim_count_24hr / 3",
            weight=0.05,
            description="The same user made large insurance claims within 24 hours.",
        ),
    ),
)
