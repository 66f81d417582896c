"""The turns of the producer and of its comparisons, against a broker and a registry in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from fake_registry import fake_registry
from mock_kafka import MockKafka
from payments import payments
from servers import JAVA

from riskloom.bench.loops import _in_turns
from riskloom.bench.produce import Plan, bench_produce
from riskloom.bench.servers import Servers
from riskloom.errors import DeliveryError
from riskloom.offsets import end_offsets, total

DOMAINS = (payments("payments", share=30), payments("refunds"))
PLAN = Plan(duration=0.05, rounds=2, events=400)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> MockKafka:
    """Answer a broker that has the topics."""
    monkeypatch.setattr("riskloom.bench.produce.ensure_topics", lambda settings, domains: [])
    monkeypatch.setattr("riskloom.topics.ensure_topics", lambda settings, domains: [])
    monkeypatch.setattr("riskloom.bench.environment.find_java", lambda home: JAVA)
    kafka = MockKafka()
    for installed in DOMAINS:
        kafka.send(installed.domain.topic.name, [b"before"])
    return kafka


@pytest.fixture
def servers(kafka: MockKafka, tmp_path: Path) -> Iterator[Servers]:
    with fake_registry() as registry:
        secrets = {"sasl.password": "secret", "linger.ms": "5"}
        yield Servers(
            kafka.settings.model_copy(
                update={"home": tmp_path, "registry_url": registry.url, "kafka_client": secrets},
            ),
            {},
        )


def test_every_way_of_sending_is_measured_by_what_is_in_the_topics(servers: Servers, kafka: MockKafka) -> None:
    told: list[str] = []
    result, complete = bench_produce(servers, DOMAINS, PLAN, report=told.append)
    assert complete
    assert result["lost"] == 0
    assert result["bench"] == "produce"
    assert min(result[f"{name}_per_s"] for name in ("events", "raw_librdkafka", "avro_serializer")) > 0
    assert len(result["by_round"]) == PLAN.rounds
    rounds = sorted(one["events_per_s"] / one["raw_librdkafka_per_s"] for one in result["by_round"])
    assert rounds[0] - 0.01 <= result["ratio"] <= rounds[-1] + 0.01
    assert result["stage_us"].keys() == {"generate", "encode", "enqueue", "acknowledge", "queue_full"}
    assert result["stage_us"]["generate"] > 0
    assert result["cpu_us"].keys() == {"riskloom", "raw_librdkafka", "avro_serializer"}
    assert result["event_bytes"] > 50
    assert sum("warm-up" in line for line in told) == 2
    assert json.loads(json.dumps(result)) == result
    held = sum(map(total, end_offsets(kafka.settings, [one.domain.topic.name for one in DOMAINS]).values()))
    assert held > len(DOMAINS)


def test_what_the_comparisons_send_are_the_events(servers: Servers, kafka: MockKafka) -> None:
    bench_produce(servers, DOMAINS[:1], PLAN, report=lambda line: None)
    held = total(end_offsets(kafka.settings, ["payments-topic"])["payments-topic"])
    # The first record of a partition may be the one from before; all others are in the wire format.
    values = [record.value() for record in kafka.records("payments-topic", held)]
    assert values.count(b"before") == 1
    assert {value[:5] for value in values if value != b"before"} == {b"\0\0\0\0\1"}


def test_no_credentials_are_told(servers: Servers) -> None:
    result, _ = bench_produce(servers, DOMAINS, PLAN, report=lambda line: None)
    assert "secret" not in json.dumps(result)
    assert result["client"]["linger.ms"] == "5"
    assert result["client"]["batch.size"] == 262144


def test_events_that_are_not_in_their_topics_make_it_incomplete(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = count()
    monkeypatch.setattr("riskloom.bench.produce.end_offsets", lambda settings, topics: {"t": {0: next(ends)}})
    result, complete = bench_produce(servers, DOMAINS, PLAN, report=lambda line: None)
    assert not complete
    assert result["lost"] > 0


def test_a_kafka_that_takes_nothing_is_told_of(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskloom.bench.produce.end_offsets", lambda settings, topics: {"t": {0: 7}})
    with pytest.raises(DeliveryError, match="Kafka took none of the"):
        bench_produce(servers, DOMAINS, PLAN, report=lambda line: None)


def test_lists_are_mixed_evenly() -> None:
    assert _in_turns([["a", "a", "a", "a"], ["b", "b"]]) == ["a", "b", "a", "a", "b", "a"]
    assert _in_turns([[], [1]]) == [1]
