"""What each shipped domain must declare."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fastavro.schema import parse_schema

from riskloom.domain import EventDomain
from riskloom.validation import problems_between, problems_of

ROOT = Path(__file__).parents[2]

FIELDS = {
    "claims": {
        *("claim_id", "user_id", "timestamp", "event_type", "claim_type", "claim_amount", "risk_score"),
        *("fraud_probability", "fraud_indicators", "location", "priority", "fraud_pattern"),
    },
    "transactions": {
        *("transaction_id", "user_id", "timestamp", "event_type", "amount", "category", "merchant_name", "location"),
        *("is_fraud", "risk_score", "payment_method", "merchant_id", "fraud_pattern"),
    },
    "iot": {
        *("telemetry_id", "device_id", "timestamp", "event_type", "device_type", "sensor_readings", "risk_score"),
        *("is_anomaly", "alert_level", "anomaly_pattern"),
    },
}
FEATURES = {
    "claims": {
        *("claim_count_1hr", "claim_count_24hr", "avg_claim_amount_24hr"),
        *("claim_frequency_score", "composite_risk_score"),
    },
    "transactions": {
        *("transaction_count_1hr", "velocity_risk_score", "amount_spike_risk", "composite_fraud_score"),
        "user_claim_count_24hr",
    },
    "iot": {
        *("iot_anomaly_score_5min", "sensor_deviation_score", "composite_anomaly_score"),
        "predicted_failure_hours",
    },
}
FEWEST_FIELDS = {"claims": 25, "transactions": 20, "iot": 20}
TOPICS = {
    "claims": ("insurance-claims", 12, 35),
    "transactions": ("financial-transactions", 12, 40),
    "iot": ("iot-telemetry", 8, 25),
}
ENUMS = {
    "claims": {
        "event_type": ["insurance_claim"],
        "claim_type": ["auto", "property", "health", "life"],
        "priority": ["high", "medium", "low"],
    },
    "transactions": {"event_type": ["financial_transaction"]},
    "iot": {
        "event_type": ["iot_telemetry"],
        "device_type": ["temperature", "pressure", "vibration", "environmental"],
    },
}
HINDSIGHT = {
    "claims": {"fraud_pattern", "priority", "risk_score", "fraud_probability", "fraud_indicators"},
    "transactions": {"fraud_pattern", "is_fraud", "risk_score"},
    "iot": {"anomaly_pattern", "is_anomaly", "risk_score", "alert_level"},
}
"""Labels, and what another system already thought of the event: a rule that reads them learns nothing of its own."""


def test_has_the_required_fields(domain: EventDomain) -> None:
    names = [field["name"] for field in domain.avro_schema["fields"]]
    assert FIELDS[domain.name] <= set(names)
    assert len(names) >= FEWEST_FIELDS[domain.name]


def test_schema_is_documented_field_by_field(domain: EventDomain) -> None:
    parse_schema(domain.avro_schema)
    assert domain.avro_schema["namespace"] == "riskloom.events"
    assert domain.avro_schema["doc"]
    assert [field["name"] for field in domain.avro_schema["fields"] if not field.get("doc", "").endswith(".")] == []


def test_schema_names_its_logical_types_and_enums(domain: EventDomain) -> None:
    types = {field["name"]: field["type"] for field in domain.avro_schema["fields"]}
    uuid = {"type": "string", "logicalType": "uuid"}
    assert types[domain.event_id] == types[domain.key] == uuid
    assert all(types[entity.field] == uuid for entity in domain.entities)
    assert types[domain.event_time] == {"type": "long", "logicalType": "timestamp-millis"}
    for field, symbols in ENUMS[domain.name].items():
        assert types[field]["symbols"] == symbols


def test_nullable_fields_default_to_null(domain: EventDomain) -> None:
    nullable = [field for field in domain.avro_schema["fields"] if isinstance(field["type"], list)]
    assert nullable
    assert all(field["type"][0] == "null" and field["default"] is None for field in nullable)


def test_newest_snapshot_is_the_schema(domain: EventDomain) -> None:
    versions = (ROOT / "schemas" / domain.name).glob("v*.avsc")
    newest = max(versions, key=lambda path: int(path.stem.removeprefix("v")))
    assert json.loads(newest.read_text("utf-8")) == domain.avro_schema


def test_declares_its_topic_and_share(domain: EventDomain) -> None:
    topic, partitions, share = TOPICS[domain.name]
    assert (domain.topic.name, domain.topic.partitions, domain.share) == (topic, partitions, share)
    assert domain.topic.retention.days == 7


def test_has_the_required_features(domain: EventDomain) -> None:
    assert FEATURES[domain.name] <= set(domain.feature_names)


def test_windows_of_every_length_are_used(domains: dict[str, EventDomain]) -> None:
    used = {name: {f.window for f in domain.window_features} for name, domain in domains.items()}
    assert set.union(*used.values()) >= {"1min", "5min", "1hr", "24hr", "7d"}
    assert all(len(windows) >= 3 for windows in used.values())


def test_users_are_correlated_across_domains(domains: dict[str, EventDomain]) -> None:
    assert "transactions" in {f.source for f in domains["claims"].window_features}
    assert "claims" in {f.source for f in domains["transactions"].window_features}


def test_everything_is_described(domain: EventDomain) -> None:
    parts = [*domain.entities, *domain.window_features, *domain.derived_features, *domain.rule.terms]
    assert [part for part in (domain, *parts) if not part.description.endswith(".")] == []


def test_labels_and_foreign_estimates_are_declared_so_that_no_sql_may_read_them(domain: EventDomain) -> None:
    assert domain.label in {"fraud_pattern", "anomaly_pattern"}
    assert domain.hindsight == HINDSIGHT[domain.name]


def test_has_no_problems(domain: EventDomain, domains: dict[str, EventDomain]) -> None:
    assert problems_of(domain) == []
    assert problems_between(domain, domains.values()) == []


@pytest.mark.parametrize("name", ["claims", "transactions", "iot"])
def test_declaring_imports_nothing_heavy(name: str) -> None:
    code = (
        f"import sys, riskloom_{name}.plugin as plugin; plugin.riskloom_event_domain();"
        "print(sorted({'numpy', 'pyarrow', 'pandas', 'pyspark', 'duckdb', 'fastavro'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
