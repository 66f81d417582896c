"""How risky a reading is, and why."""

from __future__ import annotations

from riskloom.domain import ScoringRule, Term

RULE = ScoringRule(
    version="1",
    terms=(
        Term(
            code="READING_OUT_OF_RANGE",
            sql="(abs(reading_offset) - 2.5) / 2",
            weight=0.4,
            description="The reading is several tolerances away from the calibration.",
        ),
        Term(
            code="REPEATED_OUT_OF_RANGE",
            sql="(out_of_range_count_1min - 1) / 2",
            weight=0.3,
            description="More than one reading of the last minute was out of range.",
        ),
        Term(
            code="SUDDEN_SWING",
            sql="CASE WHEN abs(reading_offset) > 2.5 THEN swing_score_5min ELSE 0 END",
            weight=0.15,
            description="The readings jumped within 5 minutes.",
        ),
        Term(
            code="POOR_HEALTH",
            sql="(0.7 - mean_health_7d) / 0.5",
            weight=0.15,
            description="The device's own tests have been poor for 7 days.",
        ),
        Term(
            code="MAINTENANCE_OVERDUE",
            sql="maintenance_overdue_ratio * 5",
            weight=0.1,
            description="The planned maintenance is late.",
        ),
        Term(
            code="DEVICE_ERRORS",
            sql="(error_count_1hr - 3) / 10",
            weight=0.1,
            description="The device logged many errors within the hour.",
        ),
        Term(
            code="CRITICAL_DEVICE",
            sql="criticality IN ('high', 'critical') AND abs(reading_offset) > 3",
            weight=0.15,
            description="Much hangs on this device, and its reading is out of range.",
        ),
    ),
)
