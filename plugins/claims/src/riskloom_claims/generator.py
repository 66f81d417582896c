"""Synthetic insurance claims: ordinary ones with seasons, weather and places, and runs of inflated ones by one user."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskloom.domain import load_schema
from riskloom.produce.synthetic import (
    CITIES,
    COMPROMISED_USERS,
    USERS,
    Bools,
    Bursts,
    Clock,
    Floats,
    Ints,
    choose,
    homes,
    lists,
    members,
    pick,
    same,
    seeded,
    text,
    trait,
    uuids,
)
from riskloom.schemas.arrow import record_batch

PATTERN = "inflated_claims"
"""The label of a burst: several claims by one user within minutes, each far above what such a loss costs."""

_TYPES = ("auto", "property", "health", "life")
_AUTO, _PROPERTY, _HEALTH, _LIFE = range(4)
_MEDIAN = np.array([4_200.0, 9_500.0, 2_400.0, 60_000.0])
_SPREAD = np.array([0.55, 0.6, 0.6, 0.45])  # standard deviation of the logarithm of the amount
_COVERAGE = np.array([50_000.0, 250_000.0, 40_000.0, 500_000.0])
_PREMIUM = np.array([1_400.0, 1_900.0, 5_600.0, 900.0])
_POLICY_DAYS = 2_600  # how long a policy lasts before a new one takes its place
_DEDUCTIBLES = np.array([0.0, 250.0, 500.0, 1_000.0, 2_500.0])
# More crashes in winter, more damage to homes in the storm season, more illness in winter. Rows are months.
_SEASON = np.cos((np.arange(12) - 0.5) / 12 * 2 * np.pi)  # 1 in mid-January, -1 in mid-July
_TYPE_BY_MONTH = np.stack([44 + 6 * _SEASON, 24 - 7 * _SEASON, 28 + 4 * _SEASON, 4 + 0 * _SEASON], axis=1)

_WEATHER = ("clear", "rain", "snow", "storm", "hail", "hurricane")
_SEVERITY = np.array([0.0, 0.2, 0.4, 0.6, 0.65, 0.85])
_GULF = [c.name.endswith(("FL", "LA")) or c.name.startswith("Houston") for c in CITIES]
_NORTH = [c.latitude > 38 and not c.name.startswith("Seattle") for c in CITIES]
_CLIMATE = np.where(_GULF, 2, np.where(_NORTH, 1, 0))  # of each city: mild, snowy, hurricanes
_SNOW = np.clip(_SEASON, 0, None) * 22
_HURRICANE = np.array([0, 0, 0, 0, 0, 1, 2, 5, 6, 3, 1, 0.0])
_WEATHER_BY_CLIMATE_AND_MONTH = np.stack(
    [
        np.stack([72 - snow - wind, 19 + 0 * snow, snow, 7 + 0 * snow, 2 + 0 * snow, wind], axis=1)
        for snow, wind in ((0 * _SNOW, 0 * _SNOW), (_SNOW, 0 * _SNOW), (0 * _SNOW, _HURRICANE))
    ]
).reshape(36, 6)

_CAUSES = (
    *("collision", "theft", "vandalism", "storm_damage"),
    *("fire", "water_damage", "burglary", "storm_damage"),
    *("illness", "surgery", "injury", "emergency_care"),
    *("illness", "accident", "natural_causes", "other"),
)
_CAUSE_WEIGHTS = np.array([[70, 12, 18, 0], [22, 45, 33, 0], [48, 20, 22, 10], [45, 20, 30, 5.0]])
_STORM_CAUSE = 3  # of auto and property
_WITNESSES = np.array([[45, 36, 14, 4, 1], [82, 16, 2, 0, 0]])  # weights of how many: ordinary claims, inflated ones
_CHANNELS = ("app", "web", "phone", "agent")
_DOCUMENTS = ("photos", "invoice", "estimate", "police_report", "medical_record")
_INDICATORS = ("unusual_claim_amount", "near_coverage_limit", "recent_policy", "many_prior_claims", "late_report")
_PRIORITIES = ("low", "medium", "high")
_PLACES = [c.name for c in CITIES]
_LATITUDE = np.array([c.latitude for c in CITIES])
_LONGITUDE = np.array([c.longitude for c in CITIES])
_PROVIDERS = 800
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000


class ClaimsGenerator:
    """Makes claims of a fixed population of users, the same as that of transactions.

    Args:
        seed: Same seed and same calls, same claims.
        pattern_rate: The share of claims that belong to `PATTERN`, 0 to below 1.
    """

    def __init__(self, *, seed: int, pattern_rate: float = 0.015) -> None:
        self._schema = load_schema(__package__)
        self._rng = seeded("claims", seed)
        self._bursts = Bursts(self._rng, rate=pattern_rate, subjects=COMPROMISED_USERS, length=(4, 7), gap_ms=12_000)
        self._home = homes("users", USERS)
        self._level = trait("users/claims", USERS)  # how often and how much a user claims
        self._joined_ms = (trait("users/joined", USERS) * 14 * 365).astype(np.int64) * _DAY_MS + 1_230_768_000_000

    def batch(self, times: Ints) -> pa.RecordBatch:
        """Make one claim for each time.

        Args:
            times: Times of filing in milliseconds since the epoch, UTC, ascending, shape (n,).
        """
        rng, n = self._rng, len(times)
        burst = self._bursts.take(times)
        fraud = np.zeros(n, dtype=bool)
        fraud[burst.slot] = True

        user = rng.integers(0, USERS, n)
        user[burst.slot] = burst.subject
        home = self._home[user]
        city = np.where(rng.random(n) < 0.93, home, rng.integers(0, len(CITIES), n))
        clock = Clock.at(times, city)
        kind = pick(rng.random(n), _TYPE_BY_MONTH, clock.month)
        weather = pick(rng.random(n), _WEATHER_BY_CLIMATE_AND_MONTH, _CLIMATE[city] * 12 + clock.month)
        severity = np.where(weather > 0, np.clip(_SEVERITY[weather] + 0.12 * rng.standard_normal(n), 0.05, 1.0), 0.0)
        cause = pick(rng.random(n), _CAUSE_WEIGHTS, kind)
        # Storms damage cars and homes in bad weather; someone who makes a loss up does not look at the weather.
        storm = (rng.random(n) < np.where(fraud, 0.35, severity * 0.8)) & (kind <= _PROPERTY)
        cause[storm] = _STORM_CAUSE

        policy = user * len(_TYPES) + kind
        cover = _COVERAGE[kind] * (0.6 + 0.8 * self._level[user])
        amount = self._amounts(kind, severity, user, fraud, cover)
        ratio = amount / _MEDIAN[kind]
        tenure = np.maximum((times - self._joined_ms[user]) // _DAY_MS, 1)
        policy_age = np.minimum((times // _DAY_MS + policy * 37) % _POLICY_DAYS + 1, tenure)
        delay = rng.exponential(np.where(kind == _HEALTH, 160.0, 40.0)) + 0.2
        priors = rng.exponential(0.6 + 1.5 * self._level[user] + 1.5 * fraud).astype(np.int64)

        signs = np.stack([ratio > 3, amount > 0.8 * cover, policy_age < 90, priors > 3, delay > 300])
        noticed = signs & (rng.random(signs.shape) < 0.85)
        suspicion = np.clip(0.05 + 0.2 * noticed.sum(axis=0) + 0.25 * fraud + 0.06 * rng.standard_normal(n), 0, 1)
        urgent = ((amount > 20_000).astype(np.int64) + (severity > 0.5)).clip(0, 2)
        police = (cause != 0) & (kind <= _PROPERTY) & (rng.random(n) < np.where(fraud, 0.25, 0.8))
        likely = np.array([0.85, 0.75, 0.6, 0.0, 0.1]) * np.where(fraud, 0.45, 1.0)[:, None]
        documents = rng.random((n, len(_DOCUMENTS))) < likely
        documents[:, 3] |= police
        documents[:, 4] |= kind == _HEALTH

        return record_batch(
            self._schema,
            {
                "claim_id": uuids(rng, n),
                "user_id": members("users", USERS, user),
                "timestamp": times,
                "event_type": same("insurance_claim", n),
                "claim_type": text(_TYPES, kind),
                "claim_amount": amount,
                "currency": same("USD", n),
                "policy_id": members("policies", USERS * len(_TYPES), policy),
                "policy_age_days": policy_age,
                "coverage_limit": np.round(cover, -2),
                "deductible": _DEDUCTIBLES[policy % len(_DEDUCTIBLES)],
                "annual_premium": np.round(_PREMIUM[kind] * (0.7 + 0.6 * self._level[user]), 2),
                "loss_cause": text(_CAUSES, kind * 4 + cause),
                "incident_time": times - (delay * _HOUR_MS).astype(np.int64),
                "reporting_delay_hours": np.round(delay, 2),
                "location": text(_PLACES, city),
                "latitude": np.round(_LATITUDE[city] + 0.08 * rng.standard_normal(n), 4),
                "longitude": np.round(_LONGITUDE[city] + 0.08 * rng.standard_normal(n), 4),
                "home_location": text(_PLACES, home),
                "weather": text(_WEATHER, weather),
                "weather_severity": np.round(severity, 3),
                "catastrophe_code": text(("CAT-HURRICANE",), np.zeros(n, dtype=np.int64), null=weather != 5),
                "submission_channel": choose(rng, _CHANNELS, n, weights=(46, 30, 14, 10)),
                "provider_id": members(
                    "providers", _PROVIDERS, rng.integers(0, _PROVIDERS, n), null=(kind == _LIFE) | fraud
                ),
                "police_report_filed": police,
                "third_party_involved": (kind == _AUTO) & (rng.random(n) < 0.55),
                "injury_involved": ((kind == _AUTO) & (rng.random(n) < 0.15)) | (kind == _HEALTH),
                "witness_count": pick(rng.random(n), _WITNESSES, fraud.astype(np.int64)),
                "documents": lists(_DOCUMENTS, documents),
                "prior_claim_count": priors,
                "prior_claim_amount": np.round(priors * _MEDIAN[_AUTO] * (0.5 + self._level[user]), 2),
                "customer_tenure_days": tenure,
                "priority": text(_PRIORITIES, urgent),
                "risk_score": np.round(np.clip(suspicion + 0.1 * severity, 0, 1), 4),
                "fraud_probability": np.round(suspicion**1.5, 4),
                "fraud_indicators": lists(_INDICATORS, noticed.T),
                "fraud_pattern": text((PATTERN,), np.zeros(n, dtype=np.int64), null=~fraud),
            },
        )

    def _amounts(self, kind: Ints, severity: Floats, user: Ints, fraud: Bools, cover: Floats) -> Floats:
        """Draw log-normal amounts; weather and the user's level raise them, and a fraud inflates them."""
        rng, n = self._rng, len(kind)
        log = np.log(_MEDIAN[kind]) + _SPREAD[kind] * rng.standard_normal(n)
        log += 0.5 * severity * (kind <= _PROPERTY) + 0.3 * (self._level[user] - 0.5)
        inflated = _MEDIAN[kind] * rng.uniform(3.0, 8.0, n)
        amount: Floats = np.where(fraud, np.maximum(np.exp(log), inflated), np.exp(log))
        return amount.clip(80, 0.97 * cover).round(2)
