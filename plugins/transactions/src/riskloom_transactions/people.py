"""Who pays: users with a home, a budget, habits, devices and accounts. All of it is fixed, whatever the seed."""

from __future__ import annotations

import numpy as np

from riskloom.produce.synthetic import CITIES, USERS, Bools, Floats, Ints, divided, hashed, homes, rest, trait

DAY_MS = 86_400_000
ACCOUNT_DAYS = 2_200
"""How long an account lasts before its owner has a new one: some are always new."""
DEVICES = 8
"""Ids for each user's devices: four phones, one after the other, and four laptops."""
_PHONE_DAYS = 500
_TRIP_EVERY_DAYS, _TRIP_DAYS = 150, 6
_YOUNG_DAYS = (20, 150)
_HOURS = np.arange(24)
# Few are awake at night; most is paid at noon and in the evening.
_AWAKE = 0.04 + np.exp(-((_HOURS - 12.5) ** 2) / 9) + 1.1 * np.exp(-((_HOURS - 18.5) ** 2) / 9)
_OFFSET = np.array([city.utc_offset for city in CITIES])


class People:
    """The account holders, the same as the policy holders of claims."""

    def __init__(self) -> None:
        self.home = homes("users", USERS)
        self.wealth = trait("users/wealth", USERS)
        self.method = trait("users/method", USERS)
        self.credit = trait("users/credit", USERS) < 0.15
        """Whose limit was high from the beginning: what a made-up identity is built to get."""
        self._trips = trait("users/trips", USERS)
        self._opened = (trait("users/opened", USERS) * ACCOUNT_DAYS).astype(np.int64)
        self._phone = (trait("users/phone", USERS) * _PHONE_DAYS).astype(np.int64)
        self._laptop = trait("users/laptop", USERS)
        self._used = 0.05 + 0.6 * trait("users/used", USERS)
        # Some pay many times as often as others: each user stands in the list as often as that.
        often = 2 - (6 * np.log1p(-trait("users/active", USERS))).astype(np.int64)
        by_home = np.argsort(self.home, kind="stable")
        self.active = np.repeat(by_home, often[by_home])
        self._many = np.bincount(self.home[self.active], minlength=len(CITIES))
        self._first = self._many.cumsum() - self._many
        self._city_by_hour = self._many * _AWAKE[(_HOURS[:, None] + _OFFSET) % 24]
        built = np.flatnonzero(self.credit)
        self._built = built[np.argsort(self._opened[built], kind="stable")]

    def someone(self, uniform: Floats, city: Ints) -> Ints:
        """Choose users who live in some cities, those who pay more often more often.

        Args:
            uniform: n numbers in [0, 1).
            city: n indexes into `CITIES`.
        """
        return self.active[self._first[city] + (uniform * self._many[city]).astype(np.int64)]

    @property
    def cities_by_hour(self) -> Floats:
        """How much is paid by the people of each city at each hour of the day, UTC: shape (24, cities)."""
        return self._city_by_hour

    def with_young_credit(self, chosen: Ints, began_ms: Ints) -> Ints:
        """Choose users whose account was young, with a high limit, at some times.

        Args:
            chosen: n random numbers, 0 or more.
            began_ms: The times, in milliseconds since the epoch.
        """
        opened = self._opened[self._built]
        # An account's age is (day + opened) mod ACCOUNT_DAYS: those of an age stand together in the order of opening.
        first, beyond = ((age - began_ms // DAY_MS) % ACCOUNT_DAYS for age in _YOUNG_DAYS)
        begin, end = np.searchsorted(opened, first), np.searchsorted(opened, beyond)
        many = np.maximum((end - begin) % len(opened), 1)
        return self._built[(begin + chosen % many) % len(opened)]

    def account_days(self, user: Ints, day: Ints) -> Ints:
        """Tell the age of accounts, from 1 day."""
        return rest(day + self._opened[user], ACCOUNT_DAYS) + 1

    def limit(self, user: Ints, age: Ints) -> Floats:
        """Tell the credit limits of accounts: lower for young ones, but for those built up quickly."""
        wealth = self.wealth[user]
        grown = np.where(self.credit[user], 1.0, np.clip(age / 500, 0.3, 1.0))
        base = 1_500 + 14_000 * wealth**2 + 4_000 * self.credit[user]
        limit: Floats = np.round(base * grown, -2)
        return limit

    def used(self, user: Ints, day: Ints, uniform: Floats) -> Floats:
        """Tell the share of the limit that is used: more towards the end of the month."""
        used: Floats = self._used[user] * (0.5 + rest(day + user, 30) / 40) + 0.2 * uniform**2
        return used

    def device(self, user: Ints, day: Ints, uniform: Floats) -> Ints:
        """Choose the device that a user pays with: the phone of these years, or the laptop of those who have one."""
        since = self._phone[user]
        phone = rest((day + since) // _PHONE_DAYS, 4)
        laptop = 4 + rest((day + 3 * since) // (2 * _PHONE_DAYS), 4)
        at_laptop = (self._laptop[user] < 0.2) & (uniform < 0.35)
        return user * DEVICES + np.where(at_laptop, laptop, phone)

    def travels(self, user: Ints, day: Ints) -> tuple[Bools, Ints]:
        """Tell who is on a trip, and where to."""
        trip, since = divided(day + (self._trips[user] * _TRIP_EVERY_DAYS).astype(np.int64), _TRIP_EVERY_DAYS)
        where = (hashed(0, user, trip) * len(CITIES)).astype(np.int64)
        return since < _TRIP_DAYS, where
