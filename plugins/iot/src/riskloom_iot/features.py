"""What is remembered about a device, and what is worked out from it, on every reading."""

from __future__ import annotations

from riskloom.domain import DerivedFeature, WindowFeature

# How far the reading is from the calibration sheet, in tolerances: readings of all sensors on one scale.
_OFFSET = "(primary_reading - nominal_reading) / nullif(nominal_tolerance, 0)"
# What the data sheets say of it: a tolerance or so for 25 points of load, less for 10 degrees around the device.
_LOAD = "(coalesce(load_pct, 55) - 55) / 25"
_HEAT = "(coalesce(ambient_temperature_c, 20) - 20) / 10"
_LOAD_EFFECT = (
    "CASE device_type WHEN 'temperature' THEN 1.1 WHEN 'pressure' THEN 1.0 WHEN 'vibration' THEN 1.2 ELSE 0.9 END"
)
_HEAT_EFFECT = (
    "CASE device_type WHEN 'temperature' THEN 0.5 WHEN 'pressure' THEN 0.2 WHEN 'vibration' THEN 0.1 ELSE 0.5 END"
)
# What is left of the offset is the device's own: bias, noise, and what goes wrong.
_RESIDUAL = f"{_OFFSET} - ({_LOAD_EFFECT}) * {_LOAD} - ({_HEAT_EFFECT}) * {_HEAT}"
_USUAL = f"abs({_RESIDUAL}) < 2.5"
_NO_JUMP = f"abs({_RESIDUAL}) < 3"
_OUT_OF_RANGE = f"abs({_RESIDUAL}) > 2"

WINDOW_FEATURES = (
    WindowFeature(
        name="out_of_range_share_5min",
        aggregate="ratio",
        window="5min",
        where=_OUT_OF_RANGE,
        default=0,
        description="Share of the device's readings in 5 minutes more than 2 tolerances from what was expected.",
    ),
    WindowFeature(
        name="earlier_reading_count",
        aggregate="count",
        window="24hr",
        kind="session",
        include_event=False,
        description="Readings of the device before this one, since it was last silent for a day.",
    ),
    WindowFeature(
        name="own_residual",
        aggregate="ewm_mean",
        window="1hr",
        value=_RESIDUAL,
        where=_USUAL,
        include_event=False,
        default=0,
        description="The device's own bias: mean of usual residuals before, each weighing half as much every hour.",
    ),
    WindowFeature(
        name="own_variance",
        aggregate="ewm_variance",
        window="1hr",
        value=_RESIDUAL,
        where=_USUAL,
        include_event=False,
        description="The device's own noise: variance of usual residuals before, weighted in the same way.",
    ),
    WindowFeature(
        name="latest_residual",
        aggregate="ewm_mean",
        window="30s",
        value=_RESIDUAL,
        include_event=False,
        default=0,
        description="Mean of the residuals just before this one, each weighing half as much every 30 seconds.",
    ),
    WindowFeature(
        name="recent_residual",
        aggregate="ewm_mean",
        window="90s",
        value=_RESIDUAL,
        where=_NO_JUMP,
        default=0,
        description="Mean of the recent residuals but jumps, each weighing half as much every 90 seconds.",
    ),
    WindowFeature(
        name="recent_variance",
        aggregate="ewm_variance",
        window="90s",
        value=_RESIDUAL,
        where=_NO_JUMP,
        default=0,
        description="Their variance.",
    ),
    WindowFeature(
        name="recent_load",
        aggregate="ewm_mean",
        window="90s",
        value=_LOAD,
        where=_NO_JUMP,
        default=0,
        description="Mean of the loads at those readings, in units of 25 points from 55.",
    ),
    WindowFeature(
        name="recent_load_variance",
        aggregate="ewm_variance",
        window="90s",
        value=_LOAD,
        where=_NO_JUMP,
        default=0,
        description="Variance of those loads.",
    ),
    WindowFeature(
        name="recent_product",
        aggregate="ewm_mean",
        window="90s",
        value=f"({_RESIDUAL}) * {_LOAD}",
        where=_NO_JUMP,
        default=0,
        description="Mean of residual times load: with the means it tells whether one follows the other.",
    ),
    WindowFeature(
        name="same_reading_count",
        aggregate="run_length",
        window="1hr",
        value="primary_reading",
        where="coalesce(load_pct, 55) >= 3",
        description="How many readings of a running machine were the same in a row, to the last digit.",
    ),
    WindowFeature(
        name="mean_error_count",
        aggregate="ewm_mean",
        window="10min",
        value="error_count",
        default=0,
        description="Mean of the errors a reading, each weighing half as much every 10 minutes.",
    ),
    WindowFeature(
        name="mean_health",
        aggregate="ewm_mean",
        window="24hr",
        value="device_health",
        default=1,
        description="Mean of the device's self-tests, each weighing half as much every day.",
    ),
)

