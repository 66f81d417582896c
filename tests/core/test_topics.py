from __future__ import annotations

import logging
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from payments import payments

from riskloom.domain import Topic
from riskloom.errors import DeliveryError
from riskloom.settings import Settings
from riskloom.topics import (
    DEAD_LETTERS_TOPIC,
    SCORES_TOPIC,
    create_topics,
    declared_topics,
    ensure_topics,
    topic_names,
)


class Admin:
    """Stands for Kafka: keeps topics and what was asked."""

    def __init__(self) -> None:
        self.topics: dict[str, int] = {}
        self.refusals: dict[str, int] = {}
        self.created: list[Any] = []
        self.config: dict[str, Any] = {}
        self.leaderless = 0
        """How often it is asked for offsets before every partition has a leader."""

    def __call__(self, config: dict[str, Any]) -> Admin:
        self.config = config
        return self

    def list_topics(self, timeout: float) -> Any:
        return SimpleNamespace(
            topics={name: SimpleNamespace(partitions=range(count)) for name, count in self.topics.items()}
        )

    def create_topics(self, requests: list[Any], operation_timeout: float) -> dict[str, Future[None]]:
        self.created += requests
        futures = {}
        for request in requests:
            future: Future[None] = Future()
            if request.topic in self.refusals:
                future.set_exception(KafkaException(KafkaError(self.refusals[request.topic], "no")))
            else:
                future.set_result(None)
            futures[request.topic] = future
        return futures

    def list_offsets(self, requests: dict[Any, Any], request_timeout: float) -> dict[Any, Future[None]]:
        futures = {}
        for partition in requests:
            futures[partition] = future = Future[None]()
            if self.leaderless and partition.partition == 1:
                future.set_exception(KafkaException(KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION, "wait")))
            else:
                future.set_result(None)
        self.leaderless = max(0, self.leaderless - 1)
        return futures


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    stand_in = Admin()
    monkeypatch.setattr("confluent_kafka.admin.AdminClient", stand_in)
    return stand_in


def test_the_declared_topics_are_those_of_domains_scores_and_dead_letters() -> None:
    topics = declared_topics([payments()])
    assert [(topic.name, topic.partitions) for topic in topics] == [
        ("payments-topic", 6),
        ("risk-scores", 6),
        ("dead-letters", 3),
    ]


def test_missing_topics_are_created_as_declared(admin: Admin) -> None:
    admin.topics[SCORES_TOPIC] = 6
    assert ensure_topics(Settings(kafka_client={"a": "b"}), [payments()]) == ["payments-topic", DEAD_LETTERS_TOPIC]
    week = {"retention.ms": "604800000", "message.timestamp.type": "LogAppendTime"}
    assert [(topic.topic, topic.num_partitions, topic.config) for topic in admin.created] == [
        ("payments-topic", 6, week),
        (DEAD_LETTERS_TOPIC, 3, week),
    ]
    assert admin.config["a"] == "b"


def test_created_topics_are_waited_for(admin: Admin) -> None:
    admin.leaderless = 2
    ensure_topics(Settings(), [])
    assert admin.leaderless == 0


def test_topics_that_do_not_come_to_life_are_not_waited_for_long(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskloom.topics._TIMEOUT_S", 0.1)
    admin.leaderless = 10**9
    assert ensure_topics(Settings(), []) == [SCORES_TOPIC, DEAD_LETTERS_TOPIC]


def test_nothing_is_created_twice(admin: Admin) -> None:
    admin.topics = {topic.name: topic.partitions for topic in declared_topics([payments()])}
    assert ensure_topics(Settings(), [payments()]) == []
    assert admin.created == []


def test_a_topic_that_another_was_quicker_to_create_is_fine(admin: Admin) -> None:
    admin.refusals[SCORES_TOPIC] = KafkaError.TOPIC_ALREADY_EXISTS
    assert ensure_topics(Settings(), [payments()]) == ["payments-topic", DEAD_LETTERS_TOPIC]


def test_fewer_partitions_than_declared_are_told_and_left(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    admin.topics = {SCORES_TOPIC: 2, DEAD_LETTERS_TOPIC: 9, "payments-topic": 6}
    with caplog.at_level(logging.WARNING):
        assert ensure_topics(Settings(), [payments()]) == []
    assert [record.getMessage() for record in caplog.records] == [
        "topic risk-scores has 2 partitions, fewer than the 6 declared: it is used as it is"
    ]


def test_all_refusals_are_listed(admin: Admin) -> None:
    admin.refusals = {
        SCORES_TOPIC: KafkaError.TOPIC_AUTHORIZATION_FAILED,
        DEAD_LETTERS_TOPIC: KafkaError.POLICY_VIOLATION,
    }
    with pytest.raises(DeliveryError, match=r"(?s)risk-scores: .*dead-letters: "):
        ensure_topics(Settings(), [payments()])


def test_kafka_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskloom.topics._TIMEOUT_S", 0.1)
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1:1 cannot be reached.*\n.*riskloom up"):
        ensure_topics(Settings(bootstrap_servers="127.0.0.1:1"), [])


def test_a_topic_declares_its_retention() -> None:
    assert Topic(name="t").retention.days == 7


def test_a_compacted_topic_keeps_its_records(admin: Admin) -> None:
    admin.topics["there"] = 1
    topics = [Topic(name="there", partitions=1), Topic(name="marks", partitions=1)]
    assert create_topics(Settings(), topics, compacted=True) == ["marks"]
    (request,) = admin.created
    assert request.config == {"cleanup.policy": "compact"}
    assert topic_names(Settings()) == {"there"}
