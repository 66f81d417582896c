"""How risky a reading is, and why."""

from __future__ import annotations

from riskloom.domain import ScoringRule, Term

# The weights were searched for on generated readings of seed 1 (plugins/fit.py). Where the recall hardly changed, they
# were then chosen for few ordinary readings at the level high. What they find of another seed: docs/data-generators.md.
RULE = ScoringRule(
    version="2",
    terms=(
        Term(
            code="SPIKE",
            sql="spike_score",
            weight=0.7,
            description="The reading jumps away from the device's own level, and neither load nor heat explain it.",
        ),
        Term(
            code="DRIFT",
            sql="drift_score",
            weight=0.8,
            description="The readings have moved bit by bit from the device's own level.",
        ),
        Term(
            code="FLATLINE",
            sql="flatline_score",
            weight=0.65,
            description="The readings are all the same, although the machine runs: the sensor hangs.",
        ),
        Term(
            code="CORRELATION_BREAK",
            sql="correlation_break_score",
            weight=0.75,
            description="The readings no longer follow the load of the machine.",
        ),
        Term(
            code="DEVIATION",
            sql="sensor_deviation_score * settled",
            weight=0.2,
            description="The reading is far from the device's own level at this load and heat.",
        ),
        Term(
            code="SCATTER",
            sql="unfollowed_load * least(sqrt(recent_variance), 1)",
            weight=0.1,
            description="The recent readings scatter, and the load does not explain it.",
        ),
        Term(
            code="POOR_HEALTH",
            sql="(0.7 - mean_health) / 0.5",
            weight=0.02,
            description="The device's own tests have been poor for days.",
        ),
        Term(
            code="MAINTENANCE_OVERDUE",
            sql="maintenance_overdue_ratio * 5",
            weight=0.02,
            description="The planned maintenance is late.",
        ),
        Term(
            code="DEVICE_ERRORS",
            sql="(mean_error_count - 1) / 3",
            weight=0.03,
            description="The device logs many errors.",
        ),
        Term(
            code="CRITICAL_DEVICE",
            sql="CASE WHEN criticality IN ('high', 'critical') THEN composite_anomaly_score - 0.3 ELSE 0 END",
            weight=0.1,
            description="Much hangs on this device, and its readings are unusual.",
        ),
    ),
)