DERIVED_FEATURES = (
    DerivedFeature(
        name="reading_offset",
        sql=f"coalesce({_OFFSET}, 0)",
        description="The reading in tolerances from the calibration.",
    ),
    DerivedFeature(
        name="reading_residual",
        sql=f"coalesce({_RESIDUAL}, 0)",
        description="What load and heat do not explain of it.",
    ),
    DerivedFeature(
        name="own_noise",
        sql="CASE WHEN earlier_reading_count >= 5 THEN greatest(sqrt(coalesce(own_variance, 0.09)), 0.2) ELSE 0.6 END",
        description="Standard deviation of the device's own residuals, at least 0.2 tolerances; 0.6 until it is known.",
    ),
    DerivedFeature(
        name="settled",
        sql="CASE WHEN uptime_hours < 0.02 THEN 0.3 ELSE 1 END",
        description="How far a reading can be trusted: less right after the device has started.",
    ),
    DerivedFeature(
        name="own_deviation",
        sql="reading_residual - CASE WHEN earlier_reading_count >= 3 THEN own_residual ELSE 0 END",
        description="How far the residual is from the device's own, in tolerances.",
    ),
    DerivedFeature(
        name="spike_score",
        sql="settled * least(greatest((abs(own_deviation) - 1) / 2, 0), 1)"
        " * least(greatest((abs(own_deviation) / own_noise - 2) / 3, 0), 1)",
        description="How far the reading jumps from the device's own level, in tolerances and in its noise, 0 to 1.",
    ),
    DerivedFeature(
        name="drift_score",
        sql="CASE WHEN earlier_reading_count >= 5 AND own_deviation * (latest_residual - own_residual) > 0 THEN"
        " least(greatest((least(abs(own_deviation), 1.2 * abs(latest_residual - own_residual)) - 0.55) / 0.7, 0), 1)"
        " ELSE 0 END",
        description="How far this reading and those just before have moved from the device's own level, 0 to 1.",
    ),
    DerivedFeature(
        name="flatline_score",
        sql="CASE WHEN coalesce(load_pct, 55) >= 3 THEN least(greatest((same_reading_count - 2) / 3, 0), 1) ELSE 0 END",
        description="Whether the sensor hangs while the machine runs: 1 at five equal readings in a row.",
    ),
    DerivedFeature(
        name="unfollowed_load",
        sql="least(greatest((recent_residual * recent_load - recent_product) / (recent_load_variance + 0.1)"
        f" / ({_LOAD_EFFECT}), 0), 1)",
        description="How little the recent readings follow the load: 0 as the data sheet says, 1 not at all.",
    ),
    DerivedFeature(
        name="correlation_break_score",
        sql="CASE WHEN earlier_reading_count >= 8 THEN least(greatest("
        "(unfollowed_load * least(sqrt(recent_variance) / own_noise, 3) - 0.4) / 0.8, 0), 1) ELSE 0 END",
        description="Whether the readings no longer follow the load and scatter more than the device's own, 0 to 1.",
    ),
    DerivedFeature(
        name="sensor_deviation_score",
        sql="1 - exp(-greatest(abs(own_deviation) - 0.5, 0) / 1.5)",
        description="How far the reading is from the device's own level at this load and heat, 0 to 1.",
    ),
    DerivedFeature(
        name="iot_anomaly_score_5min",
        sql="greatest(out_of_range_share_5min, drift_score, correlation_break_score)",
        description="Readings of 5 minutes out of range, moved or scattered, whichever is most, 0 to 1.",
    ),
    DerivedFeature(
        name="maintenance_overdue_ratio",
        sql="greatest(coalesce(hours_since_maintenance / nullif(maintenance_interval_hours, 0), 0) - 1, 0)",
        description="How late the maintenance is, as a share of its planned interval.",
    ),
    DerivedFeature(
        name="composite_anomaly_score",
        sql="1 - (1 - 0.9 * spike_score) * (1 - 0.9 * drift_score) * (1 - 0.9 * flatline_score)"
        " * (1 - 0.9 * correlation_break_score) * (1 - 0.3 * sensor_deviation_score)"
        " * (1 - 0.1 * least(mean_error_count / 3, 1)) * (1 - 0.1 * (1 - least(greatest(mean_health, 0), 1)))",
        description="Spike, drift, flatline, broken correlation, errors and health in one number, 0 to 1.",
    ),
    DerivedFeature(
        name="predicted_failure_hours",
        sql="greatest(1, 8760 * pow(least(greatest(mean_health, 0.01), 1), 2)"
        " * exp(-4 * composite_anomaly_score - 2 * least(maintenance_overdue_ratio, 2)))",
        description="Hours the device is likely to last: a year when sound, less with wear, anomalies and neglect.",
    ),
)
