"""Synthetic insurance claims: ordinary ones with seasons, weather and places, and patterns of fraud among them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskloom.domain import load_schema
from riskloom.produce.synthetic import (
    CITIES,
    USERS,
    Bools,
    Burst,
    Clock,
    Floats,
    Ints,
    MixedBursts,
    choose,
    hashed,
    homes,
    key_of,
    lists,
    members,
    pick,
    rest,
    same,
    seeded,
    text,
    trait,
    uuids,
)
from riskloom.schemas.arrow import record_batch
from riskloom_claims import weather
from riskloom_claims.patterns import (
    BURST,
    DOUBLE,
    DUPLICATE,
    EARLY,
    HOUSEHOLD,
    INFLATED,
    NORMAL,
    PATTERNS,
    STAGED,
    SUPPLEMENT,
    kinds,
)

_TYPES = ("auto", "property", "health", "life")
_AUTO, _PROPERTY, _HEALTH, _LIFE = range(4)
_MEDIAN = np.array([4_200.0, 9_500.0, 2_400.0, 60_000.0])
_SPREAD = np.array([0.55, 0.6, 0.6, 0.45])  # standard deviation of the logarithm of the amount
_COVERAGE = np.array([50_000.0, 250_000.0, 40_000.0, 500_000.0])
_PREMIUM = np.array([1_400.0, 1_900.0, 5_600.0, 900.0])
_POLICY_DAYS = 2_600  # how long a policy lasts before a new one takes its place
_NEW_POLICIES = 20_000
_DEDUCTIBLES = np.array([0.0, 250.0, 500.0, 1_000.0, 2_500.0])
# More crashes in winter, more damage to homes in the storm season, more illness in winter. Rows are months.
_SEASON = np.cos((np.arange(12) - 0.5) / 12 * 2 * np.pi)  # 1 in mid-January, -1 in mid-July
_TYPE_BY_MONTH = np.stack([44 + 6 * _SEASON, 24 - 7 * _SEASON, 28 + 4 * _SEASON, 4 + 0 * _SEASON], axis=1)

_CAUSES = (
    *("collision", "theft", "vandalism", "storm_damage"),
    *("fire", "water_damage", "burglary", "storm_damage"),
    *("illness", "surgery", "injury", "emergency_care"),
    *("illness", "accident", "natural_causes", "other"),
)
_STORM_CAUSE = 3  # of auto and property
_CAUSE_WEIGHTS = np.array([[70, 12, 18, 0], [22, 45, 33, 0], [48, 20, 22, 10], [45, 20, 30, 5.0]])
_CRIME = trait("cities/crime", len(CITIES))  # where more is stolen: twice as often in the worst place as in the best
_CAUSE_BY_CITY = np.repeat(_CAUSE_WEIGHTS[None], len(CITIES), axis=0)
_CAUSE_BY_CITY[:, _AUTO, 1:3] *= (0.7 + 0.7 * _CRIME)[:, None]
_CAUSE_BY_CITY[:, _PROPERTY, 2] *= 0.7 + 0.7 * _CRIME
_CAUSE_BY_CITY = _CAUSE_BY_CITY.reshape(-1, 4)

_CHANNELS = ("app", "web", "phone", "agent")
_DOCUMENTS = ("photos", "invoice", "estimate", "police_report", "medical_record")
_DOCUMENTED = np.array([0.85, 0.75, 0.6, 0.0, 0.1])
_PROOF = np.array([0.5, 0.6, 0.7, 0.95, 0.6])  # that comes with each of PATTERNS, as a share of what is usual
_INDICATORS = ("unusual_claim_amount", "near_coverage_limit", "recent_policy", "many_prior_claims", "late_report")
_PRIORITIES = ("low", "medium", "high")
_PLACES = [c.name for c in CITIES]
_LATITUDE = np.array([c.latitude for c in CITIES])
_LONGITUDE = np.array([c.longitude for c in CITIES])
_PROVIDERS = 800
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000


class ClaimsGenerator:
    """Makes claims of a fixed population of users, the same as that of transactions.

    Attributes:
        pace: The claims a second that all users together file, if each files one in 6 days.

    Args:
        seed: Same seed and same calls, same claims.
        pattern_rate: The share of claims that belong to one of `PATTERNS`, 0 to below 0.9.
    """

    pace = 0.1

    def __init__(self, *, seed: int, pattern_rate: float = 0.015) -> None:
        self._schema = load_schema(__package__)
        self._rng = seeded("claims", seed)
        self._key = key_of(self._rng)
        self._bursts = MixedBursts(self._rng, kinds(pattern_rate))
        self._home = homes("users", USERS)
        self._level = trait("users/claims", USERS)  # how often and how much a user claims
        self._joined_ms = (trait("users/joined", USERS) * 14 * 365).astype(np.int64) * _DAY_MS + 1_230_768_000_000
        self._residents = np.lexsort((-self._level, self._home))  # of each city, who claims most first
        self._population = np.bincount(self._home, minlength=len(CITIES))
        self._first = self._population.cumsum() - self._population

    def batch(self, times: Ints) -> pa.RecordBatch:
        """Make one claim for each time.

        Args:
            times: Times of filing in milliseconds since the epoch, UTC, ascending, shape (n,).
        """
        rng, n = self._rng, len(times)
        burst = self._bursts.take(times)
        kind, step = np.full(n, NORMAL), np.zeros(n, dtype=np.int64)
        kind[burst.slot], step[burst.slot] = burst.kind, burst.step
        label = np.where((kind < len(PATTERNS)) & ~((kind == DUPLICATE) & (step == 0)), kind, NORMAL)
        fraud = label != NORMAL

        line = pick(rng.random(n), _TYPE_BY_MONTH, Clock(times).month)
        delay = rng.exponential(np.where(line == _HEALTH, 160.0, 40.0)) + 0.2
        incident = times - (delay * _HOUR_MS).astype(np.int64)
        self._group(burst, line, incident)
        delay = (times - incident) / _HOUR_MS

        sky = weather.Weather.over(self._key, incident)
        spell = sky.row(incident)
        city = sky.hit(rng.random(n), spell)
        place = (rng.random(n) ** 1.25 * self._population[city]).astype(np.int64)
        user = np.where(rng.random(n) < 0.93, self._residents[self._first[city] + place], rng.integers(0, USERS, n))
        user[burst.slot] = burst.subject
        home = self._home[user]
        city[burst.slot] = home[burst.slot]
        severity, above = sky.severity[spell, city], sky.kind[spell, city]
        cause = self._causes(line, city, severity, above, kind)

        policy = user * len(_TYPES) + line
        cover = _COVERAGE[line] * (0.6 + 0.8 * self._level[user])
        total = (kind == NORMAL) & (rng.random(n) < 0.012)  # an honest total loss
        amount = self._amounts(line, severity * (above >= weather.STORM), user, kind, total, cover, burst)
        ratio = amount / _MEDIAN[line]
        tenure = np.maximum((times - self._joined_ms[user]) // _DAY_MS, 1)
        policy_age = np.minimum(rest(times // _DAY_MS + policy * 37, _POLICY_DAYS) + 1, tenure)
        early = kind == EARLY
        new = early | (rng.random(n) < 0.01)
        policy_age[new] = np.minimum(1 + rng.random(n) * np.where(early, 20, 45), tenure)[new]
        policy[new] = USERS * len(_TYPES) + rng.integers(0, _NEW_POLICIES, new.sum())
        priors = rng.exponential(0.6 + 1.5 * self._level[user] + 0.8 * fraud).astype(np.int64)

        # How much of what proves a loss is there. Some honest users are careless, not those with a total loss.
        careless = (rng.random(n) < 0.05) & ~total
        proof = np.where(fraud, _PROOF[label], np.where(careless, 0.5, np.where(total, 1.15, 1.0)))
        police = (cause != 0) & (line <= _PROPERTY) & (rng.random(n) < 0.8 * proof)
        documents = rng.random((n, len(_DOCUMENTS))) < _DOCUMENTED * proof[:, None]
        documents[:, 3] |= police
        documents[:, 4] |= (line == _HEALTH) & (rng.random(n) < proof)
        unnamed = (line == _LIFE) | (rng.random(n) > 0.88 * proof)
        witnesses = rng.exponential(0.75 * proof).astype(np.int64)

        signs = np.stack([ratio > 3, amount > 0.8 * cover, policy_age < 90, priors > 3, delay > 300])
        noticed = signs & (rng.random(signs.shape) < 0.85)
        suspicion = np.clip(0.05 + 0.2 * noticed.sum(axis=0) + 0.25 * fraud + 0.06 * rng.standard_normal(n), 0, 1)
        urgent = ((amount > 20_000).astype(np.int64) + (severity > 0.5)).clip(0, 2)

        return record_batch(
            self._schema,
            {
                "claim_id": uuids(rng, n),
                "user_id": members("users", USERS, user),
                "timestamp": times,
                "event_type": same("insurance_claim", n),
                "claim_type": text(_TYPES, line),
                "claim_amount": amount,
                "currency": same("USD", n),
                "policy_id": members("policies", USERS * len(_TYPES) + _NEW_POLICIES, policy),
                "policy_age_days": policy_age,
                "coverage_limit": np.round(cover, -2),
                "deductible": _DEDUCTIBLES[rest(policy, len(_DEDUCTIBLES))],
                "annual_premium": np.round(_PREMIUM[line] * (0.7 + 0.6 * self._level[user]), 2),
                "loss_cause": text(_CAUSES, line * 4 + cause),
                "incident_time": incident,
                "reporting_delay_hours": np.round(delay, 2),
                "location": text(_PLACES, city),
                "latitude": np.round(_LATITUDE[city] + 0.08 * rng.standard_normal(n), 4),
                "longitude": np.round(_LONGITUDE[city] + 0.08 * rng.standard_normal(n), 4),
                "home_location": text(_PLACES, home),
                "weather": text(weather.NAMES, above),
                "weather_severity": np.round(severity, 3),
                "catastrophe_code": text(
                    ("CAT-HURRICANE",), np.zeros(n, dtype=np.int64), null=above != weather.HURRICANE
                ),
                "submission_channel": choose(rng, _CHANNELS, n, weights=(46, 30, 14, 10)),
                "provider_id": members("providers", _PROVIDERS, rng.integers(0, _PROVIDERS, n), null=unnamed),
                "police_report_filed": police,
                "third_party_involved": (line == _AUTO) & (rng.random(n) < 0.55),
                "injury_involved": ((line == _AUTO) & (rng.random(n) < 0.15)) | (line == _HEALTH),
                "witness_count": witnesses,
                "documents": lists(_DOCUMENTS, documents),
                "prior_claim_count": priors,
                "prior_claim_amount": np.round(priors * _MEDIAN[_AUTO] * (0.5 + self._level[user]), 2),
                "customer_tenure_days": tenure,
                "priority": text(_PRIORITIES, urgent),
                "risk_score": np.round(np.clip(suspicion + 0.1 * severity, 0, 1), 4),
                "fraud_probability": np.round(suspicion**1.5, 4),
                "fraud_indicators": lists(_INDICATORS, noticed.T),
                "fraud_pattern": text(PATTERNS, np.maximum(label, 0), null=~fraud),
            },
        )

    def _group(self, burst: Burst, line: Ints, incident: Ints) -> None:
        """Give the claims of a burst what they have in common: the kind of loss, and when it is said to have been."""
        drawn = [hashed(self._key, burst.number, part) for part in range(2)]
        own = line[burst.slot]
        own = np.where(burst.kind == BURST, ((drawn[0] * 3).astype(np.int64) + burst.step) % 3, own)
        own = np.where(burst.kind == HOUSEHOLD, (burst.step + 1) % 2, own)
        own = np.where(burst.kind == STAGED, (drawn[0] * 2).astype(np.int64), own)
        twice = np.isin(burst.kind, (DUPLICATE, SUPPLEMENT, DOUBLE))
        own = np.where(twice, pick(drawn[0], (45, 30, 25)), own)
        line[burst.slot] = own
        # Who claims a loss again does not remember its minute.
        blur = np.where(
            (burst.kind == DUPLICATE) & (burst.step > 0), 8 * 60_000 * self._rng.standard_normal(len(own)), 0
        )
        loss = burst.began - ((1 - 50 * np.log1p(-drawn[1])) * _HOUR_MS + blur).astype(np.int64)
        incident[burst.slot] = np.where(twice | (burst.kind == HOUSEHOLD), loss, incident[burst.slot])

    def _causes(self, line: Ints, city: Ints, severity: Floats, above: Ints, kind: Ints) -> Ints:
        """Draw causes by type and place; storms damage cars and homes, and now and then one that no station saw."""
        rng, n = self._rng, len(line)
        cause = pick(rng.random(n), _CAUSE_BY_CITY, city * len(_TYPES) + line)
        chance = np.where(above >= weather.STORM, 0.9 * severity, 0.006 + 0.1 * severity)
        storm = (rng.random(n) < np.where(kind == STAGED, 1.0, chance)) & (line <= _PROPERTY)
        cause[storm] = _STORM_CAUSE
        return cause

    def _amounts(
        self, line: Ints, storm: Floats, user: Ints, kind: Ints, total: Bools, cover: Floats, burst: Burst
    ) -> Floats:
        """Draw log-normal amounts, raised by storms and the user's level, and change them as the kinds want it."""
        rng, n = self._rng, len(line)
        normal = rng.standard_normal(n)
        drawn = [hashed(self._key, burst.number, part) for part in (2, 3)]
        twice = np.isin(burst.kind, (DUPLICATE, SUPPLEMENT, DOUBLE))
        shared = np.sqrt(-2 * np.log1p(-drawn[0])) * np.cos(2 * np.pi * drawn[1])  # one normal number for a burst
        normal[burst.slot] = np.where(twice, shared, normal[burst.slot])
        log = np.log(_MEDIAN[line]) + _SPREAD[line] * normal + 0.3 * (self._level[user] - 0.5)
        log += 0.5 * storm * (line <= _PROPERTY)
        # By how much claims are more, in logarithms: from, to.
        least, most = np.zeros(n), np.zeros(n)
        for one, (low, high) in {BURST: (0.8, 2.5), EARLY: (1.5, 4.5), STAGED: (1.2, 3.0)}.items():
            least[kind == one], most[kind == one] = np.log(low), np.log(high)
        log += least + (most - least) * rng.random(n)
        large = (kind == INFLATED) | total
        log = np.where(large, np.log(_MEDIAN[line]) + rng.uniform(np.log(2.6), np.log(7), n), log)
        again = np.zeros(n, dtype=bool)
        again[burst.slot] = burst.step > 0
        log += np.where(again & (kind == DUPLICATE), 0.03 * rng.standard_normal(n), 0.0)
        log += np.where(again & (kind == SUPPLEMENT), np.log(rng.uniform(0.1, 0.6, n)), 0.0)
        amount: Floats = np.exp(log).clip(80, 0.97 * cover).round(2)
        return amount
