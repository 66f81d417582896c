"""How risky a claim is, and why."""

from __future__ import annotations

from riskloom.domain import ScoringRule, Term

# The weights were searched for on generated claims of seed 1, with a high recall of every pattern at 1 % false alarms
# as the aim: plugins/fit.py. How well they find those of another seed: docs/data-generators.md.
RULE = ScoringRule(
    version="2",
    terms=(
        Term(
            code="UNPROVEN_AMOUNT",
            sql="unproven_amount_score",
            weight=0.8,
            description="The amount is several times what such a loss costs, and little proves it.",
        ),
        Term(
            code="EARLY_CLAIM",
            sql="early_claim_score",
            weight=0.71,
            description="A high claim on a policy that has just begun.",
        ),
        Term(
            code="WEATHER_MISMATCH",
            sql="weather_mismatch_score * 1.5",
            weight=0.88,
            description="Storm damage is claimed, but the weather at the place was calm.",
        ),
        Term(
            code="DUPLICATE_LOSS",
            sql="duplicate_loss_score",
            weight=0.5,
            description="The same loss, at the same time and of the same amount, was claimed before.",
        ),
        Term(
            code="CLAIM_BURST",
            sql="claim_frequency_score",
            weight=0.86,
            description="The user files one claim after the other, far more often than before.",
        ),
        Term(
            code="THIN_PROOF",
            sql="thin_proof_score",
            weight=0.18,
            description="Little proves the loss: few documents, no report, no witness.",
        ),
        Term(
            code="ABOVE_OWN_HISTORY",
            sql="(claim_to_typical_ratio / greatest(usual_claim_ratio, 0.5) - 2) / 4",
            weight=0.02,
            description="The amount is far above the user's own claims before.",
        ),
        Term(
            code="NEAR_COVERAGE_LIMIT",
            sql="(claim_to_coverage_ratio - 0.4) / 0.5",
            weight=0.14,
            description="The amount comes near the most that the policy pays.",
        ),
        Term(
            code="MANY_PRIOR_CLAIMS",
            sql="(prior_claim_count - 3) / 6",
            weight=0.17,
            description="The user claimed often in the five years before.",
        ),
        Term(
            code="UNREPORTED_CRIME",
            sql="loss_cause IN ('theft', 'burglary', 'vandalism') AND NOT police_report_filed",
            weight=0.03,
            description="A crime is claimed that the police were not told of.",
        ),
        Term(
            code="DECLINED_PAYMENTS",
            sql="(user_declined_count_1hr - 1) / 4",
            weight=0.03,
            description="Several payments of the same user were declined within the hour.",
        ),
    ),
)
