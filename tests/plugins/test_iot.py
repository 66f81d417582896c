"""What readings are like: load, heat and habits, patterns, and honest episodes that look like them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from riskloom_iot.courses import PATTERNS
from riskloom_iot.devices import DEVICES, HEAT_EFFECT, LOAD_EFFECT, TYPES
from riskloom_iot.generator import IotGenerator

ROOT = Path(__file__).parents[2]
START_MS = int(np.datetime64("2026-03-02", "ms").astype(np.int64))
NAMES = (
    *("primary_reading", "nominal_reading", "nominal_tolerance", "load_pct", "ambient_temperature_c"),
    *("uptime_hours", "device_type", "anomaly_pattern"),
)
Values = dict[str, npt.NDArray[Any]]


def readings(n: int, *, start_ms: int = START_MS, seed: int = 3, rate: float = 0.06) -> Values:
    """Make readings at the devices' own pace, each device's together, with what load and heat leave of them."""
    generator = IotGenerator(seed=seed, pattern_rate=rate)
    times = start_ms + (np.arange(n) * 1000 / generator.pace).astype(np.int64)
    table = pa.Table.from_batches([generator.batch(part) for part in np.array_split(times, 5)])
    device = table["device_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((times, device))
    values = {name: table[name].to_numpy()[order] for name in NAMES}
    kind = np.array([TYPES.index(name) for name in values["device_type"]])
    offset = (values["primary_reading"] - values["nominal_reading"]) / values["nominal_tolerance"]
    load = LOAD_EFFECT[kind] * (values["load_pct"] - 55) / 25
    heat = HEAT_EFFECT[kind] * (values["ambient_temperature_c"] - 20) / 10
    return values | {"device": device[order], "offset": offset, "load": load, "residual": offset - load - heat}


def is_(values: Values, pattern: str | None) -> npt.NDArray[np.bool_]:
    return np.array([label == pattern for label in values["anomaly_pattern"]])


def episodes(values: Values, pattern: str) -> list[npt.NDArray[np.int64]]:
    """List the whole stretches of a pattern, as positions."""
    inside = is_(values, pattern)
    same = (values["device"][1:] == values["device"][:-1]) & inside[1:] & inside[:-1]
    places = np.split(np.arange(len(inside)), np.flatnonzero(~same) + 1)
    ends = {0, len(inside) - 1}
    return [
        place
        for place in places
        if inside[place[0]]
        and not ends & {int(place[0]), int(place[-1])}
        and values["device"][place[0] - 1] == values["device"][place[0]] == values["device"][place[-1] + 1]
    ]


@pytest.fixture(scope="module")
def run() -> Values:
    return readings(200_000)


def test_every_device_has_a_history(run: Values) -> None:
    counts = np.bincount(run["device"])
    assert len(counts) == DEVICES
    assert counts.min() >= 50
    assert counts.max() <= 170


def test_every_pattern_has_its_share(run: Values) -> None:
    shares = {name: is_(run, name).mean() / 0.06 for name in PATTERNS}
    assert shares == pytest.approx(dict(zip(PATTERNS, (0.3, 0.15, 0.25, 0.3), strict=True)), rel=0.2)


def test_a_drift_goes_away_bit_by_bit(run: Values) -> None:
    found = episodes(run, "drift")
    assert len(found) > 40
    size = np.array([abs(run["residual"][at[-3:]].mean() - run["residual"][at[:3]].mean()) for at in found])
    steps = np.concatenate([abs(np.diff(run["residual"][at])) for at in found])
    assert np.median(size) > 3
    assert np.median(steps) < 0.6


def test_a_spike_jumps_and_comes_back(run: Values) -> None:
    found = episodes(run, "spike")
    jump = [abs(run["residual"][at] - run["residual"][at[0] - 1]).max() for at in found]
    back = [abs(run["residual"][at[-1] + 1] - run["residual"][at[0] - 1]) for at in found]
    assert max(len(at) for at in found) <= 8  # two of them may meet
    assert np.median(jump) > 3
    assert np.median(back) < 1


def test_a_flatline_is_one_value(run: Values) -> None:
    found = episodes(run, "flatline")
    assert len(found) > 40
    assert all(len(set(run["primary_reading"][at])) == 1 for at in found)
    assert np.mean([np.ptp(run["load_pct"][at]) > 20 for at in found]) > 0.9  # while the machine goes on


def test_a_broken_correlation_stays_within_the_usual_range(run: Values) -> None:
    found = [at for at in episodes(run, "correlation_break") if len(at) > 10]  # another pattern may cut one short
    assert len(found) > 40
    broken = [np.corrcoef(run["offset"][at], run["load"][at])[0, 1] for at in found]
    assert abs(np.median(broken)) < 0.2
    ordinary = is_(run, None)
    assert np.corrcoef(run["offset"][ordinary], run["load"][ordinary])[0, 1] > 0.7
    assert np.quantile(abs(run["offset"][is_(run, "correlation_break")]), 0.99) < 4.5


def test_honest_readings_look_like_the_patterns(run: Values) -> None:
    ordinary = is_(run, None)
    same = (run["device"][1:] == run["device"][:-1]) & (run["primary_reading"][1:] == run["primary_reading"][:-1])
    assert 0.005 < (same & ordinary[1:] & ordinary[:-1]).mean() < 0.06  # coarse sensors, steady machines
    cold = ordinary & (run["uptime_hours"] < 0.003)
    assert abs(run["residual"][cold]).mean() > 2 * abs(run["residual"][ordinary]).mean()  # just after a restart
    glitch = abs(run["residual"]) > 2.5
    assert 0.001 < (glitch & ordinary).mean() < 0.02


def test_a_hot_summer_moves_honest_readings() -> None:
    january, july = (
        readings(20_000, start_ms=int(np.datetime64(day, "ms").astype(np.int64)), rate=0.0)
        for day in ("2026-01-14T20:00", "2026-07-15T20:00")
    )
    assert july["ambient_temperature_c"].mean() > january["ambient_temperature_c"].mean() + 8
    assert july["offset"].mean() > january["offset"].mean() + 0.2
    assert abs(july["residual"].mean() - january["residual"].mean()) < 0.1


def test_machines_rest_at_night_and_at_weekends() -> None:
    def load(day: str) -> float:
        start = int(np.datetime64(day, "ms").astype(np.int64))
        return float(readings(10_000, start_ms=start, rate=0.0)["load_pct"].mean())

    assert load("2026-03-04T17:00") > 1.2 * load("2026-03-04T08:00")  # UTC: noon and the small hours
    assert load("2026-03-04T17:00") > 1.1 * load("2026-03-07T17:00")


def test_the_newest_schema_reads_the_first_version() -> None:
    first, second = (json.loads((ROOT / f"schemas/iot/v{n}.avsc").read_text("utf-8")) for n in (1, 2))
    event = IotGenerator(seed=1).batch(np.array([START_MS])).to_pylist()[0]
    event["sensor_readings"] = dict(event["sensor_readings"])
    body = io.BytesIO()
    schemaless_writer(body, parse_schema(first), {field["name"]: event[field["name"]] for field in first["fields"]})
    body.seek(0)
    read = schemaless_reader(body, parse_schema(first), parse_schema(second))
    assert read["load_pct"] is None
    assert read["primary_reading"] == event["primary_reading"]
