"""Synthetic telemetry: devices with their own baselines and rhythms, and spikes of one device's readings."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskloom.domain import load_schema
from riskloom.produce.synthetic import (
    CITIES,
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

PATTERN = "spike"
"""The label of a burst: a device's readings jump away from its baseline for some seconds."""

DEVICES = 5_000
"""How many devices send telemetry."""

_TYPES = ("temperature", "pressure", "vibration", "environmental")
_UNITS = ("celsius", "kilopascal", "millimetre_per_second", "aqi")
_NOMINAL = np.array([65.0, 420.0, 2.8, 45.0])  # of the primary reading, in _UNITS
_TOLERANCE = np.array([4.0, 18.0, 0.5, 12.0])
_DAILY = np.array([0.6, 0.2, 0.2, 0.7])  # how far the reading follows the day, in tolerances
_PRIMARY_NAMES = ("temperature_c", "pressure_kpa", "vibration_mm_s", "air_quality_index")
_AMBIENT_NAMES = ("ambient_temperature_c", "humidity_pct", "supply_voltage_v")
_DAY = np.sin((np.arange(24) - 9) / 24 * 2 * np.pi)  # by the hour: warmest in the afternoon
_READING_NAMES = (*_PRIMARY_NAMES, *_AMBIENT_NAMES)

_MAKERS = ("Northgate Sensors", "Alder Instruments", "Quillon", "Tessera Controls")
_MODELS = [f"{line}-{number}" for line in ("NS", "AL", "Q", "TC") for number in (100, 220, 350, 500)]
_FIRMWARE = ("1.8.4", "2.0.1", "2.3.0", "2.4.1", "3.0.0")
_SITES = ("Assembly line", "Boiler house", "Pump station", "Cold store", "Warehouse", "Compressor hall")
_SITE_NAMES = [f"{site} {number}" for site in _SITES for number in range(1, 21)]
_CRITICALITIES = ("low", "medium", "high", "critical")
_ALERTS = ("normal", "warning", "critical")
_PLACES = [c.name for c in CITIES]
_LATITUDE = np.array([c.latitude for c in CITIES])
_LONGITUDE = np.array([c.longitude for c in CITIES])
_HOUR_MS = 3_600_000
_EPOCH_2021_MS = 1_609_459_200_000


