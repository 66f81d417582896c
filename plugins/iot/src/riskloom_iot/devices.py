"""The devices: a fixed population, each with a type, a place, habits and wear of its own."""

from __future__ import annotations

import numpy as np

from riskloom.produce.synthetic import Floats, Ints, homes, pick, trait

DEVICES = 2_000
"""How many devices send telemetry: few enough that in a short run each of them has a history."""

TYPES = ("temperature", "pressure", "vibration", "environmental")
UNITS = ("celsius", "kilopascal", "millimetre_per_second", "aqi")
NOMINAL = np.array([65.0, 420.0, 2.8, 80.0])
"""Of the primary reading of each type, in `UNITS`."""
TOLERANCE = np.array([4.0, 18.0, 0.35, 10.0])
LOAD_EFFECT = np.array([1.1, 1.0, 1.2, 0.9])
"""By how many tolerances the reading rises with 25 points of the machine's load, by type."""
HEAT_EFFECT = np.array([0.5, 0.2, 0.1, 0.5])
"""By how many tolerances the reading rises with 10 degrees around the device."""

_MODELS_A_MAKER = 4
_MAKERS = 4
_INTERVALS_H = np.array([720.0, 1_440.0, 2_160.0, 4_320.0])
_SAMPLING_S = np.array([10, 15, 20, 30])
_READINGS_A_MINUTE = 60 // _SAMPLING_S
_EPOCH_2021_MS = 1_609_459_200_000
_HOUR_MS = 3_600_000


class Devices:
    """What lasts about each device, as arrays of shape (DEVICES,)."""

    def __init__(self) -> None:
        def of(name: str) -> Floats:
            return trait(f"devices/{name}", DEVICES)

        self.type = pick(of("type"), (35, 25, 22, 18))
        self.city = homes("devices", DEVICES)
        scale = 0.8 + 0.4 * of("scale")  # devices of a type work at different points
        self.nominal = np.round(NOMINAL[self.type] * scale, 3)
        self.tolerance = np.round(TOLERANCE[self.type] * scale, 3)
        self.bias = 1.6 * (of("bias") - 0.5)  # from the calibration, in tolerances
        self.wear = of("wear") ** 3  # 0 as new, 1 worn out
        self.noise = (0.2 + 0.15 * of("noise")) * (1 + self.wear)  # in tolerances
        self.load_effect = LOAD_EFFECT[self.type] * (0.85 + 0.3 * of("load"))  # the data sheet is not exact
        self.heat_effect = HEAT_EFFECT[self.type] * (0.6 + 0.8 * of("heat"))
        self.step = np.where(of("step") < 0.1, 0.25, 0.02)  # the sensor's resolution, in tolerances: some are coarse
        self.model = (of("model") * _MAKERS * _MODELS_A_MAKER).astype(np.int64)
        self.maker = self.model // _MODELS_A_MAKER
        self.sampling_s = _SAMPLING_S[self.model % len(_SAMPLING_S)]
        self.readings_a_minute = _READINGS_A_MINUTE[self.model % len(_SAMPLING_S)]
        self.firmware = pick(of("firmware"), (5, 10, 25, 45, 15))
        self.site = of("site")
        self.mains = of("power") < 0.4
        self.criticality = pick(of("criticality"), (40, 35, 18, 7))
        self.installed_ms = (of("installed") * 3 * 8_760).astype(np.int64) * _HOUR_MS + _EPOCH_2021_MS
        self.interval_h = _INTERVALS_H[pick(of("interval"), (1, 1, 1, 1))]
        self._late = 0.4 * of("neglect") ** 2  # by how much its maintenance is late, as a share of the interval
        self._serviced = of("serviced")  # where in its maintenance cycle it is

    def hours_since_maintenance(self, times: Ints, device: Ints) -> Floats:
        """Work out how long ago some devices were maintained: once a cycle, up to 40 % later than planned.

        Args:
            times: Milliseconds since the epoch, shape (n,).
            device: n indexes.
        """
        cycle = (self.interval_h * (1 + self._late))[device]
        hours: Floats = (times / _HOUR_MS + self._serviced[device] * cycle) % cycle
        return hours
