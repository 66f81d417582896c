"""What is remembered about a device, and what is worked out from it, on every reading."""

from __future__ import annotations

from riskloom.domain import DerivedFeature, WindowFeature

# Readings of all sensors on one scale: tolerances away from the calibration sheet.
_OFFSET = "(primary_reading - nominal_reading) / nullif(nominal_tolerance, 0)"
_OUT_OF_RANGE = f"abs({_OFFSET}) > 3"

WINDOW_FEATURES = (
    WindowFeature(
        name="reading_count_5min", aggregate="count", window="5min", description="Readings of the device in 5 minutes."
    ),
    WindowFeature(
        name="out_of_range_count_1min",
        aggregate="count",
        window="1min",
        where=_OUT_OF_RANGE,
        description="Readings in 1 minute more than 3 tolerances from the calibration.",
    ),
    WindowFeature(
        name="out_of_range_count_5min",
        aggregate="count",
        window="5min",
        where=_OUT_OF_RANGE,
        description="Readings in 5 minutes more than 3 tolerances from the calibration.",
    ),
    WindowFeature(
        name="min_offset_5min",
        aggregate="min",
        window="5min",
        value=_OFFSET,
        default=0,
        description="Lowest reading in 5 minutes, in tolerances from the calibration.",
    ),
    WindowFeature(
        name="max_offset_5min",
        aggregate="max",
        window="5min",
        value=_OFFSET,
        default=0,
        description="Highest reading in 5 minutes, in tolerances from the calibration.",
    ),
    WindowFeature(
        name="earlier_reading_count_24hr",
        aggregate="count",
        window="24hr",
        value=_OFFSET,
        include_event=False,
        description="Readings of the device in the 24 hours before this one.",
    ),
    WindowFeature(
        name="mean_offset_24hr",
        aggregate="mean",
        window="24hr",
        value=_OFFSET,
        include_event=False,
        default=0,
        description="Mean reading in the 24 hours before, in tolerances from the calibration: the device's own bias.",
    ),
    WindowFeature(
        name="stddev_offset_24hr",
        aggregate="stddev",
        window="24hr",
        value=_OFFSET,
        include_event=False,
        description="Standard deviation of the readings in the 24 hours before, in tolerances: the device's own noise.",
    ),
    WindowFeature(
        name="recent_mean_offset",
        aggregate="ewm_mean",
        window="10min",
        value=_OFFSET,
        include_event=False,
        default=0,
        description="Mean of the readings before, in tolerances, each weighing half as much every 10 minutes.",
    ),
    WindowFeature(
        name="recent_variance_offset",
        aggregate="ewm_variance",
        window="10min",
        value=_OFFSET,
        include_event=False,
        description="Variance of the readings before, weighted in the same way.",
    ),
    WindowFeature(
        name="same_reading_count",
        aggregate="run_length",
        window="1hr",
        value="primary_reading",
        description="How many readings in a row were the same, to the last digit.",
    ),
    WindowFeature(
        name="heat_correlation_24hr",
        aggregate="correlation",
        window="24hr",
        value="cpu_temperature_c",
        other="sensor_readings['ambient_temperature_c']",
        description="Correlation of the processor's temperature with that around the device in 24 hours.",
    ),
    WindowFeature(
        name="error_count_1hr",
        aggregate="sum",
        window="1hr",
        value="error_count",
        description="Errors the device logged in 1 hour.",
    ),
    WindowFeature(
        name="mean_health_7d",
        aggregate="mean",
        window="7d",
        value="device_health",
        default=1,
        description="Mean of the device's self-tests in 7 days.",
    ),
)

DERIVED_FEATURES = (
    DerivedFeature(
        name="reading_offset",
        sql=f"coalesce({_OFFSET}, 0)",
        description="The reading in tolerances from the calibration.",
    ),
    DerivedFeature(
        name="own_deviation_score",
        sql="CASE WHEN earlier_reading_count_24hr >= 5 THEN least(greatest(coalesce("
        "abs(reading_offset - mean_offset_24hr) / nullif(stddev_offset_24hr, 0), 0) - 2, 0) / 2, 1) ELSE 0 END",
        description="How far the reading is from the device's own of 24 hours: 1 at four standard deviations.",
    ),
    DerivedFeature(
        name="spike_score",
        sql="CASE WHEN earlier_reading_count_24hr >= 5 THEN least(greatest(coalesce("
        "abs(reading_offset - recent_mean_offset) / nullif(sqrt(recent_variance_offset), 0), 0) - 3, 0) / 3, 1)"
        " ELSE 0 END",
        description="How far the reading jumps from the device's latest ones: 1 at six weighted standard deviations.",
    ),
    DerivedFeature(
        name="drift_score",
        sql="CASE WHEN earlier_reading_count_24hr >= 20 THEN least(greatest(coalesce("
        "abs(recent_mean_offset - mean_offset_24hr) / nullif(stddev_offset_24hr, 0), 0) - 1, 0) / 2, 1) ELSE 0 END",
        description="How far the latest readings have moved from those of 24 hours, 0 to 1.",
    ),
    DerivedFeature(
        name="flatline_score",
        sql="least(greatest(same_reading_count - 2, 0) / 4, 1)",
        description="Whether the sensor hangs: 1 at six equal readings in a row.",
    ),
    DerivedFeature(
        name="correlation_break_score",
        sql="CASE WHEN earlier_reading_count_24hr >= 100 THEN least(greatest(0.2 - heat_correlation_24hr, 0), 1)"
        " ELSE 0 END",
        description="Whether the processor no longer warms with its surroundings, 0 to 1.",
    ),
    DerivedFeature(
        name="sensor_deviation_score",
        sql="0.75 * (1 - exp(-greatest(abs(reading_offset) - 2, 0) / 2)) + 0.25 * own_deviation_score",
        description="How far the reading is from the calibration and from the device's own readings, 0 to 1.",
    ),
    DerivedFeature(
        name="iot_anomaly_score_5min",
        sql="least(out_of_range_count_5min / greatest(reading_count_5min, 1), 1)",
        description="Share of the device's readings in 5 minutes that are out of range.",
    ),
    DerivedFeature(
        name="swing_score_5min",
        sql="least(greatest(max_offset_5min - min_offset_5min - 3, 0) / 6, 1)",
        description="How far the readings of 5 minutes lie apart, 0 to 1.",
    ),
    DerivedFeature(
        name="maintenance_overdue_ratio",
        sql="greatest(coalesce(hours_since_maintenance / nullif(maintenance_interval_hours, 0), 0) - 1, 0)",
        description="How late the maintenance is, as a share of its planned interval.",
    ),
    DerivedFeature(
        name="composite_anomaly_score",
        sql="least(1, 0.4 * sensor_deviation_score + 0.25 * iot_anomaly_score_5min + 0.15 * swing_score_5min"
        " + 0.1 * (1 - least(mean_health_7d, 1)) + 0.05 * least(maintenance_overdue_ratio * 5, 1)"
        " + 0.05 * least(error_count_1hr / 10, 1))",
        description="Deviation, repetition, swing, health, maintenance and errors in one number, 0 to 1.",
    ),
    DerivedFeature(
        name="predicted_failure_hours",
        sql="greatest(1, 8760 * pow(least(greatest(mean_health_7d, 0.01), 1), 2)"
        " * exp(-4 * composite_anomaly_score - 2 * least(maintenance_overdue_ratio, 2)))",
        description="Hours the device is likely to last: a year when sound, less with wear, anomalies and neglect.",
    ),
)
