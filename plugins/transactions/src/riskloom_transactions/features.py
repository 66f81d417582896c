"""What is remembered about an account holder and a merchant, and what is worked out from it, on every payment."""

from __future__ import annotations

from riskloom.domain import DerivedFeature, WindowFeature

# Nobody pays so little with a card that is typed in, except to see whether the card works.
_TINY = "amount < 2 AND card_present = false"

WINDOW_FEATURES = (
    WindowFeature(
        name="transaction_count_1min", aggregate="count", window="1min", description="Payments of the user in 1 minute."
    ),
    WindowFeature(
        name="transaction_count_5min",
        aggregate="count",
        window="5min",
        description="Payments of the user in 5 minutes.",
    ),
    WindowFeature(
        name="transaction_count_1hr", aggregate="count", window="1hr", description="Payments of the user in 1 hour."
    ),
    WindowFeature(
        name="transaction_amount_24hr",
        aggregate="sum",
        window="24hr",
        value="amount",
        description="What the user paid or tried to pay in 24 hours.",
    ),
    WindowFeature(
        name="avg_transaction_amount_7d",
        aggregate="mean",
        window="7d",
        value="amount",
        description="Mean amount of the user's payments in 7 days.",
    ),
    WindowFeature(
        name="stddev_transaction_amount_7d",
        aggregate="stddev",
        window="7d",
        value="amount",
        description="Standard deviation of those amounts.",
    ),
    WindowFeature(
        name="earlier_transaction_count_7d",
        aggregate="count",
        window="7d",
        value="amount",
        include_event=False,
        description="Payments of the user in the 7 days before this one.",
    ),
    WindowFeature(
        name="earlier_mean_amount_7d",
        aggregate="mean",
        window="7d",
        value="amount",
        include_event=False,
        description="Mean amount of those payments.",
    ),
    WindowFeature(
        name="earlier_stddev_amount_7d",
        aggregate="stddev",
        window="7d",
        value="amount",
        include_event=False,
        description="Standard deviation of those amounts.",
    ),
    WindowFeature(
        name="first_payment_minute_7d",
        aggregate="min",
        window="7d",
        value="unix_millis(timestamp) / 60000",
        description="When the first of the user's payments in 7 days was, minutes since 1970.",
    ),
    WindowFeature(
        name="tiny_payment_count_5min",
        aggregate="count",
        window="5min",
        where=_TINY,
        description="Payments of the user in 5 minutes below 2, without the card present.",
    ),
    WindowFeature(
        name="declined_count_5min",
        aggregate="count",
        window="5min",
        where="authorization_status = 'declined'",
        description="Payments of the user that were declined in 5 minutes.",
    ),
    WindowFeature(
        name="device_payment_count_7d",
        aggregate="count",
        window="7d",
        where="device_id IS NOT NULL",
        description="Payments of the user in 7 days from a device that is known.",
    ),
    WindowFeature(
        name="same_device_run_7d",
        aggregate="run_length",
        window="7d",
        value="device_id",
        description="How many of those, up to the last one, came from one device.",
    ),
    WindowFeature(
        name="merchant_remote_count_1hr",
        aggregate="count",
        window="1hr",
        value="amount",
        where="card_present = false",
        entity="merchant",
        description="Payments of all users to the merchant in 1 hour without the card present.",
    ),
    WindowFeature(
        name="merchant_remote_stddev_1hr",
        aggregate="stddev",
        window="1hr",
        value="amount",
        where="card_present = false",
        entity="merchant",
        description="Standard deviation of their amounts.",
    ),
    WindowFeature(
        name="merchant_remote_mean_1hr",
        aggregate="mean",
        window="1hr",
        value="amount",
        where="card_present = false",
        entity="merchant",
        description="Mean of their amounts.",
    ),
    WindowFeature(
        name="merchant_remote_count_24hr",
        aggregate="count",
        window="24hr",
        where="card_present = false",
        entity="merchant",
        description="Payments of all users to the merchant in 24 hours without the card present.",
    ),
    WindowFeature(
        name="user_claim_count_24hr",
        aggregate="count",
        window="24hr",
        source="claims",
        description="Insurance claims of the same user in 24 hours.",
    ),
    WindowFeature(
        name="user_large_claim_count_24hr",
        aggregate="count",
        window="24hr",
        where="claim_amount > 0.3 * coverage_limit",
        source="claims",
        description="Insurance claims of the same user in 24 hours for more than 30 % of what the policy pays at most.",
    ),
)

