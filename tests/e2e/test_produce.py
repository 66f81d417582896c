"""The producer on the real servers: what it says it delivered is what Kafka holds, in the registry's schemas."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import fastavro
import pytest
from command import riskloom
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from consume import records_since
from payments import payments

from riskloom.discovery import InstalledDomain, discover
from riskloom.domain import Topic
from riskloom.offsets import end_offsets
from riskloom.produce.producer import produce_events
from riskloom.schemas.registry import register_all, registry_client
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC, ensure_topics

pytestmark = pytest.mark.e2e


@pytest.fixture
def domain() -> InstalledDomain:
    """A domain whose topic does not exist yet."""
    fresh = payments(f"payments_{uuid4().hex[:8]}")
    topic = Topic(name=f"{fresh.name}-topic", partitions=5, retention=timedelta(hours=3))
    return replace(fresh, domain=fresh.domain.model_copy(update={"topic": topic}))


def decoded(settings: Settings, value: bytes) -> Any:
    """Read a record by the schema whose id it carries, as any consumer would."""
    assert value[0] == 0
    with registry_client(settings) as client:
        schema = json.loads(client.get_schema(int.from_bytes(value[1:5], "big")).schema_str)
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(schema), None)
    assert body.read() == b""
    return record


def test_topics_are_created_once_as_declared(settings: Settings, domain: InstalledDomain) -> None:
    name = domain.domain.topic.name
    with ThreadPoolExecutor(4) as pool:
        created = list(pool.map(lambda _: ensure_topics(settings, [domain]), range(4)))
    assert Counter(topic for topics in created for topic in topics)[name] == 1
    assert ensure_topics(settings, [domain]) == []
    admin = AdminClient(settings.kafka())
    assert len(admin.list_topics(name, timeout=10).topics[name].partitions) == 5
    (answer,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    assert answer.result()["retention.ms"].value == str(3 * 3_600_000)


def test_what_is_reported_is_what_kafka_holds(settings: Settings, domain: InstalledDomain) -> None:
    report = produce_events(settings, [domain], throughput=500, duration=2, seed=3)
    name = domain.domain.topic.name
    records = records_since(settings, {name: dict.fromkeys(range(5), 0)})
    assert report.complete
    assert report.total.sent == report.total.acknowledged == len(records) > 0
    assert report.total.sent == 1000 or report.limited_by
    assert report.total.bytes == sum(len(record.value()) for record in records)
    events = [decoded(settings, record.value()) for record in records[:20]]
    assert all(event["kind"] == "cash" for event in events)
    partitions = defaultdict(set)
    for record in records:
        partitions[record.key()].add(record.partition())
    assert partitions.keys() == {b"%d" % account for account in range(7)}
    assert all(len(places) == 1 for places in partitions.values())


def test_each_bad_row_of_a_file_is_a_dead_letter(settings: Settings, tmp_path: Path) -> None:
    domains = discover(only=["iot"])
    ensure_topics(settings, domains)
    register_all(settings, domains)
    begin = end_offsets(settings, ["iot-telemetry", DEAD_LETTERS_TOPIC])
    source = tmp_path / "readings.jsonl"
    good = _reading(domains[0])
    source.write_text("\n".join([json.dumps(good), "{", json.dumps({**good, "battery_level": "full"})]) + "\n")
    told = riskloom(settings, "produce", "--domain=iot", f"--input={source}", "--json", exits=6)
    total = json.loads(told.stdout)["total"]
    assert (total["acknowledged"], total["rejected"], total["failed"]) == (1, 2, {})
    by_topic = defaultdict(list)
    for record in records_since(settings, begin):
        by_topic[record.topic()].append(decoded(settings, record.value()))
    (event,) = by_topic["iot-telemetry"]
    assert event["sensor_readings"] == good["sensor_readings"]
    letters = sorted(by_topic[DEAD_LETTERS_TOPIC], key=lambda letter: letter["offset"])
    assert [(letter["offset"], letter["reason"]) for letter in letters] == [(2, "invalid_json"), (3, "invalid_row")]
    assert letters[1]["detail"] == "battery_level: expected a number, not 'full'"
    assert letters[0].keys() == {field["name"] for field in DEAD_LETTER_SCHEMA["fields"]}


def test_ctrl_c_ends_a_run_with_its_report(settings: Settings) -> None:
    ensure_topics(settings, discover(only=["claims"]))
    before = end_offsets(settings, ["insurance-claims"])
    own = {name: str(getattr(settings, name)) for name in ("home", "bootstrap_servers", "registry_url")}
    command = [sys.executable, "-m", "riskloom", "produce", "--domain=claims", "--throughput=1000", "--json"]
    with subprocess.Popen(
        command,
        env=os.environ | {f"RISKLOOM_{name.upper()}": value for name, value in own.items()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            while end_offsets(settings, ["insurance-claims"]) == before:
                assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    report = json.loads(out)
    assert report["interrupted"]
    after = end_offsets(settings, ["insurance-claims"])["insurance-claims"]
    arrived = sum(after.values()) - sum(before["insurance-claims"].values())
    assert report["total"]["acknowledged"] == report["total"]["sent"] == arrived > 0


def _reading(domain: InstalledDomain) -> dict[str, Any]:
    """Write a reading as a gateway would: times in ISO 8601, fields with a default left out."""
    kinds = {"string": "x", "double": 0.5, "int": 3, "boolean": False}
    row: dict[str, Any] = {}
    for field in domain.domain.avro_schema["fields"]:
        avro = field["type"]
        if "default" in field:
            continue
        if isinstance(avro, str):
            row[field["name"]] = kinds[avro]
        elif avro["type"] == "enum":
            row[field["name"]] = avro["symbols"][0]
        elif avro["type"] == "map":
            row[field["name"]] = {"temperature_c": 21.5}
        elif avro["logicalType"] == "uuid":
            row[field["name"]] = str(uuid4())
        else:
            row[field["name"]] = "2026-01-02T03:04:05Z"
    return row
