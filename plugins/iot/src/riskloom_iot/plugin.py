"""The declaration of the IoT telemetry domain."""

from __future__ import annotations

from riskloom.domain import Entity, EventDomain, Topic, load_schema
from riskloom.hookspecs import hookimpl
from riskloom_iot.features import DERIVED_FEATURES, WINDOW_FEATURES
from riskloom_iot.scoring import RULE


@hookimpl
def riskloom_event_domain() -> EventDomain:
    """Declare IoT telemetry, keyed by the device."""
    return EventDomain(
        name="iot",
        description="Sensor telemetry, scored when it is read: drift, spikes, sensors that hang or follow nothing.",
        topic=Topic(name="iot-telemetry", partitions=8),
        avro_schema=load_schema(__package__),
        event_id="telemetry_id",
        event_time="timestamp",
        key="device_id",
        entities=(Entity(name="device", field="device_id", description="The device that sends the readings."),),
        generator="riskloom_iot.generator:IotGenerator",
        label="anomaly_pattern",
        outcomes=("risk_score", "is_anomaly", "alert_level"),
        window_features=WINDOW_FEATURES,
        derived_features=DERIVED_FEATURES,
        rule=RULE,
        share=25,
    )
