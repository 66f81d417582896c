"""What is remembered about a policy holder, and what is worked out from it, on every claim."""

from __future__ import annotations

from riskloom.domain import DerivedFeature, WindowFeature

# What an ordinary claim of each type costs: an amount means little without it.
_TYPICAL = "CASE claim_type WHEN 'auto' THEN 4200 WHEN 'property' THEN 9500 WHEN 'health' THEN 2400 ELSE 60000 END"
_RATIO = f"claim_amount / ({_TYPICAL})"

WINDOW_FEATURES = (
    WindowFeature(
        name="claim_count_2min", aggregate="count", window="2min", description="Claims of the user in 2 minutes."
    ),
    WindowFeature(name="claim_count_1hr", aggregate="count", window="1hr", description="Claims of the user in 1 hour."),
    WindowFeature(
        name="claim_count_24hr",
        aggregate="count",
        window="24hr",
        value="claim_amount",
        description="Claims of the user in 24 hours.",
    ),
    WindowFeature(
        name="avg_claim_amount_24hr",
        aggregate="mean",
        window="24hr",
        value="claim_amount",
        description="Mean amount of the user's claims in 24 hours.",
    ),
    WindowFeature(
        name="usual_claim_ratio",
        aggregate="ewm_mean",
        window="7d",
        value=_RATIO,
        include_event=False,
        default=1,
        description="Mean of the user's claims before, as multiples of a typical one, each weighing half after 7 days.",
    ),
    WindowFeature(
        name="last_loss_minute",
        aggregate="last",
        window="30d",
        kind="session",
        value="unix_millis(incident_time) / 60000",
        include_event=False,
        description="When the loss of the user's claim before this one was, in minutes since 1970.",
    ),
    WindowFeature(
        name="last_claim_amount",
        aggregate="last",
        window="30d",
        kind="session",
        value="claim_amount",
        include_event=False,
        description="The amount of the user's claim before this one.",
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
        name="proof_count",
        sql="size(documents) + CASE WHEN provider_id IS NOT NULL THEN 1 ELSE 0 END"
        " + CASE WHEN police_report_filed THEN 1 ELSE 0 END + CASE WHEN witness_count > 0 THEN 1 ELSE 0 END",
        description="How much proves the loss: documents, an estimate's maker, a police report, a witness.",
    ),
    DerivedFeature(
        name="thin_proof_score",
        sql="least(greatest((5 - proof_count) / 4, 0), 1)",
        description="How little proves the loss: 0 with five things or more, 1 with one or none.",
    ),
    DerivedFeature(
        name="amount_excess",
        sql="least(greatest(ln(claim_to_typical_ratio), -1.5), 2)",
        description="The logarithm of that multiple, from -1.5 to 2: 0.7 is twice a typical claim.",
    ),
    DerivedFeature(
        name="unproven_amount_score",
        sql="least(greatest(amount_excess - 0.7, 0), 1) * thin_proof_score",
        description="A claim of several times what such a loss costs with little to prove it, 0 to 1.",
    ),
    DerivedFeature(
        name="early_claim_score",
        sql="least(greatest((45 - policy_age_days) / 30, 0), 1) * least(greatest((amount_excess + 0.3) / 1.5, 0), 1)"
        " * (0.5 + 0.5 * thin_proof_score)",
        description="A high claim on a policy that is days or weeks old, 0 to 1.",
    ),
    DerivedFeature(
        name="weather_mismatch_score",
        sql="CASE WHEN loss_cause = 'storm_damage' THEN least(greatest((0.35 - weather_severity) / 0.3, 0), 1)"
        " * least(greatest((amount_excess + 1) / 2, 0), 1) * (0.4 + 0.6 * thin_proof_score) ELSE 0 END",
        description="Storm damage where the weather was calm, more so for much damage with little proof, 0 to 1.",
    ),
    DerivedFeature(
        name="duplicate_loss_score",
        sql="coalesce("
        "least(greatest(1.5 - abs(unix_millis(incident_time) / 60000 - last_loss_minute) / 30, 0), 1)"
        " * least(greatest(1.5 - abs(ln(claim_amount / nullif(last_claim_amount, 0))) / 0.15, 0), 1), 0)",
        description="Whether the user's claim before was for a loss at the same time and of the same amount, 0 to 1.",
    ),
    DerivedFeature(
        name="claim_frequency_score",
        sql="1 - exp(-greatest(claim_count_2min - 2 - (claim_count_1hr - claim_count_2min) / 15, 0) / 2)",
        description="How many claims beyond the second in 2 minutes, and twice the user's pace of the hour, 0 to 1.",
    ),
    DerivedFeature(
        name="composite_risk_score",
        sql="1 - (1 - 0.8 * unproven_amount_score) * (1 - early_claim_score) * (1 - weather_mismatch_score)"
        " * (1 - 0.7 * duplicate_loss_score) * (1 - claim_frequency_score) * (1 - 0.1 * thin_proof_score)",
        description="Amount, proof, policy's age, weather, repetition and pace in one number, 0 to 1.",
    ),
)
