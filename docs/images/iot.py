"""Draw docs/images/iot.svg: the readings of a device around each pattern, beside honest ones that look like it.

Run: `uv run python docs/images/iot.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from riskloom.plots import figure
from riskloom_iot.courses import PATTERNS
from riskloom_iot.devices import HEAT_EFFECT, LOAD_EFFECT, TYPES
from riskloom_iot.generator import IotGenerator

PICTURE = Path(__file__).with_name("iot.svg")
READINGS, SEED, RATE = 300_000, 4, 0.04
START_MS = 1_772_409_600_000  # 2026-03-02
BEFORE, AFTER = 40, 60  # readings of the device that are shown, from the beginning of what the panel is about


def main() -> None:
    """Make 40 minutes of readings, and draw some devices."""
    generator = IotGenerator(seed=SEED, pattern_rate=RATE)
    times = START_MS + (np.arange(READINGS) * 1000 / generator.pace).astype(np.int64)
    table = pa.Table.from_batches([generator.batch(part) for part in np.array_split(times, 10)])
    order = np.lexsort((times, table["device_id"].to_numpy()))
    read: dict[str, Any] = {
        name: table[name].to_numpy()[order] for name in table.column_names if name != "sensor_readings"
    }
    device, pattern = read["device_id"], np.array([name or "" for name in read["anomaly_pattern"]])
    kind = np.array([TYPES.index(name) for name in read["device_type"]])
    offset = (read["primary_reading"] - read["nominal_reading"]) / read["nominal_tolerance"]
    expected = LOAD_EFFECT[kind] * (read["load_pct"] - 55) / 25
    expected += HEAT_EFFECT[kind] * (read["ambient_temperature_c"] - 20) / 10

    begins = np.concatenate([[False], pattern[1:] != pattern[:-1]])
    honest = np.convolve(pattern == "", np.ones(2 * AFTER + 1), "same") == 2 * AFTER + 1
    steady = np.concatenate([[False], abs(np.diff(read["load_pct"])) < 1])
    left = offset - expected
    level = np.convolve(left, np.ones(20) / 20, "same")  # of the 10 readings before and after
    moved = np.concatenate([np.zeros(20), abs(level[20:] - level[:-20])])
    running = np.convolve((read["uptime_hours"] < 0.05) | (abs(left) > 2), np.ones(2 * AFTER + 1), "same") == 0
    likeness = {
        "another product": honest & running & (moved > 0.6),
        "a cold start after a restart": honest & (read["uptime_hours"] < 0.003) & (abs(left) > 2),
        "a machine that stands still": honest & (np.convolve(steady, np.ones(10), "same") == 10),
        "much noise, off the data sheet": honest & (np.convolve(abs(left - level), np.ones(40) / 40, "same") > 0.5),
    }
    with figure(PICTURE, 4, 2, sharey=False) as (above, below):
        for axes, name in zip(above, PATTERNS, strict=True):
            plain = abs(left) > 2.5 if name == "spike" else np.ones(READINGS, dtype=bool)
            place = whole(device, begins & plain & (pattern == name))
            draw(axes, place, offset, expected, pattern == name, name)
        for axes, (name, there) in zip(below, likeness.items(), strict=True):
            draw(axes, whole(device, there), offset, expected, np.zeros(READINGS, dtype=bool), f"honest: {name}")
            axes.set(xlabel="readings of the device")
        for row in (above, below):
            row[0].set(ylabel="tolerances from the calibration")
        above[0].legend()


def whole(device: Any, there: Any) -> int:
    """Find a place with enough readings of the same device around it."""
    places = np.flatnonzero(there)
    places = places[(places > BEFORE) & (places < len(device) - AFTER)]
    return int(next(at for at in places if (device[at - BEFORE : at + AFTER] == device[at]).all()))


def draw(axes: Any, place: int, offset: Any, expected: Any, bad: Any, title: str) -> None:
    """Draw what a device read, and what its data sheet says for the load and heat at the time."""
    part = np.arange(place - BEFORE, place + AFTER)
    axes.plot(part - place, expected[part], color="tab:blue", alpha=0.4, linewidth=1, label="by load and heat")
    axes.plot(part - place, offset[part], color="black", linewidth=1, label="reading")
    axes.plot(part - place, np.where(bad[part], offset[part], np.nan), ".-", color="tab:red", label="pattern")
    axes.set(title=title)


if __name__ == "__main__":
    main()
