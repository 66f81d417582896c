"""What is remembered about a policy holder, and what is worked out from it, on every claim."""

from __future__ import annotations

from riskloom.domain import DerivedFeature, WindowFeature

# What an ordinary claim of each type costs: an amount means little without it.
_TYPICAL = "CASE claim_type WHEN 'auto' THEN 4200 WHEN 'property' THEN 9500 WHEN 'health' THEN 2400 ELSE 60000 END"
_RATIO = f"claim_amount / ({_TYPICAL})"

WINDOW_FEATURES = (
    WindowFeature(
        name="claim_count_5min", aggregate="count", window="5min", description="Claims of the user in 5 minutes."
    ),
    WindowFeature(name="claim_count_1hr", aggregate="count", window="1hr", description="Claims of the user in 1 hour."),
    WindowFeature(
        name="claim_count_24hr", aggregate="count", window="24hr", description="Claims of the user in 24 hours."
    ),
    WindowFeature(
        name="avg_claim_amount_24hr",
        aggregate="mean",
        window="24hr",
        value="claim_amount",
        description="Mean amount of the user's claims in 24 hours.",
    ),
    WindowFeature(
        name="earlier_claim_count_7d",
        aggregate="count",
        window="7d",
        value=_RATIO,
        include_event=False,
        description="Claims of the user in the 7 days before this one.",
    ),
    WindowFeature(
        name="claim_ratio_mean_7d",
        aggregate="mean",
        window="7d",
        value=_RATIO,
        include_event=False,
        description="Mean of those claims, each as a multiple of a typical claim of its type.",
    ),
    WindowFeature(
        name="claim_ratio_stddev_7d",
        aggregate="stddev",
        window="7d",
        value=_RATIO,
        include_event=False,
        description="Standard deviation of those multiples.",
    ),
    WindowFeature(
        name="high_claim_count_5min",
        aggregate="count",
        window="5min",
        where=f"{_RATIO} > 2.5",
        description="Claims of the user in 5 minutes above 2.5 times a typical claim of their type.",
    ),
    WindowFeature(
        name="user_transaction_amount_24hr",
        aggregate="sum",
        window="24hr",
        value="amount",
        where="authorization_status = 'approved'",
        source="transactions",
        description="What the same user paid in 24 hours.",
    ),
    WindowFeature(
        name="user_declined_count_1hr",
        aggregate="count",
        window="1hr",
        where="authorization_status = 'declined'",
        source="transactions",
        description="Payments of the same user that were declined in 1 hour.",
    ),
)

DERIVED_FEATURES = (
    DerivedFeature(
        name="claim_to_typical_ratio",
        sql=_RATIO,
        description="The amount as a multiple of a typical claim of its type.",
    ),
    DerivedFeature(
        name="claim_to_coverage_ratio",
        sql="coalesce(claim_amount / nullif(coverage_limit, 0), 0)",
        description="The amount as a share of what the policy pays at most.",
    ),
    DerivedFeature(
        name="amount_deviation_score",
        sql="CASE WHEN earlier_claim_count_7d >= 3 THEN least(greatest(coalesce("
        "(claim_to_typical_ratio - claim_ratio_mean_7d) / nullif(claim_ratio_stddev_7d, 0), 0), 0) / 3, 1) ELSE 0 END",
        description="How far the claim is above the user's own of the 7 days before: 1 at three standard deviations.",
    ),
    DerivedFeature(
        name="claim_frequency_score",
        sql="1 - exp(-greatest(claim_count_5min - 1 - (claim_count_1hr - claim_count_5min) / 6, 0) / 2)",
        description="How many more claims in 5 minutes than twice the user's pace of the hour before, 0 to 1.",
    ),
    DerivedFeature(
        name="weather_mismatch",
        sql="CASE WHEN loss_cause = 'storm_damage' AND weather_severity < 0.1 THEN 1 ELSE 0 END",
        description="1 when storm damage is claimed for a calm day.",
    ),
    DerivedFeature(
        name="composite_risk_score",
        sql="least(1, 0.35 * least(greatest(claim_to_typical_ratio - 1.5, 0) / 4, 1)"
        " + 0.3 * least(greatest(high_claim_count_5min - 1, 0) / 2, 1) + 0.2 * claim_frequency_score"
        " + 0.1 * weather_mismatch + 0.05 * least(user_declined_count_1hr / 4, 1))",
        description="Amount, repetition, pace, weather and the user's declined payments in one number, 0 to 1.",
    ),
)