class IotGenerator:
    """Makes readings of a fixed population of devices.

    Args:
        seed: Same seed and same calls, same readings.
        pattern_rate: The share of readings that belong to `PATTERN`, 0 to below 1.
    """

    def __init__(self, *, seed: int, pattern_rate: float = 0.015) -> None:
        self._schema = load_schema(__package__)
        self._rng = seeded("iot", seed)
        self._bursts = Bursts(self._rng, rate=pattern_rate, subjects=DEVICES, length=(5, 10), gap_ms=4_000)
        self._type = pick(trait("devices/type", DEVICES), (35, 25, 22, 18))
        self._city = homes("devices", DEVICES)
        self._scale = 0.8 + 0.4 * trait("devices/scale", DEVICES)  # devices of a type work at different points
        self._bias = 1.6 * (trait("devices/bias", DEVICES) - 0.5)  # from the calibration, in tolerances
        self._noise = 0.25 + 0.2 * trait("devices/noise", DEVICES)  # in tolerances
        self._jump = 4 + 6 * trait("devices/jump", DEVICES)  # size of its spikes, in tolerances
        self._wear = trait("devices/wear", DEVICES) ** 3  # 0 as new, 1 worn out
        self._interval_h = np.array([720.0, 1_440.0, 2_160.0, 4_320.0])[
            pick(trait("devices/interval", DEVICES), (1, 1, 1, 1))
        ]
        self._serviced = trait("devices/serviced", DEVICES)  # where in its maintenance cycle it is
        self._installed_ms = (trait("devices/installed", DEVICES) * 3 * 8_760).astype(np.int64) * _HOUR_MS
        self._installed_ms += _EPOCH_2021_MS
        self._criticality = pick(trait("devices/criticality", DEVICES), (40, 35, 18, 7))
        self._kind = (trait("devices/model", DEVICES) * len(_MODELS)).astype(np.int64)
        self._firmware = pick(trait("devices/firmware", DEVICES), (5, 10, 25, 45, 15))
        self._site = (trait("devices/site", DEVICES) * len(_SITE_NAMES)).astype(np.int64)
        self._mains = trait("devices/power", DEVICES) < 0.4

    def batch(self, times: Ints) -> pa.RecordBatch:
        """Make one reading for each time.

        Args:
            times: Times of reading in milliseconds since the epoch, UTC, ascending, shape (n,).
        """
        rng, n = self._rng, len(times)
        burst = self._bursts.take(times)
        spike = np.zeros(n, dtype=bool)
        spike[burst.slot] = True

        device = rng.integers(0, DEVICES, n)
        device[burst.slot] = burst.subject
        kind, city, wear = self._type[device], self._city[device], self._wear[device]
        day = _DAY[Clock.at(times, city).hour]

        # All in tolerances from the calibration sheet, then in the unit of the sensor.
        offset = self._bias[device] + _DAILY[kind] * day
        offset += self._noise[device] * (1 + wear) * rng.standard_normal(n)
        direction = np.where(device % 3 == 0, -1.0, 1.0)
        offset += np.where(spike, direction * self._jump[device] * rng.uniform(0.8, 1.2, n), 0.0)
        nominal = _NOMINAL[kind] * self._scale[device]
        tolerance = _TOLERANCE[kind] * self._scale[device]
        reading = np.round(np.maximum(nominal + tolerance * offset, 0.0), 3)

        since_h, interval_h = self._maintained(times, device)
        overdue = since_h > interval_h
        health = np.clip(1 - 0.6 * wear - 0.1 * overdue - 0.1 * spike + 0.03 * rng.standard_normal(n), 0, 1)
        ambient = np.stack(
            [18 + 7 * day + rng.standard_normal(n), 50 - 12 * day + 3 * rng.standard_normal(n), rng.normal(24, 0.2, n)],
            axis=1,
        )
        alarm = (abs(offset) > 3).astype(np.int64) + (abs(offset) > 6)
        risk = 0.05 + 0.25 * wear + 0.25 * alarm + 0.05 * rng.standard_normal(n)

        return record_batch(
            self._schema,
            {
                "telemetry_id": uuids(rng, n),
                "device_id": members("devices", DEVICES, device),
                "timestamp": times,
                "event_type": same("iot_telemetry", n),
                "device_type": text(_TYPES, kind),
                "manufacturer": text(_MAKERS, self._kind[device] // 4),
                "model": text(_MODELS, self._kind[device]),
                "firmware_version": text(_FIRMWARE, self._firmware[device]),
                "installed_at": self._installed_ms[device],
                "site": text(_SITE_NAMES, self._site[device]),
                "location": text(_PLACES, city),
                "latitude": _LATITUDE[city],
                "longitude": _LONGITUDE[city],
                "sensor_readings": _readings(kind, reading, np.round(ambient, 2)),
                "primary_reading": reading,
                "primary_unit": text(_UNITS, kind),
                "nominal_reading": np.round(nominal, 3),
                "nominal_tolerance": np.round(tolerance, 3),
                "sampling_interval_s": np.array([5, 10, 15, 30], dtype=np.int32)[self._kind[device] % 4],
                "battery_level": np.where(self._mains[device], 1.0, np.round(1 - 0.9 * rng.random(n) ** 2, 3)),
                "signal_strength_dbm": np.round(-55 - 30 * self._noise[device] - 5 * rng.random(n), 1),
                "cpu_temperature_c": np.round(38 + 6 * day + 4 * wear + rng.standard_normal(n), 1),
                "memory_used": np.round(np.clip(0.35 + 0.3 * wear + 0.05 * rng.standard_normal(n), 0, 1), 3),
                "uptime_hours": np.round(since_h * (0.2 + 0.8 * self._serviced[device]), 1),
                "error_count": rng.exponential(0.25 + 0.8 * wear**2 + spike).astype(np.int32),
                "device_health": np.round(health, 3),
                "last_maintenance": times - (since_h * _HOUR_MS).astype(np.int64),
                "hours_since_maintenance": np.round(since_h, 2),
                "maintenance_interval_hours": interval_h,
                "maintenance_due": overdue,
                "criticality": text(_CRITICALITIES, self._criticality[device]),
                "risk_score": np.round(np.clip(risk, 0, 1), 4),
                "is_anomaly": spike,
                "anomaly_pattern": text((PATTERN,), np.zeros(n, dtype=np.int64), null=~spike),
                "alert_level": text(_ALERTS, alarm),
            },
        )

    def _maintained(self, times: Ints, device: Ints) -> tuple[Floats, Floats]:
        """Work out the hours since each device's last maintenance and its planned interval.

        A device is maintained once a cycle, up to 15 % later than planned.
        """
        interval = self._interval_h[device]
        cycle = interval * (1 + 0.15 * self._wear[device])
        return (times / _HOUR_MS + self._serviced[device] * cycle) % cycle, interval


def _readings(kind: Ints, primary: Floats, ambient: Floats) -> pa.MapArray:
    """Put each device's own sensor and its ambient sensors, shape (n, 3), into one map of name to number."""
    n, width = len(kind), 1 + len(_AMBIENT_NAMES)
    names = np.empty((n, width), dtype=np.int64)
    names[:, 0] = kind
    names[:, 1:] = np.arange(len(_PRIMARY_NAMES), len(_READING_NAMES))
    values = np.column_stack([primary, ambient])
    ends = np.arange(0, n * width + 1, width, dtype=np.int32)
    return pa.MapArray.from_arrays(pa.array(ends), text(_READING_NAMES, names.ravel()), pa.array(values.ravel()))
