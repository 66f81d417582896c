"""Synthetic payments: people with homes, budgets and rhythms, and patterns of fraud among them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskloom.domain import load_schema
from riskloom.produce.synthetic import (
    CITIES,
    USERS,
    Clock,
    Floats,
    Ints,
    MixedBursts,
    hashed,
    key_of,
    members,
    pick,
    rest,
    same,
    seeded,
    text,
    uuids,
)
from riskloom.schemas.arrow import record_batch
from riskloom_transactions import merchants as m
from riskloom_transactions.patterns import NORMAL, PATTERNS, VELOCITY, amounts, kinds, runs
from riskloom_transactions.people import DAY_MS, DEVICES, People

_METHODS = ("credit_card", "debit_card", "mobile_wallet", "bank_transfer")
_METHOD_WEIGHTS = (40, 34, 20, 6)
_CREDIT, _DEBIT, _WALLET, _TRANSFER = range(4)
_CHANNELS = ("in_store", "online", "in_app", "recurring")
_ENTRIES = ("chip", "contactless", "swipe", "stored", "typed")
_DECLINES = ("insufficient_funds", "security_code", "suspected_fraud")
_STRANGE_DEVICES = 3_000
_PLACES = [c.name for c in CITIES]
_LATITUDE = np.array([c.latitude for c in CITIES])
_LONGITUDE = np.array([c.longitude for c in CITIES])
_HOUR_MS = 3_600_000
_DECEMBER = 11


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
        pattern_rate: The share of payments that belong to one of `PATTERNS`, 0 to below 0.95.
    """

    pace = 1.0
    """Payments a second at which the population is as busy as people are: 1.7 a day each."""

    def __init__(self, *, seed: int, pattern_rate: float = 0.015) -> None:
        self._schema = load_schema(__package__)
        self._rng = seeded("transactions", seed)
        self._key = key_of(self._rng)
        self._people = People()
        self._bursts = MixedBursts(self._rng, kinds(pattern_rate, self._people))
        self._distance = _distances_km()

    def batch(self, times: Ints) -> pa.RecordBatch:
        """Make one payment for each time.

        Args:
            times: Times of payment in milliseconds since the epoch, UTC, ascending, shape (n,).
        """
        rng, people, n = self._rng, self._people, len(times)
        burst = self._bursts.take(times)
        run = runs(rng, self._key, burst, people, _STRANGE_DEVICES)
        slot, kind = burst.slot, np.full(n, NORMAL)
        kind[slot] = run.kind
        ordinary = kind == NORMAL

        user = people.someone(rng.random(n), pick(rng.random(n), people.cities_by_hour, rest(times // _HOUR_MS, 24)))
        user[slot] = run.user
        home = people.home[user]
        clock, day = Clock.at(times, home), times // DAY_MS
        on_trip, away = people.travels(user, day)
        row = clock.hour + 24 * (clock.weekday >= 5) + 48 * (clock.month == _DECEMBER)
        category = pick(rng.random(n), m.BY_HOUR, row)
        trip_meal = ordinary & on_trip & (rng.random(n) < 0.4)
        category[trip_meal] = rng.choice((m.RESTAURANT, m.TRAVEL, m.ENTERTAINMENT), n)[trip_meal]
        category[slot] = run.category
        # Half of all payments are at one of the three merchants that the user always goes to.
        favourite = hashed(1, user * 10 + category, rng.integers(0, 3, n))
        busy = np.where(rng.random(n) < 0.5, favourite, rng.random(n)) ** 2.2
        merchant = category * m.PER_CATEGORY + (busy * m.PER_CATEGORY).astype(np.int64)
        merchant[slot] = run.merchant

        age = people.account_days(user, day)
        limit = people.limit(user, age)
        used = people.used(user, day, rng.random(n))
        used[slot] = np.where(np.isnan(run.used), used[slot], run.used)
        available = limit * (1 - np.minimum(used, 0.99))
        usual = m.MEDIAN[category] * np.exp(0.6 * (people.wealth[user] - 0.5))
        generous = np.where(on_trip, 1.35, np.where(clock.month == _DECEMBER, 1.15, 1.0))
        generous = generous * np.where(rng.random(n) < 0.006, rng.uniform(3, 8, n), 1.0)  # a sofa, a wedding
        amount = usual * generous * np.exp(m.SPREAD[category] * rng.standard_normal(n))
        amount[slot] = amounts(rng, self._key, burst, run, usual[slot], limit[slot])
        amount = np.round(np.maximum(amount, np.where(kind == NORMAL, 0.5, 0.2)), 2)

        method = np.where(rng.random(n) < 0.85, pick(people.method, _METHOD_WEIGHTS)[user], rng.integers(0, 4, n))
        method[slot] = np.where(method[slot] == _TRANSFER, _CREDIT, method[slot])
        recurring = (category == m.UTILITIES) & (rng.random(n) < 0.7) & ordinary
        remote = (rng.random(n) < m.ONLINE[category]) | (method == _TRANSFER)
        remote[slot] = ~run.present
        channel = np.where(recurring, 3, np.where(remote, 1 + (rng.random(n) < 0.4), 0))
        present = channel == 0
        typed = rng.random(n) < 0.2
        typed[slot] = run.typed
        entry = np.where(present, np.where(method == _WALLET, 1, pick(rng.random(n), (50, 44, 6))), 3)
        entry[typed & ~present & ~recurring] = 4
        # A thief does not know the number that a chip asks for.
        entry[slot] = np.where((run.kind == VELOCITY) & (entry[slot] == 0), 1, entry[slot])

        city = np.where(
            on_trip, away, np.where(present & (rng.random(n) < 0.02), rng.integers(0, len(CITIES), n), home)
        )
        city[slot] = np.where(run.city >= 0, run.city, city[slot])
        device = people.device(user, day, rng.random(n))
        strange = device[slot]
        device[slot] = np.where(run.strange >= 0, USERS * DEVICES + run.strange, strange)
        no_device = present | recurring | (rng.random(n) < 0.06)

        wrong, suspected = rng.random(n) < 0.01, rng.random(n) < 0.003
        wrong[slot], suspected[slot] = run.wrong_code, run.suspected
        wrong_code = (entry == 4) & wrong
        short = amount > available
        declined = wrong_code | short | suspected
        fraud = (kind >= 0) & (kind < len(PATTERNS))
        doubt = 0.04 + 0.3 * fraud + 0.2 * wrong_code + 0.1 * (amount > 5 * usual) + 0.05 * rng.standard_normal(n)

        return record_batch(
            self._schema,
            {
                "transaction_id": uuids(rng, n),
                "user_id": members("users", USERS, user),
                "timestamp": times,
                "event_type": same("financial_transaction", n),
                "amount": amount,
                "currency": same("USD", n),
                "category": text(m.CATEGORIES, category),
                "merchant_id": members("merchants", m.MERCHANTS, merchant),
                "merchant_name": text(m.NAMES, merchant),
                "merchant_category_code": text(m.CODES, category),
                "location": text(_PLACES, city),
                "latitude": np.round(_LATITUDE[city] + 0.06 * rng.standard_normal(n), 4),
                "longitude": np.round(_LONGITUDE[city] + 0.06 * rng.standard_normal(n), 4),
                "home_distance_km": np.round(self._distance[home, city], 1),
                "payment_method": text(_METHODS, method),
                "card_id": members("cards", USERS * 2, user * 2 + (method == _DEBIT), null=method == _TRANSFER),
                "channel": text(_CHANNELS, channel),
                "card_present": present,
                "entry_mode": text(_ENTRIES, entry),
                "device_id": members("phones", USERS * DEVICES + _STRANGE_DEVICES, device, null=no_device),
                "authorization_status": text(("approved", "declined"), declined.astype(np.int64)),
                "decline_reason": text(_DECLINES, np.where(wrong_code, 1, np.where(short, 0, 2)), null=~declined),
                "security_code_match": ~wrong_code,
                "is_recurring": recurring,
                "installments": np.where((amount > 300) & (rng.random(n) < 0.2), 6, 1),
                "account_age_days": age,
                "credit_limit": limit,
                "available_credit": np.round(available, 2),
                "typical_amount": np.round(usual, 2),
                "is_fraud": fraud,
                "fraud_pattern": text(PATTERNS, np.where(fraud, kind, 0), null=~fraud),
                "risk_score": np.round(np.clip(doubt, 0, 1), 4),
            },
        )
