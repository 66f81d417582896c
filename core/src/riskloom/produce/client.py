"""The Kafka client of the producer: librdkafka with riskloom's defaults, back pressure and an orderly end."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Self

from riskloom.errors import SettingsError
from riskloom.produce.columns import Encoded
from riskloom.produce.librdkafka import ERR__QUEUE_FULL, error_name
from riskloom.produce.native import Listeners, NativeProducer
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
}
"""Properties instead of those above where events are sent as fast as it goes."""

_DRAIN_PATIENCE_S = 30.0  # longer than a broker's restart or a change of leader
_PURGE_S = 1.0
_QUEUE_FULL_WAIT_S = 0.005
_DRAIN_WAIT_S = 0.01

_log = logging.getLogger(__name__)


class Client:
    """Sends messages and counts what becomes of them. A context: its end closes the connections.

    Args:
        settings: Where Kafka is.
        properties: librdkafka properties that win over the settings' and the defaults.
        stopwatch: Where the time of the stages `enqueue`, `acknowledge` and `queue_full` is added.
        paced: Whether messages are sent at a rate, and not as fast as it goes.

    Raises:
        SettingsError: If librdkafka does not take a property.
    """

    def __init__(
        self, settings: Settings, properties: Mapping[str, str], stopwatch: Stopwatch, *, paced: bool = True
    ) -> None:
        self._stopwatch = stopwatch
        self._in_flight = 0
        self._seen = 0
        self._last_error = ""
        self._ledgers: dict[int, Ledger] = {}
        config = {**DEFAULTS, **({} if paced else UNPACED), **settings.kafka(), **properties}
        # At full speed it would measure how long the queue is, and take as long as making an event.
        acknowledged = self._on_acknowledged if paced else None
        listeners = Listeners(acknowledged, self._on_failed, self._on_statistics, self._on_error)
        try:
            self._producer = NativeProducer(config, listeners)
        except ValueError as error:
            raise SettingsError(
                f"Kafka client: {error}\n"
                "Check --set and RISKLOOM_KAFKA_CLIENT against the list of librdkafka's configuration properties."
            ) from None
        self._max_in_flight = int(config["max.in.flight"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._producer.purge()  # after an error nothing is waited for; else nothing is left
        self._producer.close()

    def send(self, topic: str, events: Encoded, ledger: Ledger, give_up: Callable[[], bool]) -> int:
        """Hand events to librdkafka, in order, waiting for room in its queue.

        Args:
            topic: The topic.
            events: Their values and keys.
            ledger: Where sent, acknowledged and failed ones are counted.
            give_up: Asked while the queue is full; true leaves the rest unsent.

        Returns:
            How many of the events were sent.
        """
        self._ledgers[id(ledger)] = ledger
        with self._stopwatch.stage("acknowledge"):
            self._producer.poll(0)  # often, so that there is room, and what is freed is still in the processor's cache
        rest = events.messages()
        while len(rest):
            with self._stopwatch.stage("enqueue"):
                self._producer.produce(topic, rest, tag=id(ledger))
                errors = rest["err"]
                full = errors == ERR__QUEUE_FULL
                ledger.sent += len(rest) - int(full.sum())
                ledger.failed.update(error_name(error) for error in errors[~full & (errors != 0)].tolist())
                rest = rest[full]
            if len(rest):
                if give_up():
                    break
                with self._stopwatch.stage("queue_full"):
                    self._producer.poll(_QUEUE_FULL_WAIT_S)
        return len(events) - len(rest)

    def poll(self, seconds: float = 0.0) -> None:
        """Take in delivery reports: those that are there, or the first that come within some seconds."""
        self._producer.poll(seconds)

    def drain(self, tell: Callable[[], None]) -> None:
        """Wait until everything sent is acknowledged or has failed.

        When nothing has moved for 30 s the rest is given up, and counted as failed.

        Args:
            tell: Called many times a second.
        """
        waiting, moved = len(self._producer), time.monotonic()
        while waiting:
            self._hurry()
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
        end = time.monotonic() + _PURGE_S
        while self.waiting and time.monotonic() < end:
            self._hurry()

    @property
    def waiting(self) -> int:
        """How many messages were neither acknowledged yet nor have failed."""
        return len(self._producer)

    @property
    def broker_is_busy(self) -> bool:
        """Whether most requests had others in flight before them, as far as the statistics tell."""
        return self._in_flight > self._seen * self._max_in_flight / 2

    def _hurry(self) -> None:
        self._producer.hurry()
        self._producer.poll(_DRAIN_WAIT_S)

    def _on_acknowledged(self, tag: int, latency: float) -> None:
        self._ledgers[tag].on_acknowledged(latency)

    def _on_failed(self, tag: int, reason: str) -> None:
        self._ledgers[tag].failed[reason] += 1

    def _on_statistics(self, statistics: str) -> None:
        brokers = json.loads(statistics)["brokers"].values()
        waiting = [broker["waitresp_cnt"] for broker in brokers if broker["nodeid"] >= 0 and broker["req"]["Produce"]]
        if waiting:
            self._in_flight += max(waiting)
            self._seen += 1

    def _on_error(self, error: str) -> None:
        self._last_error = error