DERIVED_FEATURES = (
    DerivedFeature(
        name="velocity_risk_score",
        sql="1 - exp(-greatest(transaction_count_1min - 2 - (transaction_count_1hr - transaction_count_1min) / 30, 0)"
        " / 3)",
        description="How many more payments in 1 minute than twice the user's pace of the hour before, 0 to 1.",
    ),
    DerivedFeature(
        name="amount_to_typical_ratio",
        sql="amount / greatest(typical_amount, 1)",
        description="The amount as a multiple of what the user usually pays in this category.",
    ),
    DerivedFeature(
        name="amount_deviation_score",
        sql="CASE WHEN earlier_transaction_count_7d >= 3 THEN least(greatest(coalesce("
        "(amount - earlier_mean_amount_7d) / nullif(earlier_stddev_amount_7d, 0), 0), 0) / 3, 1) ELSE 0 END",
        description="How far the amount is above the user's own of the 7 days before: 1 at three standard deviations.",
    ),
    DerivedFeature(
        name="amount_spike_risk",
        sql="least(1, 0.75 * least(greatest(ln(greatest(amount_to_typical_ratio, 1)) - 0.5, 0) / 2, 1)"
        " + 0.25 * amount_deviation_score)",
        description="How unusually large the amount is, against the user's profile and own payments, 0 to 1.",
    ),
    DerivedFeature(
        name="card_testing_score",
        sql="least(greatest(tiny_payment_count_5min - 1, 0) / 3, 1)"
        " * tiny_payment_count_5min / greatest(transaction_count_5min, 1)",
        description="Whether the user's last 5 minutes are a run of tiny payments, 0 to 1.",
    ),
    DerivedFeature(
        name="decline_share_5min",
        sql="declined_count_5min / greatest(transaction_count_5min, 1)",
        description="Share of the user's payments in 5 minutes that were declined.",
    ),
    DerivedFeature(
        name="minutes_known",
        sql="unix_millis(timestamp) / 60000 - first_payment_minute_7d",
        description="Minutes since the first of the user's payments in 7 days.",
    ),
    DerivedFeature(
        name="pace_change_score",
        sql="least(1, greatest(0, minutes_known) / 30)"
        " * least(1, greatest(0, 2 - 12.5 / greatest(transaction_count_5min, 1)"
        " * (transaction_count_1hr - transaction_count_5min) / greatest(5, least(60, minutes_known) - 5)))",
        description="Whether the user pays faster in 5 minutes than in the hour before, and has been known for half an"
        " hour, 0 to 1.",
    ),
    DerivedFeature(
        name="busy_hour_score",
        sql="pace_change_score * least(1, greatest(0, transaction_count_1hr - 2) / 5)"
        " * least(1, 0.5 + transaction_count_5min / 6)",
        description="How busy the user's last hour is where that is new, more so where the last 5 minutes are, 0 to 1.",
    ),
    DerivedFeature(
        name="new_device_score",
        sql="CASE WHEN device_id IS NOT NULL AND device_payment_count_7d > same_device_run_7d"
        " THEN least(1, 1.5 / same_device_run_7d) WHEN device_id IS NOT NULL AND device_payment_count_7d <= 1"
        " THEN 0.2 ELSE 0 END",
        description="Whether the payment comes from a device that the user has only just begun to pay with, 0 to 1.",
    ),
    DerivedFeature(
        name="spent_of_limit_24hr",
        sql="transaction_amount_24hr / greatest(credit_limit, 1)",
        description="What the user paid in 24 hours as a share of the account's limit.",
    ),
    DerivedFeature(
        name="bust_out_score",
        sql="greatest(0, least(1, (180 - account_age_days) / 60)) * least(1, credit_limit / 8000)"
        " * least(1, 2 * spent_of_limit_24hr) * (1 - 0.5 * available_credit / greatest(credit_limit, 1))",
        description="Whether a young account with a high limit is being emptied, 0 to 1.",
    ),
    DerivedFeature(
        name="merchant_surge_score",
        sql="CASE WHEN card_present THEN 0 ELSE least(1, greatest(0, merchant_remote_count_1hr - 2"
        " - (merchant_remote_count_24hr - merchant_remote_count_1hr) / 5) / 5)"
        " * least(1, greatest(0, 0.65 - coalesce(merchant_remote_stddev_1hr / nullif(merchant_remote_mean_1hr, 0), 1))"
        " / 0.25) END",
        description="Whether a merchant charges far more cards than usual, with much the same amount, 0 to 1.",
    ),
    DerivedFeature(
        name="composite_fraud_score",
        sql="least(1, 0.5 * card_testing_score + 0.2 * velocity_risk_score + 0.2 * amount_spike_risk"
        " + 0.3 * new_device_score * amount_spike_risk + 0.5 * bust_out_score + 0.5 * merchant_surge_score"
        " + 0.3 * busy_hour_score"
        " + 0.1 * decline_share_5min * least(declined_count_5min / 3, 1)"
        " + 0.1 * least(user_large_claim_count_24hr / 3, 1))",
        description="Tests, pace, amounts, devices, young accounts, the merchant and the user's claims in one number.",
    ),
)
