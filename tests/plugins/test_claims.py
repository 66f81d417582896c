"""What claims are like: seasons, storms and places, patterns, and honest claims that look like them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from riskloom_claims.generator import ClaimsGenerator
from riskloom_claims.patterns import PATTERNS

DAY_MS = 86_400_000
TYPICAL = {"auto": 4_200, "property": 9_500, "health": 2_400, "life": 60_000}


def claims(n: int, *, start: str = "2026-03-02", days: float = 30, seed: int = 3, rate: float = 0.015) -> pa.Table:
    begin = int(np.datetime64(start, "ms").astype(np.int64))
    times = begin + (np.arange(n) * (days * DAY_MS / n)).astype(np.int64)
    generator = ClaimsGenerator(seed=seed, pattern_rate=rate)
    table = pa.Table.from_batches([generator.batch(part) for part in np.array_split(times, 5)])
    ratio = table["claim_amount"].to_numpy() / np.array([TYPICAL[kind] for kind in table["claim_type"].to_pylist()])
    table = table.append_column("ratio", pa.array(ratio))
    loss = pc.divide(table["incident_time"].cast(pa.int64()), 60_000)
    return table.append_column("loss_minute", loss.cast(pa.float64()))


def of(table: pa.Table, pattern: str | None) -> pa.Table:
    label = table["fraud_pattern"]
    return table.filter(pc.is_null(label) if pattern is None else pc.equal(label, pattern).fill_null(False))


def mean(column: pa.ChunkedArray) -> float:
    return float(pc.mean(column.cast(pa.float64())).as_py())


@pytest.fixture(scope="module")
def month() -> pa.Table:
    return claims(100_000)


def test_every_pattern_has_its_share(month: pa.Table) -> None:
    found = {pair["values"]: pair["counts"] for pair in pc.value_counts(month["fraud_pattern"]).to_pylist()}
    expected = dict(zip(PATTERNS, (330, 420, 240, 240, 270), strict=True))
    assert {name: found[name] for name in PATTERNS} == pytest.approx(expected, rel=0.25)


def test_inflated_amounts_come_with_little_proof(month: pa.Table) -> None:
    inflated, large = of(month, "inflated_amount"), of(month, None)
    large = large.filter(pc.greater(large["ratio"], 2.6))
    assert pc.min(inflated["ratio"]).as_py() > 2.5
    assert large.num_rows > 5 * inflated.num_rows  # honest losses are as large
    documents = [mean(pc.list_value_length(table["documents"])) for table in (inflated, large)]
    assert documents[0] < 0.7 * documents[1]


def test_a_burst_is_one_user_within_minutes(month: pa.Table) -> None:
    burst = of(month, "claim_burst")
    by_user: dict[str, list[int]] = {}
    times = burst["timestamp"].cast(pa.int64()).to_pylist()
    for user, time in zip(burst["user_id"].to_pylist(), times, strict=True):
        by_user.setdefault(user, []).append(time)
    sizes = [len(some) for some in by_user.values()]
    assert np.median(sizes) >= 5
    assert len(set(burst["claim_type"].to_pylist())) == 3


def test_early_claims_are_on_policies_of_days(month: pa.Table) -> None:
    early, ordinary = of(month, "early_claim"), of(month, None)
    assert pc.max(early["policy_age_days"]).as_py() <= 21
    young = ordinary.filter(pc.less(ordinary["policy_age_days"], 22))
    assert young.num_rows > 2 * early.num_rows  # so are honest ones
    assert np.median(early["ratio"].to_numpy()) > 1.8 * np.median(young["ratio"].to_numpy())


def test_a_duplicate_follows_an_unlabelled_claim_for_the_same_loss(month: pa.Table) -> None:
    doubles = of(month, "duplicate_loss")
    rows: dict[str, list[tuple[float, float, str | None]]] = {}
    columns = ("user_id", "loss_minute", "claim_amount", "fraud_pattern")
    for user, minute, amount, pattern in zip(*(month[name].to_pylist() for name in columns), strict=True):
        rows.setdefault(user, []).append((minute, amount, pattern))
    begun = 0
    for user in set(doubles["user_id"].to_pylist()):
        for minute, amount, pattern in rows[user]:
            if pattern == "duplicate_loss":
                begun += any(
                    earlier is None and abs(minute - at) < 60 and 0.85 < amount / paid < 1.18
                    for at, paid, earlier in rows[user]
                )
    assert begun > 0.98 * doubles.num_rows


def test_honest_claims_come_twice_as_well(month: pa.Table) -> None:
    ordinary = of(month, None).select(["user_id", "loss_minute", "claim_amount"]).to_pylist()
    seen: dict[tuple[str, int], list[float]] = {}
    for claim in ordinary:
        seen.setdefault((claim["user_id"], round(claim["loss_minute"])), []).append(claim["claim_amount"])
    pairs = [amounts for amounts in seen.values() if len(amounts) > 1]
    same = sum(abs(amounts[0] / amounts[1] - 1) < 0.01 for amounts in pairs)
    assert len(pairs) > 500
    assert 20 < same < 100  # sent twice by mistake: nothing tells them from fraud


def test_staged_weather_is_damage_without_a_storm(month: pa.Table) -> None:
    staged, ordinary = of(month, "staged_weather"), of(month, None)
    assert set(staged["loss_cause"].to_pylist()) == {"storm_damage"}
    calm = [
        mean(pc.less(table.filter(pc.equal(table["loss_cause"], "storm_damage"))["weather_severity"], 0.3))
        for table in (staged, ordinary)
    ]
    assert calm[0] > 0.8
    assert 0.03 < calm[1] < 0.2  # storms that no station saw


def test_weather_is_one_for_all_claims_of_a_place_and_time(month: pa.Table) -> None:
    spells: dict[tuple[str, float], str] = {}
    for place, minute, weather in zip(
        *(month[n].to_pylist() for n in ("location", "loss_minute", "weather")), strict=True
    ):
        assert spells.setdefault((place, minute // 360), weather) == weather
    assert len(set(spells.values())) >= 4


def test_storms_bring_claims(month: pa.Table) -> None:
    places = {place: [0, 0] for place in set(month["location"].to_pylist())}
    spells: dict[tuple[str, float], list[float]] = {}
    for place, minute, severity in zip(
        *(month[n].to_pylist() for n in ("location", "loss_minute", "weather_severity")), strict=True
    ):
        spells.setdefault((place, minute // 360), []).append(severity)
    busy = {place: np.mean([len(v) for (p, _), v in spells.items() if p == place]) for place in places}
    rough = [len(v) / busy[p] for (p, _), v in spells.items() if v[0] > 0.7]
    calm = [len(v) / busy[p] for (p, _), v in spells.items() if v[0] < 0.2]
    assert np.mean(rough) > 2 * np.mean(calm)


def test_snow_falls_in_winter_and_hurricanes_in_autumn() -> None:
    def weather(start: str) -> dict[str, int]:
        found = claims(20_000, start=start, days=14, seed=5)["weather"]
        return {pair["values"]: pair["counts"] for pair in pc.value_counts(found).to_pylist()}

    january, september = weather("2025-01-15"), weather("2025-09-05")
    assert january["snow"] > 500
    assert "snow" not in september
    assert september["hurricane"] > 50
    assert january.get("hurricane", 0) < 10  # losses of autumn that are filed late


def test_more_is_stolen_where_crime_is_high(month: pa.Table) -> None:
    ordinary = of(month, None)
    cars = ordinary.filter(pc.equal(ordinary["claim_type"], "auto"))
    stolen = pc.equal(cars["loss_cause"], "theft")
    shares = [mean(stolen.filter(pc.equal(cars["location"], place))) for place in set(cars["location"].to_pylist())]
    assert max(shares) > 1.5 * min(shares)
