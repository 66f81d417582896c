"""What payments are like: rhythms and homes, patterns, and honest payments that look like them."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from riskloom_transactions.generator import TransactionsGenerator
from riskloom_transactions.patterns import PATTERNS

DAY_MS = 86_400_000
MONDAY = int(np.datetime64("2026-03-02", "ms").astype(np.int64))


def payments(n: int, *, start: int = MONDAY, days: float = 3.0, rate: float = 0.015, seed: int = 3) -> pa.Table:
    times = start + (np.arange(n) * (days * DAY_MS / n)).astype(np.int64)
    generator = TransactionsGenerator(seed=seed, pattern_rate=rate)
    return pa.Table.from_batches([generator.batch(part) for part in np.array_split(times, 8)])


def of(table: pa.Table, pattern: str | None) -> pa.Table:
    label = table["fraud_pattern"]
    return table.filter(pc.is_null(label) if pattern is None else pc.equal(label, pattern).fill_null(False))


def share(table: pa.Table, condition: pa.ChunkedArray) -> float:
    return float(pc.mean(condition.cast(pa.int8())).as_py())


@pytest.fixture(scope="module")
def days() -> pa.Table:
    return payments(250_000)


def test_every_pattern_has_its_share_and_is_called_fraud(days: pa.Table) -> None:
    found = {pair["values"]: pair["counts"] for pair in pc.value_counts(days["fraud_pattern"]).to_pylist()}
    expected = dict(zip(PATTERNS, (937, 750, 750, 750, 562), strict=True))
    assert {name: found[name] for name in PATTERNS} == pytest.approx(expected, rel=0.25)
    assert days["is_fraud"].equals(pc.is_valid(days["fraud_pattern"]))


def test_card_testing_is_many_tiny_payments_then_a_large_one(days: pa.Table) -> None:
    events = of(days, "card_testing")
    amounts = events["amount"].to_numpy()
    assert ((amounts < 2) | (amounts >= 180)).all()
    assert 6 <= (amounts < 2).sum() / (amounts >= 180).sum() <= 14
    honest = of(days, None)
    tiny = pc.and_(pc.less(honest["amount"], 2), pc.invert(honest["card_present"]))
    assert share(honest, tiny) > 0.002  # games sell things for as little


def test_a_takeover_pays_from_a_device_that_the_user_never_had(days: pa.Table) -> None:
    honest, stolen = of(days, None), of(days, "account_takeover")
    known = defaultdict(set)
    for user, device in zip(honest["user_id"].to_pylist(), honest["device_id"].to_pylist(), strict=True):
        known[user].add(device)
    pairs = zip(stolen["user_id"].to_pylist(), stolen["device_id"].to_pylist(), strict=True)
    strange = [device not in known[user] for user, device in pairs if device and known[user] - {None}]
    assert np.mean(strange) > 0.7
    ratio = pc.divide(stolen["amount"], stolen["typical_amount"])
    assert 1.5 < np.median(ratio.to_numpy()) < 3
    usual = pc.divide(honest["amount"], honest["typical_amount"])
    assert share(honest, pc.greater(usual, 2.1)) > 0.05  # honest people pay as much now and then


def test_a_synthetic_identity_empties_a_young_account(days: pa.Table) -> None:
    honest, bust = of(days, None), of(days, "synthetic_identity")
    assert pc.max(bust["account_age_days"]).as_py() < 160
    assert pc.min(bust["credit_limit"]).as_py() > 3_000
    by_user: dict[str, float] = defaultdict(float)
    limits = {}
    for user, amount, limit in zip(*(bust[n].to_pylist() for n in ("user_id", "amount", "credit_limit")), strict=True):
        by_user[user] += amount
        limits[user] = limit
    assert np.median([paid / limits[user] for user, paid in by_user.items()]) > 0.3
    young = pc.and_(pc.less(honest["account_age_days"], 150), pc.greater(honest["credit_limit"], 3_000))
    assert share(honest, young) > 0.01  # and most such accounts are honest


def test_velocity_is_many_payments_at_tills_without_the_chip(days: pa.Table) -> None:
    events = of(days, "velocity_abuse")
    assert share(events, pc.equal(events["entry_mode"], "chip")) == 0
    assert share(events, events["card_present"]) > 0.9
    counts = pc.value_counts(events["user_id"]).field("counts").to_numpy()
    assert 5 <= np.median(counts) <= 11
    assert busiest_hours(of(days, None)) > 500  # as many users have had a day in the shops


def busiest_hours(table: pa.Table) -> int:
    """Count the users with four payments or more within an hour."""
    hour = pc.divide(table["timestamp"].cast(pa.int64()), 3_600_000)
    counted = (
        pa.table({"user": table["user_id"], "hour": hour}).group_by(["user", "hour"]).aggregate([([], "count_all")])
    )
    busy = counted.filter(pc.greater_equal(counted["count_all"], 4))
    return len(pc.unique(busy["user"]))


def test_a_crooked_merchant_charges_many_users_one_price(days: pa.Table) -> None:
    events = of(days, "merchant_fraud")
    by_merchant = defaultdict(list)
    for merchant, user, amount in zip(
        *(events[n].to_pylist() for n in ("merchant_id", "user_id", "amount")), strict=True
    ):
        by_merchant[merchant].append((user, amount))
    whole = [charges for charges in by_merchant.values() if len(charges) >= 20]
    assert len(whole) >= 8
    for charges in whole:
        assert len({user for user, _ in charges}) > 0.9 * len(charges)
        assert len({amount for _, amount in charges}) <= 4  # a price and twice that, of one burst or two


def test_people_pay_at_home_by_day_and_travel_now_and_then(days: pa.Table) -> None:
    honest = of(days, None)
    away = share(honest, pc.greater(honest["home_distance_km"], 100))
    assert 0.03 < away < 0.09
    # How many there are in all follows the caller's times: who pays follows the local clocks.
    hour = honest["timestamp"].cast(pa.int64()).to_numpy() // 3_600_000 % 24
    east, west = (
        np.bincount(hour[pc.equal(honest["location"], place).to_numpy()], minlength=24)
        for place in ("New York, NY", "Los Angeles, CA")
    )
    assert east[13] > 5 * west[13]  # 8 in the morning, and 5
    assert east[4] < 1.2 * west[4]  # 11 in the evening, and 8
    counts = np.sort(pc.value_counts(honest["user_id"]).field("counts").to_numpy())
    assert counts[-len(counts) // 10 :].sum() > 0.25 * counts.sum()  # some pay far more often than others


def test_weekends_and_december_differ() -> None:
    def shares(day: int) -> dict[str, float]:
        start = day + 8 * 3_600_000  # by then it has begun in the west as well
        found = of(payments(40_000, start=start, days=0.8), None)["category"]
        return {pair["values"]: pair["counts"] / len(found) for pair in pc.value_counts(found).to_pylist()}

    monday, saturday = shares(MONDAY), shares(MONDAY + 5 * DAY_MS)
    december = shares(int(np.datetime64("2026-12-14", "ms").astype(np.int64)))
    assert saturday["entertainment"] > 1.3 * monday["entertainment"]
    assert saturday["healthcare"] < 0.6 * monday["healthcare"]
    assert december["gift_cards"] > 1.5 * monday["gift_cards"]


def test_a_month_is_made_in_one_call() -> None:
    times = MONDAY + np.arange(60_000, dtype=np.int64) * (30 * DAY_MS // 60_000)
    month = TransactionsGenerator(seed=1).batch(times)
    assert month.num_rows == 60_000
    assert month["timestamp"].cast(pa.int64()).equals(pa.array(times))
