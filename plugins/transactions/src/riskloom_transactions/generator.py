"""Synthetic payments: ordinary ones with daily rhythms, homes and merchants, and runs of card testing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskloom.domain import load_schema
from riskloom.produce.synthetic import (
    CITIES,
    COMPROMISED_USERS,
    USERS,
    Bursts,
    Clock,
    Floats,
    Ints,
    homes,
    members,
    pick,
    same,
    seeded,
    text,
    trait,
    uuids,
)
from riskloom.schemas.arrow import record_batch

PATTERN = "card_testing"
"""The label of a burst: many tiny payments with one card within a minute, then one large one."""

_CATEGORIES = (
    *("grocery", "restaurant", "fuel", "retail", "electronics"),
    *("travel", "entertainment", "utilities", "healthcare", "gift_cards"),
)
_CODES = ("5411", "5812", "5541", "5311", "5732", "4722", "7832", "4900", "8099", "5815")
_MEDIAN = np.array([48.0, 27.0, 41.0, 55.0, 140.0, 320.0, 24.0, 95.0, 80.0, 40.0])
_SPREAD = np.array([0.6, 0.55, 0.35, 0.7, 0.8, 0.8, 0.5, 0.5, 0.8, 0.4])
_ONLINE = np.array([0.12, 0.18, 0.0, 0.45, 0.6, 0.85, 0.6, 0.1, 0.1, 0.9])  # share bought without the card present
_RECURRING, _ELECTRONICS, _GIFT_CARDS = 7, 4, 9  # utilities are paid by agreement


def _rhythm(peaks: tuple[int, ...], floor: float) -> Floats:
    hours = np.arange(24)
    near = [np.exp(-(np.minimum(abs(hours - peak), 24 - abs(hours - peak)) ** 2) / 6.0) for peak in peaks]
    rhythm: Floats = floor + np.max(near, axis=0)
    return rhythm


# What is bought when, by the local hour: meals at noon and in the evening, fuel on the way to work and back.
_CATEGORY_BY_HOUR = np.stack(
    [
        24 * _rhythm((11, 18), 0.15),
        20 * _rhythm((8, 12, 19), 0.08),
        12 * _rhythm((7, 17), 0.2),
        16 * _rhythm((13, 16), 0.08),
        6 * _rhythm((14, 20), 0.15),
        4 * _rhythm((10, 21), 0.3),
        8 * _rhythm((20, 22), 0.12),
        6 * _rhythm((6,), 0.4),
        5 * _rhythm((10, 15), 0.1),
        2 * _rhythm((18,), 0.4),
    ],
    axis=1,
)

_PER_CATEGORY = 200
_MERCHANTS = len(_CATEGORIES) * _PER_CATEGORY
_FIRST = ("Harbor", "Maple", "Summit", "Cedar", "Bluebird", "Union", "Lakeside", "Copper", "Prairie", "Beacon")
_SECOND = ("Lane", "Square", "Point", "Hill", "Corner", "Bridge", "Grove", "Park", "Row", "Field")
_TRADES = (
    *(("Market", "Foods"), ("Kitchen", "Grill"), ("Fuel", "Service Station"), ("Outfitters", "Goods")),
    *(("Electronics", "Digital"), ("Travel", "Air"), ("Cinema", "Games"), ("Power", "Water")),
    *(("Clinic", "Pharmacy"), ("Gift Cards", "Vouchers")),
)
_MERCHANT_NAMES = [f"{a} {b} {trade}" for trades in _TRADES for a in _FIRST for b in _SECOND for trade in trades]

_METHODS = ("credit_card", "debit_card", "mobile_wallet", "bank_transfer")
_CREDIT, _DEBIT, _WALLET, _TRANSFER = range(4)
_CHANNELS = ("in_store", "online", "in_app", "recurring")
_ENTRIES = ("chip", "contactless", "swipe", "stored", "typed")
_DECLINES = ("insufficient_funds", "security_code", "suspected_fraud")
_PLACES = [c.name for c in CITIES]
_LATITUDE = np.array([c.latitude for c in CITIES])
_LONGITUDE = np.array([c.longitude for c in CITIES])
_DAY_MS = 86_400_000


def _distances_km() -> Floats:
    """Work out the great-circle distance between any two cities (haversine, a sphere of 6,371 km)."""
    lat, lon = np.radians(_LATITUDE), np.radians(_LONGITUDE)
    half = np.sin((lat[:, None] - lat) / 2) ** 2 + np.cos(lat[:, None]) * np.cos(lat) * (
        np.sin((lon[:, None] - lon) / 2) ** 2
    )
    distances: Floats = 2 * 6_371.0 * np.arcsin(np.sqrt(half))
    return distances


class TransactionsGenerator:
    """Makes payments of a fixed population of users, the same as that of claims, at a fixed set of merchants.

    Args:
        seed: Same seed and same calls, same payments.
        pattern_rate: The share of payments that belong to `PATTERN`, 0 to below 1.
    """

    def __init__(self, *, seed: int, pattern_rate: float = 0.015) -> None:
        self._schema = load_schema(__package__)
        self._rng = seeded("transactions", seed)
        self._bursts = Bursts(self._rng, rate=pattern_rate, subjects=COMPROMISED_USERS, length=(7, 13), gap_ms=3_500)
        self._merchant_names = pa.array(_MERCHANT_NAMES)
        self._home = homes("users", USERS)
        self._wealth = trait("users/wealth", USERS)
        self._method = pick(trait("users/method", USERS), (40, 34, 20, 6))
        self._opened_ms = (trait("users/opened", USERS) * 15 * 365).astype(np.int64) * _DAY_MS + 1_230_768_000_000
        self._distance = _distances_km()

    def batch(self, times: Ints) -> pa.RecordBatch:
        """Make one payment for each time.

        Args:
            times: Times of payment in milliseconds since the epoch, UTC, ascending, shape (n,).
        """
        rng, n = self._rng, len(times)
        burst = self._bursts.take(times)
        fraud, last = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        fraud[burst.slot] = True
        last[burst.slot] = burst.left == 0

        user = rng.integers(0, USERS, n)
        user[burst.slot] = burst.subject
        home = self._home[user]
        category = pick(rng.random(n), _CATEGORY_BY_HOUR, Clock.at(times, home).hour)
        category[fraud] = rng.choice((_GIFT_CARDS, _ELECTRONICS, 3), fraud.sum())
        place = (rng.random(n) ** 2 * _PER_CATEGORY).astype(np.int64)  # some merchants are busier than others
        place[burst.slot] = burst.subject % _PER_CATEGORY  # one weak checkout is tried again and again
        merchant = category * _PER_CATEGORY + place

        level = 0.5 * (self._wealth[user] - 0.5)
        typical = _MEDIAN[category] * np.exp(level)
        amount = typical * np.exp(_SPREAD[category] * rng.standard_normal(n))
        tried = np.where(last, rng.uniform(450, 2_400, n), rng.uniform(0.2, 1.95, n))
        amount = np.round(np.where(fraud, tried, np.maximum(amount, 0.5)), 2)
        limit = np.round(1_500 + 14_000 * self._wealth[user] ** 2, -2)
        available = limit * (1 - 0.75 * rng.random(n) ** 1.5)

        method = np.where(rng.random(n) < 0.85, self._method[user], rng.integers(0, 4, n))
        method[fraud] = _CREDIT
        recurring = (category == _RECURRING) & (rng.random(n) < 0.7) & ~fraud
        remote = (rng.random(n) < _ONLINE[category]) | (method == _TRANSFER) | fraud
        channel = np.where(recurring, 3, np.where(remote, 1 + (rng.random(n) < 0.4), 0))
        present = channel == 0
        city = np.where(present & (rng.random(n) < 0.06), rng.integers(0, len(CITIES), n), home)
        entry = np.where(present, np.where(method == _WALLET, 1, pick(rng.random(n), (50, 44, 6))), 3)
        entry[~present & ((rng.random(n) < 0.2) | fraud)] = 4

        wrong_code = (entry == 4) & (rng.random(n) < np.where(fraud & ~last, 0.4, 0.01))
        short = amount > available
        suspected = rng.random(n) < np.where(fraud, 0.08, 0.004)
        declined = wrong_code | short | suspected
        doubt = 0.04 + 0.3 * fraud + 0.2 * wrong_code + 0.1 * (amount > 5 * typical) + 0.05 * rng.standard_normal(n)

        return record_batch(
            self._schema,
            {
                "transaction_id": uuids(rng, n),
                "user_id": members("users", USERS, user),
                "timestamp": times,
                "event_type": same("financial_transaction", n),
                "amount": amount,
                "currency": same("USD", n),
                "category": text(_CATEGORIES, category),
                "merchant_id": members("merchants", _MERCHANTS, merchant),
                "merchant_name": text(self._merchant_names, merchant),
                "merchant_category_code": text(_CODES, category),
                "location": text(_PLACES, city),
                "latitude": np.round(_LATITUDE[city] + 0.06 * rng.standard_normal(n), 4),
                "longitude": np.round(_LONGITUDE[city] + 0.06 * rng.standard_normal(n), 4),
                "home_distance_km": np.round(self._distance[home, city], 1),
                "payment_method": text(_METHODS, method),
                "card_id": members("cards", USERS * 2, user * 2 + (method == _DEBIT), null=method == _TRANSFER),
                "channel": text(_CHANNELS, channel),
                "card_present": present,
                "entry_mode": text(_ENTRIES, entry),
                "device_id": members("phones", USERS, user, null=present | recurring | fraud),
                "authorization_status": text(("approved", "declined"), declined.astype(np.int64)),
                "decline_reason": text(_DECLINES, np.where(wrong_code, 1, np.where(short, 0, 2)), null=~declined),
                "security_code_match": ~wrong_code,
                "is_recurring": recurring,
                "installments": np.where((amount > 300) & (rng.random(n) < 0.2), 6, 1),
                "account_age_days": np.maximum((times - self._opened_ms[user]) // _DAY_MS, 1),
                "credit_limit": limit,
                "available_credit": np.round(available, 2),
                "typical_amount": np.round(typical, 2),
                "is_fraud": fraud,
                "fraud_pattern": text((PATTERN,), np.zeros(n, dtype=np.int64), null=~fraud),
                "risk_score": np.round(np.clip(doubt, 0, 1), 4),
            },
        )
