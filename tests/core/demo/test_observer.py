"""What the observer counts, from records as a consumer of the topics gets them."""

from __future__ import annotations

import io
import queue
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import fastavro
import pytest

from riskloom.demo import observer as module
from riskloom.demo.observer import Latency, Observer, Seen
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings

NOW = 1_750_000_000.0


class Kafka:
    """Stands for the consumer and for the clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.batches: queue.Queue[Any] = queue.Queue()
        self.assigned: list[Any] = []
        self.config: dict[str, Any] = {}
        self.closed = False

    def consumer(self, config: dict[str, Any]) -> Kafka:
        self.config = config
        return self

    def assign(self, partitions: list[Any]) -> None:
        self.assigned = [(p.topic, p.partition, p.offset) for p in partitions]

    def consume(self, count: int, timeout: float) -> list[Any]:
        try:
            batch = self.batches.get(timeout=0.01)
        except queue.Empty:
            return []
        self.batches.task_done()
        if isinstance(batch, Exception):
            raise batch
        return list(batch)

    def close(self) -> None:
        self.closed = True

    def send(self, *messages: Any) -> None:
        """Hand over some messages, and wait until they are counted."""
        self.batches.put(messages)
        # When this one is asked for, those before are counted.
        self.batches.put([])
        self.batches.join()


def message(topic: str, schema: dict[str, Any], record: dict[str, Any]) -> Any:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
    value = b"\0\0\0\0\7" + body.getvalue()
    return SimpleNamespace(topic=lambda: topic, value=lambda: value, error=lambda: None)


def scored(event_id: str, score: float = 0.1, *, ms: float = 0.0, **changes: Any) -> Any:
    """A score of an event that happened so many milliseconds ago."""
    reasons = [
        {"code": "LESS", "weight": score / 4, "description": "a little"},
        {"code": "MORE", "weight": score * 3 / 4, "description": "a lot"},
    ]
    record = {
        "event_id": event_id,
        "domain": "payments",
        "entity": "user",
        "entity_id": f"user of {event_id}",
        "event_time": datetime.fromtimestamp(NOW, UTC) - timedelta(milliseconds=ms),
        "scored_at": datetime.fromtimestamp(NOW, UTC),
        "score": score,
        "level": "critical" if score >= 0.8 else "high" if score >= 0.6 else "low",
        "reasons": reasons,
        "features": {},
        "rule_version": "1",
        "schema_id": 1,
    }
    return message("risk-scores", RISK_SCORE_SCHEMA, record | changes)


def dead(domain: str | None) -> Any:
    letter = {"failed_at": NOW, "stage": "decode", "domain": domain, "reason": "too_short", "source": "t", "offset": 1}
    return message("dead-letters", DEAD_LETTER_SCHEMA, letter | {"failed_at": int(NOW * 1000)})


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()
    monkeypatch.setattr("confluent_kafka.Consumer", kafka.consumer)
    offsets = {"risk-scores": {0: 5, 1: 0}, "dead-letters": {0: 2}}
    monkeypatch.setattr(module, "end_offsets", lambda settings, topics: {topic: offsets[topic] for topic in topics})
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: kafka.now))
    return kafka


@pytest.fixture
def observer(kafka: Kafka) -> Iterator[Observer]:
    observer = Observer(Settings())
    yield observer
    observer.close()


def test_it_begins_where_the_topics_end_and_joins_no_group(observer: Observer, kafka: Kafka) -> None:
    assert sorted(kafka.assigned) == [("dead-letters", 0, 2), ("risk-scores", 0, 5), ("risk-scores", 1, 0)]
    assert kafka.config["enable.auto.commit"] is False
    assert observer.seen() == Seen()


def test_a_score_emitted_twice_counts_once(observer: Observer, kafka: Kafka) -> None:
    kafka.send(scored("a"), scored("b", 0.7), scored("a"))
    kafka.send(scored("b", 0.7), scored("a", domain="claims"))
    seen = observer.seen()
    assert seen.scored == {"payments": 2, "claims": 1}
    assert seen.levels == {("payments", "low"): 1, ("payments", "high"): 1, ("claims", "low"): 1}
    assert [event["event_id"] for event in seen.recent] == ["b"]
    assert seen.total == 3


def test_dead_letters_count_by_domain(observer: Observer, kafka: Kafka) -> None:
    kafka.send(dead("payments"), dead(None), scored("a"), dead("payments"))
    seen = observer.seen()
    assert seen.dead_lettered == {"payments": 2, "unknown": 1}
    assert seen.total == 4


def test_an_error_of_the_consumer_is_no_record(observer: Observer, kafka: Kafka) -> None:
    kafka.send(SimpleNamespace(error=lambda: "one partition is away"), scored("a"))
    assert observer.seen().total == 1


def test_latency_is_of_the_scores_received_in_the_span(observer: Observer, kafka: Kafka) -> None:
    assert observer.latency() == Latency(None, None, None)
    kafka.send(*(scored(f"a{i}", ms=i) for i in range(101)))
    assert observer.latency() == Latency(50.0, 95.0, 99.0)
    kafka.now += 10
    kafka.send(scored("late"), scored("a5", ms=5))
    assert observer.latency(since=NOW + 10) == Latency(10_000.0, 10_000.0, 10_000.0)
    assert observer.latency(until=NOW + 10) == Latency(50.0, 95.0, 99.0)
    assert observer.latency(since=NOW + 11) == Latency(None, None, None)


def test_the_top_is_the_ten_riskiest_of_all_time(observer: Observer, kafka: Kafka) -> None:
    kafka.send(*(scored(str(i), i / 100) for i in range(30)))
    kafka.now += 3600
    kafka.send(scored("new", 0.25), scored("low", 0.01))
    top = observer.seen().top
    assert [event["event_id"] for event in top[:5]] == ["29", "28", "27", "26", "25"]
    assert [event["score"] for event in top] == sorted((event["score"] for event in top), reverse=True)
    assert len(top) == 10
    assert "new" in [event["event_id"] for event in top]


def test_the_recent_are_the_riskiest_of_the_last_minute(observer: Observer, kafka: Kafka) -> None:
    kafka.send(scored("old", 0.99))
    kafka.now += 40
    kafka.send(*(scored(str(i), 0.6 + i / 100) for i in range(15)), scored("calm", 0.5))
    assert [event["event_id"] for event in observer.seen().recent] == ["old", *map(str, range(14, 5, -1))]
    kafka.now += 30
    assert [event["event_id"] for event in observer.seen().recent] == [*map(str, range(14, 4, -1))]
    kafka.now += 60
    seen = observer.seen()
    assert seen.recent == []
    assert seen.top[0]["event_id"] == "old"


def test_an_event_is_shown_with_its_entity_and_its_reasons_heaviest_first(observer: Observer, kafka: Kafka) -> None:
    kafka.send(scored("a", 0.8, ms=1500))
    assert observer.seen().top == [
        {
            "event_id": "a",
            "domain": "payments",
            "user": "user of a",
            "event_time": "2025-06-15T15:06:38.500000+00:00",
            "score": 0.8,
            "level": "critical",
            "reasons": [
                {"code": "MORE", "weight": 0.6, "description": "a lot"},
                {"code": "LESS", "weight": 0.2, "description": "a little"},
            ],
        }
    ]


def test_what_was_seen_is_a_copy(observer: Observer, kafka: Kafka) -> None:
    before = observer.seen()
    kafka.send(scored("a", 0.9))
    assert before == Seen()


def test_a_failed_consumer_is_told_to_the_one_who_asks(observer: Observer, kafka: Kafka) -> None:
    kafka.batches.put(ValueError("not Avro"))
    kafka.batches.join()
    observer._thread.join()
    with pytest.raises(ValueError, match="not Avro"):
        observer.seen()


def test_closing_ends_the_thread_and_the_consumer(kafka: Kafka) -> None:
    observer = Observer(Settings())
    observer.close()
    assert kafka.closed
    assert not observer._thread.is_alive()
