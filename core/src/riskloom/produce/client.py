"""The Kafka client of the producer: librdkafka with riskloom's defaults, back pressure and an orderly end."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from riskloom.errors import SettingsError
from riskloom.produce.rate import Stopwatch
from riskloom.produce.report import Ledger
from riskloom.settings import Settings

DEFAULTS: dict[str, Any] = {
    "client.id": "riskloom",
    "batch.size": 65536,
    "linger.ms": 10,
    "compression.type": "snappy",
    "acks": 1,
    "max.in.flight": 5,
    "queue.buffering.max.kbytes": 65536,
    # 64 MB of small events are more than librdkafka's 100,000 messages: the bytes shall be the limit.
    "queue.buffering.max.messages": 1_000_000,
    # The Java clients' partitioner: the events of a key meet on one partition, whoever wrote them.
    "partitioner": "murmur2_random",
    "statistics.interval.ms": 1000,
    # Failures are in the report; librdkafka would print each attempt to connect.
    "log_level": 2,
}
"""librdkafka properties; `RISKLOOM_KAFKA_CLIENT` wins over them, and `--set` over both."""

UNPACED: dict[str, Any] = {
    # The broker's work goes by the batch: as large as they get, they cost it half as much an event. To fill one on each
    # of 32 partitions takes a tenth of a second at 250,000 events a second.
    "batch.size": 262144,
    "linger.ms": 100,
    # A report of each acknowledgement takes as long as making an event. What has not failed in the end was delivered.
    "delivery.report.only.error": True,
}
"""Properties instead of those above where events are sent as fast as it goes."""

_DRAIN_PATIENCE_S = 30.0  # longer than a broker's restart or a change of leader
_QUEUE_FULL_WAIT_S = 0.005

_log = logging.getLogger(__name__)


class Client:
    """Sends messages and counts what becomes of them. A context: its end closes the connections.

    Args:
        settings: Where Kafka is.
        properties: librdkafka properties that win over the settings' and the defaults.
        stopwatch: Where the time of the stages `enqueue` and `queue_full` is added.
        paced: Whether messages are sent at a rate, and not as fast as it goes.

    Raises:
        SettingsError: If librdkafka does not take a property.
    """

    def __init__(
        self, settings: Settings, properties: Mapping[str, str], stopwatch: Stopwatch, *, paced: bool = True
    ) -> None:
        from confluent_kafka import KafkaError, KafkaException, Producer

        self._full = KafkaError._QUEUE_FULL
        self._stopwatch = stopwatch
        self._in_flight = 0
        self._seen = 0
        self._last_error = ""
        config = {
            **DEFAULTS,
            **({} if paced else UNPACED),
            **settings.kafka(),
            **properties,
            "stats_cb": self._on_statistics,
            "error_cb": self._on_error,
        }
        try:
            self._producer = Producer(config)
        except (KafkaException, TypeError) as error:
            problem = error.args[0].str() if isinstance(error, KafkaException) else error
            raise SettingsError(
                f"Kafka client: {problem}\n"
                "Check --set and RISKLOOM_KAFKA_CLIENT against the list of librdkafka's configuration properties."
            ) from None
        self._max_in_flight = int(config["max.in.flight"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._producer.purge()  # after an error nothing is waited for; else nothing is left
        self._producer.close()

    def send(self, topic: str, messages: Sequence[dict[str, Any]], ledger: Ledger, give_up: Callable[[], bool]) -> int:
        """Hand messages to librdkafka, in order, waiting for room in its queue.

        Args:
            topic: The topic.
            messages: Dicts of `value` and `key`.
            ledger: Where sent, acknowledged and failed ones are counted.
            give_up: Asked while the queue is full; true leaves the rest unsent.

        Returns:
            How many of the messages were sent.
        """
        rest = list(messages)
        while rest:
            with self._stopwatch.stage("enqueue"):
                taken = self._producer.produce_batch(topic, rest, on_delivery=ledger.on_delivery)
                ledger.sent += taken
                rest = self._refused(rest, ledger) if taken < len(rest) else []
            if rest:
                if give_up():
                    break
                with self._stopwatch.stage("queue_full"):
                    self._producer.poll(_QUEUE_FULL_WAIT_S)
        return len(messages) - len(rest)

    def poll(self, seconds: float = 0.0) -> None:
        """Take in delivery reports: those that are there, or the first that come within some seconds."""
        self._producer.poll(seconds)

    def drain(self, tell: Callable[[], None]) -> None:
        """Wait until everything sent is acknowledged or has failed.

        When nothing has moved for 30 s the rest is given up, and counted as failed.

        Args:
            tell: Called a few times a second.
        """
        waiting, moved = len(self._producer), time.monotonic()
        while waiting:
            self._producer.flush(0.1)
            tell()
            if len(self._producer) < waiting:
                waiting, moved = len(self._producer), time.monotonic()
            elif time.monotonic() - moved > _DRAIN_PATIENCE_S:
                self.abandon()
                break

    def abandon(self) -> None:
        """Give up what is not acknowledged yet: it is counted as failed."""
        _log.warning("gave up %d events that Kafka did not acknowledge. %s", len(self._producer), self._last_error)
        self._producer.purge()
        self._producer.flush(1.0)

    @property
    def waiting(self) -> int:
        """How many messages were neither acknowledged yet nor have failed."""
        return len(self._producer)

    @property
    def broker_is_busy(self) -> bool:
        """Whether most requests had others in flight before them, as far as the statistics tell."""
        return self._in_flight > self._seen * self._max_in_flight / 2

    def _refused(self, messages: list[dict[str, Any]], ledger: Ledger) -> list[dict[str, Any]]:
        """Pick the messages to try again, and count those that can never be sent."""
        again = []
        for message in messages:
            error = message.pop("_error", None)
            if error is None:
                continue
            if error.code() == self._full:
                again.append(message)
            else:
                ledger.sent += 1
                ledger.failed[error.name()] += 1
        return again

    def _on_statistics(self, statistics: str) -> None:
        brokers = json.loads(statistics)["brokers"].values()
        waiting = [broker["waitresp_cnt"] for broker in brokers if broker["nodeid"] >= 0 and broker["req"]["Produce"]]
        if waiting:
            self._in_flight += max(waiting)
            self._seen += 1

    def _on_error(self, error: Any) -> None:
        self._last_error = error.str()
