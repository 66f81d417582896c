"""Watches the scores as a consumer of the `risk-scores` and `dead-letters` topics would see them."""

from __future__ import annotations

import io
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

from riskloom.offsets import end_offsets
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

_HEADER = 5
_TOP = 10
_RECENT_S = 60.0
"""How far back the riskiest recent events reach."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds from an event's creation to the receipt of its score; None when there is none."""

    p50: float | None
    p95: float | None
    p99: float | None


@dataclass
class Seen:
    """What has arrived so far; scores emitted twice after a restart count once."""

    scored: Counter[str] = field(default_factory=Counter)
    """Distinct events scored, by domain."""
    dead_lettered: Counter[str] = field(default_factory=Counter)
    """By domain; `unknown` where the record's domain is not known."""
    levels: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Scores by domain and level."""
    top: list[dict[str, Any]] = field(default_factory=list)
    """The riskiest events so far, riskiest first."""
    recent: list[dict[str, Any]] = field(default_factory=list)
    """The riskiest events of the last minute, riskiest first."""

    @property
    def total(self) -> int:
        """All events that were scored or given up."""
        return self.scored.total() + self.dead_lettered.total()


class Observer:
    """Consumes from where the topics end now, in a thread, until it is closed.

    Args:
        settings: Where Kafka is. The topics must exist.
    """

    def __init__(self, settings: Settings) -> None:
        from confluent_kafka import Consumer, TopicPartition

        self._seen = Seen()
        self._ids: set[int] = set()
        self._received: list[float] = []
        self._latencies: list[float] = []
        self._recent: deque[tuple[float, dict[str, Any]]] = deque()
        self._lock, self._closing = Lock(), Event()
        self._failure: Exception | None = None
        # No group is joined: nothing is committed, and no rebalance is waited for.
        self._consumer = Consumer(
            settings.kafka(group_id="riskloom-demo", enable_auto_commit=False, fetch_wait_max_ms=5)
        )
        offsets = end_offsets(settings, (SCORES_TOPIC, DEAD_LETTERS_TOPIC))
        self._consumer.assign(
            [TopicPartition(name, p, offset) for name, parts in offsets.items() for p, offset in parts.items()]
        )
        self._thread = Thread(target=self._consume, name="observer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop consuming."""
        self._closing.set()
        self._thread.join()
        self._consumer.close()

    def seen(self) -> Seen:
        """What has arrived so far.

        Raises:
            Exception: What made the consumer fail, if it did.
        """
        if self._failure is not None:
            raise self._failure
        with self._lock:
            horizon = time.time() - _RECENT_S
            while self._recent and self._recent[0][0] < horizon:
                self._recent.popleft()
            recent = sorted((event for _, event in self._recent), key=_risk, reverse=True)
            return Seen(
                Counter(self._seen.scored),
                Counter(self._seen.dead_lettered),
                Counter(self._seen.levels),
                list(self._seen.top),
                recent[:_TOP],
            )

    def latency(self, since: float = 0.0, until: float = float("inf")) -> Latency:
        """Sum up the latency of the scores received in a span of time.

        Args:
            since: Seconds since the epoch.
            until: The same.
        """
        with self._lock:
            received, latencies = np.array(self._received), np.array(self._latencies)
        chosen = latencies[(received >= since) & (received < until)]
        if not len(chosen):
            return Latency(None, None, None)
        return Latency(*(round(float(q), 1) for q in np.percentile(chosen, (50, 95, 99))))

    def _consume(self) -> None:
        import fastavro

        schemas = {
            SCORES_TOPIC: fastavro.parse_schema(RISK_SCORE_SCHEMA),
            DEAD_LETTERS_TOPIC: fastavro.parse_schema(DEAD_LETTER_SCHEMA),
        }

        def read(message: Any) -> tuple[str, Any]:
            body = io.BytesIO(message.value()[_HEADER:])
            return message.topic(), fastavro.schemaless_reader(body, schemas[message.topic()], None)

        try:
            while not self._closing.is_set():
                messages = self._consumer.consume(5000, 0.05)
                now = time.time()
                records = [read(m) for m in messages if not m.error()]
                with self._lock:
                    self._take(now, records)
        except Exception as error:  # told to the thread that asks
            self._failure = error

    def _take(self, now: float, records: Sequence[tuple[str, Any]]) -> None:
        for topic, record in records:
            domain = record["domain"] or "unknown"
            if topic == DEAD_LETTERS_TOPIC:
                self._seen.dead_lettered[domain] += 1
                continue
            identity = hash((domain, record["event_id"]))
            if identity in self._ids:
                continue
            self._ids.add(identity)
            self._received.append(now)
            self._latencies.append((now - record["event_time"].timestamp()) * 1000)
            self._seen.scored[domain] += 1
            self._seen.levels[domain, record["level"]] += 1
            if len(self._seen.top) < _TOP or record["score"] > self._seen.top[-1]["score"]:
                self._seen.top = sorted([*self._seen.top, _brief(record)], key=_risk, reverse=True)[:_TOP]
            if record["level"] in ("high", "critical"):
                self._recent.append((now, _brief(record)))


def _risk(event: dict[str, Any]) -> float:
    return float(event["score"])


def _brief(record: dict[str, Any]) -> dict[str, Any]:
    """What a person wants to see of a score."""
    return {
        "event_id": record["event_id"],
        "domain": record["domain"],
        record["entity"]: record["entity_id"],
        "event_time": record["event_time"].isoformat(),
        "score": round(record["score"], 4),
        "level": record["level"],
        "reasons": [
            {"code": r["code"], "weight": round(r["weight"], 4), "description": r["description"]}
            for r in sorted(record["reasons"], key=lambda reason: -reason["weight"])
        ],
    }
