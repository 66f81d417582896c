"""End offsets, as a broker in this process tells them."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from mock_kafka import MockKafka
from servers import any_free

from riskloom import offsets
from riskloom.errors import DeliveryError
from riskloom.offsets import cluster_id, end_offsets, total
from riskloom.settings import Settings


@pytest.fixture(scope="module")
def broker() -> MockKafka:
    broker = MockKafka()
    producer = Producer({**broker.settings.kafka(), "log_level": 0})
    for partition, count in ((0, 3), (2, 1)):
        for _ in range(count):
            producer.produce("payments", b"x", partition=partition)
    producer.produce("claims", b"x", partition=0)
    assert producer.flush(30) == 0
    return broker


@pytest.fixture
def kafka(broker: MockKafka) -> Settings:
    return broker.settings


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offsets, "_TIMEOUT_S", 0.2)


def test_end_offsets_are_by_topic_and_partition(kafka: Settings) -> None:
    found = end_offsets(kafka, ["payments", "claims"])
    assert {p: offset for p, offset in found["payments"].items() if offset} == {0: 3, 2: 1}
    assert total(found["payments"]) == 4
    assert total(found["claims"]) == 1
    assert list(found) == ["payments", "claims"]


def test_topics_that_do_not_exist_are_all_named(kafka: Settings) -> None:
    with pytest.raises(DeliveryError, match="no topic gone, lost at") as caught:
        end_offsets(kafka, ["gone", "payments", "lost"])
    assert "riskloom produce" in str(caught.value)


def test_a_cluster_has_an_id(kafka: Settings) -> None:
    assert cluster_id(kafka) == cluster_id(kafka) != ""


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("ask", [lambda settings: end_offsets(settings, ["payments"]), cluster_id])
def test_a_kafka_that_does_not_answer_is_told_with_its_address(ask: Any) -> None:
    settings = Settings(bootstrap_servers=f"127.0.0.1:{any_free()}")
    with pytest.raises(DeliveryError, match=f"Kafka at {settings.bootstrap_servers} cannot be read") as caught:
        ask(settings)
    assert "riskloom up" in str(caught.value)


def test_a_partition_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def list_offsets(requests: dict[Any, Any], **_: Any) -> dict[Any, Future[Any]]:
        refused: Future[Any] = Future()
        refused.set_exception(KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not yours")))
        return dict.fromkeys(requests, refused)

    topics = {"payments": SimpleNamespace(partitions=[0])}
    admin = SimpleNamespace(list_topics=lambda timeout: SimpleNamespace(topics=topics), list_offsets=list_offsets)
    monkeypatch.setattr("confluent_kafka.admin.AdminClient", lambda config: admin)
    with pytest.raises(DeliveryError, match="not yours"):
        end_offsets(Settings(), ["payments"])
