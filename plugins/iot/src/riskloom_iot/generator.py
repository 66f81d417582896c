"""Synthetic telemetry: devices that follow the load of their machines and the heat around them, and what goes wrong."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from riskloom.domain import load_schema
from riskloom.produce.synthetic import (
    CITIES,
    Floats,
    Ints,
    Turns,
    key_of,
    members,
    same,
    seeded,
    text,
    uuids,
)
from riskloom.schemas.arrow import record_batch
from riskloom_iot.courses import BREAK, FLATLINE, NORMAL, PATTERNS, SPIKE, Course, Courses
from riskloom_iot.devices import DEVICES, TYPES, UNITS, Devices
from riskloom_iot.surroundings import ambient, shift_load

_PRIMARY_NAMES = ("temperature_c", "pressure_kpa", "vibration_mm_s", "air_quality_index")
_AMBIENT_NAMES = ("ambient_temperature_c", "humidity_pct", "supply_voltage_v")
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
_GLITCHES = 0.006  # the share of honest readings with four times the noise
_MEAN_LOAD, _LOAD_UNIT = 55.0, 25.0  # of the data sheets: where the load moves nothing, and by how much it moves one
_MEAN_HEAT, _HEAT_UNIT = 20.0, 10.0


class IotGenerator:
    """Makes readings of a fixed population of devices, which report in turns.

    Attributes:
        pace: The readings a second that all devices together send as configured.

    Args:
        seed: Same seed and same calls, same readings.
        pattern_rate: The share of readings that belong to one of `PATTERNS`, 0 to below 1.
    """

    def __init__(self, *, seed: int, pattern_rate: float = 0.015) -> None:
        self._schema = load_schema(__package__)
        self._rng = seeded("iot", seed)
        self._devices = Devices()
        self.pace = float(self._devices.readings_a_minute.sum()) / 60
        self._turns = Turns(self._rng, self._devices.readings_a_minute)
        self._weather = key_of(self._rng)
        self._courses = Courses(key_of(self._rng), pattern_rate)

    def batch(self, times: Ints) -> pa.RecordBatch:
        """Make one reading for each time.

        Args:
            times: Times of reading in milliseconds since the epoch, UTC, ascending, shape (n,).
        """
        rng, n, known = self._rng, len(times), self._devices
        device, reading = self._turns.take(n)
        kind, city, wear = known.type[device], known.city[device], known.wear[device]
        since_h, interval_h = known.hours_since_maintenance(times, device), known.interval_h[device]
        course = self._courses.at(device, reading, since_h * 3_600 // known.sampling_s[device])
        label = course.label
        anomaly, spike = label != NORMAL, label == SPIKE

        shift = shift_load(times, city)
        load = np.where(course.calm, 90 * course.steady + 0.5 * rng.random(n), _load(rng, shift))
        heat = ambient(self._weather, times, city) + 0.8 * rng.standard_normal(n)
        offset = self._offsets(device, load, np.where(label == BREAK, _load(rng, shift), load), heat, course)
        value = np.maximum(known.nominal[device] + known.tolerance[device] * offset, 0.0).round(3)

        overdue = since_h > interval_h
        poor = 0.06 * np.isin(label, (FLATLINE, SPIKE)) + 0.6 * wear + 0.1 * overdue
        health = np.clip(1 - poor + 0.04 * rng.standard_normal(n), 0, 1)
        errors = rng.exponential(0.25 + 0.8 * wear**2 + 0.5 * spike + 0.6 * (course.uptime < 3)).astype(np.int32)
        alarm = (abs(offset) > 3).astype(np.int64) + (abs(offset) > 6)
        risk = 0.05 + 0.25 * wear + 0.25 * alarm + 0.05 * rng.standard_normal(n)
        humidity = np.clip(62 - 0.7 * (heat - 15) + 4 * rng.standard_normal(n), 5, 100)
        around = np.stack([heat, humidity, rng.normal(24, 0.2, n)], axis=1).round(2)

        return record_batch(
            self._schema,
            {
                "telemetry_id": uuids(rng, n),
                "device_id": members("devices", DEVICES, device),
                "timestamp": times,
                "event_type": same("iot_telemetry", n),
                "device_type": text(TYPES, kind),
                "manufacturer": text(_MAKERS, known.maker[device]),
                "model": text(_MODELS, known.model[device]),
                "firmware_version": text(_FIRMWARE, known.firmware[device]),
                "installed_at": known.installed_ms[device],
                "site": text(_SITE_NAMES, (known.site[device] * len(_SITE_NAMES)).astype(np.int64)),
                "location": text(_PLACES, city),
                "latitude": _LATITUDE[city],
                "longitude": _LONGITUDE[city],
                "sensor_readings": _readings(kind, value, around),
                "primary_reading": value,
                "primary_unit": text(UNITS, kind),
                "nominal_reading": known.nominal[device],
                "nominal_tolerance": known.tolerance[device],
                "sampling_interval_s": known.sampling_s[device].astype(np.int32),
                "battery_level": np.where(known.mains[device], 1.0, np.round(1 - 0.9 * rng.random(n) ** 2, 3)),
                "signal_strength_dbm": np.round(-55 - 30 * known.noise[device] - 5 * rng.random(n), 1),
                "cpu_temperature_c": np.round(heat + 18 + 4 * wear + rng.standard_normal(n), 1),
                "memory_used": np.round(np.clip(0.35 + 0.3 * wear + 0.05 * rng.standard_normal(n), 0, 1), 3),
                "uptime_hours": np.round((course.uptime + rng.random(n)) * known.sampling_s[device] / 3_600, 4),
                "error_count": errors,
                "device_health": np.round(health, 3),
                "last_maintenance": times - (since_h * _HOUR_MS).astype(np.int64),
                "hours_since_maintenance": np.round(since_h, 2),
                "maintenance_interval_hours": interval_h,
                "maintenance_due": overdue,
                "criticality": text(_CRITICALITIES, known.criticality[device]),
                "risk_score": np.round(np.clip(risk, 0, 1), 4),
                "is_anomaly": anomaly,
                "anomaly_pattern": text(PATTERNS, np.maximum(label, 0), null=~anomaly),
                "alert_level": text(_ALERTS, alarm),
                "load_pct": load.round(1),
                "ambient_temperature_c": around[:, 0],
            },
        )

    def _offsets(self, device: Ints, load: Floats, followed: Floats, heat: Floats, course: Course) -> Floats:
        """Work out how far each reading is from the calibration, in tolerances.

        Args:
            device: n indexes.
            load: The load of its machine.
            followed: The load that the reading follows: another one where the correlation is broken.
            heat: The temperature around it.
            course: What it goes through.
        """
        rng, n, known = self._rng, len(device), self._devices
        noise = known.noise[device] * np.where(course.calm, 0.05, np.where(rng.random(n) < _GLITCHES, 4.0, 1.0))
        offset = known.bias[device] + course.moved + noise * rng.standard_normal(n)
        offset += known.load_effect[device] * (followed - _MEAN_LOAD) / _LOAD_UNIT
        # Where nothing moves, the sensor feels the mean heat of the hall, which changes slowly.
        offset += known.heat_effect[device] * (np.where(course.calm, heat.round(0), heat) - _MEAN_HEAT) / _HEAT_UNIT
        hanging = course.label == FLATLINE
        offset[hanging] = (known.bias[device] + 2 * (course.level.mean(axis=0) - 0.5))[hanging]
        step = known.step[device]
        rounded: Floats = np.round(offset / step) * step
        return rounded


def _load(rng: np.random.Generator, shift: Floats) -> Floats:
    """Draw how busy machines are, in percent, around what the shift makes of it."""
    load: Floats = np.clip(shift * (0.5 + rng.random(len(shift))) + 18 * rng.standard_normal(len(shift)), 3, 100)
    return load


def _readings(kind: Ints, primary: Floats, around: Floats) -> pa.MapArray:
    """Put each device's own sensor and its ambient sensors, shape (n, 3), into one map of name to number."""
    n, width = len(kind), 1 + len(_AMBIENT_NAMES)
    names = np.empty((n, width), dtype=np.int64)
    names[:, 0] = kind
    names[:, 1:] = np.arange(len(_PRIMARY_NAMES), len(_READING_NAMES))
    values = np.column_stack([primary, around])
    ends = np.arange(0, n * width + 1, width, dtype=np.int32)
    return pa.MapArray.from_arrays(pa.array(ends), text(_READING_NAMES, names.ravel()), pa.array(values.ravel()))
