"""How risky a claim is, and why."""

from __future__ import annotations

from riskloom.domain import ScoringRule, Term

RULE = ScoringRule(
    version="1",
    terms=(
        Term(
            code="AMOUNT_FAR_ABOVE_TYPICAL",
            sql="(claim_to_typical_ratio - 2) / 3",
            weight=0.4,
            description="The amount is several times what a claim of this type usually costs.",
        ),
        Term(
            code="REPEATED_HIGH_CLAIMS",
            sql="(high_claim_count_5min - 1) / 2",
            weight=0.4,
            description="The user made more than one claim of unusual size within 5 minutes.",
        ),
        Term(
            code="CLAIM_BURST",
            sql="claim_frequency_score",
            weight=0.15,
            description="The user claims far more often than before.",
        ),
        Term(
            code="ABOVE_OWN_HISTORY",
            sql="amount_deviation_score",
            weight=0.1,
            description="The amount is far above the user's own claims of the last 7 days.",
        ),
        Term(
            code="NEAR_COVERAGE_LIMIT",
            sql="claim_to_coverage_ratio > 0.85",
            weight=0.1,
            description="The amount is just below the most that the policy pays.",
        ),
        Term(
            code="WEATHER_MISMATCH",
            sql="weather_mismatch",
            weight=0.15,
            description="Storm damage is claimed, but the weather at the place was calm.",
        ),
        Term(
            code="NEW_POLICY",
            sql="policy_age_days < 60",
            weight=0.05,
            description="The policy is less than 60 days old.",
        ),
        Term(
            code="DECLINED_PAYMENTS",
            sql="(user_declined_count_1hr - 1) / 4",
            weight=0.15,
            description="Several payments of the same user were declined within the hour.",
        ),
    ),
)
