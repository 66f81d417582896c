"""Runs of payments that belong together: patterns of fraud, and what looks like them and is none.

A burst keeps its own constants (the thief's device, the shop, the price) by its number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskloom.produce.synthetic import CITIES, COMPROMISED_USERS, Burst, BurstKind, Floats, Ints, hashed, pick
from riskloom_transactions import merchants as m
from riskloom_transactions.people import People

PATTERNS = ("card_testing", "account_takeover", "synthetic_identity", "velocity_abuse", "merchant_fraud")
"""The labels. The first four are about a user, the last about a merchant who charges the cards of many."""
TESTING, TAKEOVER, SYNTHETIC, VELOCITY, MERCHANT, MICRO, SPREE, NEW, SALE = range(9)
"""The kinds of bursts: the patterns, then small purchases in a game, a day in the shops, the first purchases of a new
customer, and a sale at one merchant."""
NORMAL = -1

_SHARE = (0.25, 0.2, 0.2, 0.2, 0.15)  # of each pattern, in all payments of patterns
_LENGTH = ((7, 13), (4, 9), (6, 12), (5, 11), (20, 50))
_GAP_MIN = (0.06, 8, 45, 3, 1)
_ORDINARY = (
    (MICRO, 0.006, (3, 9), 0.4),
    (SPREE, 0.012, (3, 8), 6),
    (NEW, 0.008, (4, 9), 45),
    (SALE, 0.006, (15, 60), 1),
)

# By kind, weights of the categories in their order. Those at one merchant have that merchant's category.
_CATEGORY = np.array(
    [
        [0, 0, 0, 20, 0, 0, 40, 20, 0, 20],
        [0, 0, 0, 12, 40, 20, 3, 0, 0, 25],
        [8, 2, 2, 28, 35, 12, 3, 0, 0, 10],
        [20, 3, 15, 35, 17, 0, 0, 0, 0, 10],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 95, 0, 0, 5],
        [12, 20, 3, 50, 12, 0, 3, 0, 0, 0],
        [15, 10, 3, 30, 22, 10, 10, 0, 0, 0],
        [0, 0, 0, 45, 30, 15, 10, 0, 0, 0],
    ],
    dtype=float,
)
_RESOLD = np.array([0, 0, 0, 2, 5, 0, 0, 0, 0, 4.0])
_PRESENT = np.array([0, 0, 0.45, 0.96, 0, 0, 0.85, 0.5, 0.15])
_TYPED = np.array([1, 0.2, 0.3, 0.5, 0.45, 0.15, 0.2, 0.35, 0.2])  # of those paid without the card present
_AWAY = np.array([0.5, 0.6, 0.05, 0.45, 0.1, 0, 0.1, 0.05, 0])  # share of bursts in another city than the user's
_STRANGE = np.array([0.6, 0.85, 0.1, 0.5, 0.15, 0, 0, 0.1, 0])  # share of bursts from a device the user never had
_WRONG_CODE = np.array([0.35, 0.05, 0.01, 0.04, 0.08, 0.01, 0.01, 0.02, 0.01])
_SUSPECTED = np.array([0.06, 0.04, 0.02, 0.03, 0.03, 0.003, 0.004, 0.01, 0.003])
_TIMES_USUAL = np.array([1, 2.1, 1, 1.25, 1, 1, 1.0, 1.15, 0.85])  # the median, as a multiple of the usual amount
_PRICES = np.array([14.99, 19.99, 29.99, 39.99, 49.99, 59.99, 79.99, 99.99])
_MICRO_PRICES = np.array([0.99, 0.99, 1.99, 1.99, 2.99, 4.99, 9.99])


@dataclass(frozen=True)
class Runs:
    """What sets the payments of bursts apart, arrays of length k; the rest of them is as always.

    Attributes:
        kind: The kind of each.
        user: Who is charged.
        merchant: Who is paid, and `category` what for.
        category: An index into the categories.
        present: Whether the card was there.
        typed: Whether the number was typed in, where it was not.
        city: Where it happened, or -1 for at home.
        strange: The number of the device the user never had, or -1.
        wrong_code: Whether the security code was wrong, where it was typed in.
        suspected: Whether the bank declined it on suspicion.
        used: The share of the limit that was used before, or NaN.
    """

    kind: Ints
    user: Ints
    merchant: Ints
    category: Ints
    present: Ints
    typed: Ints
    city: Ints
    strange: Ints
    wrong_code: Ints
    suspected: Ints
    used: Floats


def kinds(pattern_rate: float, people: People) -> list[BurstKind]:
    """List the kinds of bursts.

    Args:
        pattern_rate: The share of all payments that belong to `PATTERNS`.
        people: Whom they are about.
    """
    many = len(people.active)
    of_fraud = [
        BurstKind(rate=pattern_rate * share, subjects=many, length=length, gap_ms=60_000 * gap)
        for share, length, gap in zip(_SHARE, _LENGTH, _GAP_MIN, strict=True)
    ]
    ordinary = [
        BurstKind(rate=rate, subjects=many, length=length, gap_ms=60_000 * gap) for _, rate, length, gap in _ORDINARY
    ]
    return [*of_fraud, *ordinary]


def runs(rng: np.random.Generator, key: int, burst: Burst, people: People, devices: int) -> Runs:
    """Make what sets the payments of bursts apart.

    Args:
        rng: The source of randomness.
        key: For what is looked up by a burst's number.
        burst: The payments.
        people: Whom they may be about.
        devices: How many devices there are that belong to no user.
    """
    kind, number, k = burst.kind, burst.number, len(burst.slot)

    def own(what: int) -> Floats:
        return hashed(key, number, what)

    at_one = (kind == MERCHANT) | (kind == SALE)
    user = people.active[burst.subject]
    user = np.where(at_one, people.active[rng.integers(0, len(people.active), k)], user)
    # What is stolen is often used more than once, and not for payments alone.
    known = (kind <= TAKEOVER) & (own(7) < 0.3)
    user[known] = burst.subject[known] % COMPROMISED_USERS
    young = (kind == SYNTHETIC) | (kind == NEW)
    user[young] = people.with_young_credit(burst.subject[young], burst.began[young])

    last = (kind == TESTING) & (burst.left == 0)
    category = pick(np.where(at_one, own(0), rng.random(k)), _CATEGORY, kind)
    category[last] = pick(rng.random(k), _RESOLD)[last]
    # A crooked merchant is not among the busiest; one with a sale is known; testers try one checkout again and again.
    busy = np.where(kind == MERCHANT, 0.35 + 0.65 * own(1), np.where(kind == SALE, 0.5 * own(1), rng.random(k) ** 2))
    busy = np.where((kind == TESTING) & ~last | (kind == MICRO), own(1), busy)
    category = np.where((kind == TESTING) & ~last, pick(own(0), _CATEGORY, kind), category)
    merchant = category * m.PER_CATEGORY + (busy * m.PER_CATEGORY).astype(np.int64)

    away = own(2) < _AWAY[kind]
    return Runs(
        kind=kind,
        user=user,
        merchant=merchant,
        category=category,
        present=rng.random(k) < _PRESENT[kind],
        typed=rng.random(k) < _TYPED[kind],
        city=np.where(away, (own(3) * len(CITIES)).astype(np.int64), -1),
        strange=np.where(own(4) < _STRANGE[kind], (own(5) * devices).astype(np.int64), -1),
        wrong_code=rng.random(k) < np.where(last, 0.05, _WRONG_CODE[kind]),
        suspected=rng.random(k) < _SUSPECTED[kind],
        used=np.where(kind == SYNTHETIC, 0.1 + 0.75 * burst.step / (burst.step + burst.left + 1), np.nan),
    )


def amounts(rng: np.random.Generator, key: int, burst: Burst, run: Runs, usual: Floats, limit: Floats) -> Floats:
    """Make the amounts of the payments of bursts.

    Args:
        rng: The source of randomness.
        key: For what is looked up by a burst's number.
        burst: The payments.
        run: The rest of them.
        usual: What each user usually pays in the category, shape (k,).
        limit: The limit of each account, shape (k,).
    """
    kind, k = run.kind, len(run.kind)
    spread = np.exp(m.SPREAD[run.category] * rng.standard_normal(k))
    amount = usual * _TIMES_USUAL[kind] * spread
    price = _PRICES[(hashed(key, burst.number, 6) * len(_PRICES)).astype(np.int64)]
    choices = [
        ((kind == TESTING) & (burst.left > 0), rng.uniform(0.2, 1.95, k)),
        ((kind == TESTING) & (burst.left == 0), rng.uniform(180, 2_400, k)),
        (kind == SYNTHETIC, limit * rng.uniform(0.03, 0.14, k)),
        (kind == VELOCITY, np.minimum(amount, 250)),
        (kind == MERCHANT, price * np.where(rng.random(k) < 0.8, 1.0, 2.0)),
        (kind == MICRO, rng.choice(_MICRO_PRICES, k)),
    ]
    made: Floats = np.select([one for one, _ in choices], [value for _, value in choices], amount)
    return made
