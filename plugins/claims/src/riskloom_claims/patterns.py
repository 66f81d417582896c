"""What is put into the stream of ordinary claims: patterns, and honest claims that look like them."""

from __future__ import annotations

from riskloom.produce.synthetic import COMPROMISED_USERS, USERS, BurstKind, share

PATTERNS = ("inflated_amount", "claim_burst", "early_claim", "duplicate_loss", "staged_weather")
"""The labels.

- `inflated_amount`: one claim of several times what such a loss costs, with little to prove it.
- `claim_burst`: 6 to 10 invented claims of one user within minutes.
- `early_claim`: a high claim on a policy that is days old.
- `duplicate_loss`: a loss that was claimed minutes before, claimed again in slightly other words.
- `staged_weather`: storm damage where there was no storm, and more of it than storms do.
"""
LOOKALIKES = ("household", "supplement", "double_send")
"""Honest claims that come together, without a label.

- `household`: one event damages car and home, and 2 or 3 claims follow each other.
- `supplement`: a second claim for the same loss: what the first one left out.
- `double_send`: the same claim sent twice by mistake.
"""

INFLATED, BURST, EARLY, DUPLICATE, STAGED = range(len(PATTERNS))
HOUSEHOLD, SUPPLEMENT, DOUBLE = range(len(PATTERNS), len(PATTERNS) + len(LOOKALIKES))
NORMAL = -1

_SHARES = (0.22, 0.28, 0.16, 0.16, 0.18)  # of the patterns, by their claims
_LENGTHS = ((1, 1), (6, 10), (1, 1), (2, 3), (1, 1))
_GAPS_MS = (0, 20_000, 0, 60_000, 0)
_ORDINARY = (BurstKind(0.012, USERS, (2, 3), 90_000), BurstKind(0.008, USERS, (2, 2), 90_000))
_MISTAKES = BurstKind(0.001, USERS, (2, 2), 20_000)


def kinds(pattern_rate: float) -> list[BurstKind]:
    """Say how often each pattern and each look-alike comes.

    Args:
        pattern_rate: The share of claims that carry a label, 0 to below 0.9.
    """
    rates = [share(pattern_rate) * part for part in _SHARES]
    rates[DUPLICATE] *= 2.5 / 1.5  # of 2 or 3 claims of a loss, the first is an ordinary one
    patterns = [
        BurstKind(rate, COMPROMISED_USERS, length, gap)
        for rate, length, gap in zip(rates, _LENGTHS, _GAPS_MS, strict=True)
    ]
    honest = [
        BurstKind(kind.rate * (1 - pattern_rate), kind.subjects, kind.length, kind.gap_ms)
        for kind in (*_ORDINARY, _MISTAKES)
    ]
    return [*patterns, *honest]
