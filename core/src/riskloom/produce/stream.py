"""One domain's generated events, made and encoded a little before they are due."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from riskloom.produce.columns import Encoded
from riskloom.produce.encode import BatchEncoder
from riskloom.produce.generators import broken, make_generator, pace_of
from riskloom.produce.rate import Schedule, Stopwatch
from riskloom.produce.report import Ledger

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain
    from riskloom.produce.client import Client

_BLOCK_S = 0.25  # few calls of a generator a second, as each costs about a millisecond however few its events
_BLOCK_EVENTS = 4096  # made in about 20 ms, for which the other domains' events must wait


class EventStream:
    """Makes, encodes and sends the events of one domain.

    Args:
        installed: The domain.
        schema_id: The registry's id of its schema.
        seed: The run's seed; each domain draws its own from it.
        client: Where the events go.
        stopwatch: Where the time of the stages `generate` and `encode` is added.
        pattern_rate: The share of events that belong to injected patterns; by default the generator's own.
    """

    def __init__(
        self,
        installed: InstalledDomain,
        schema_id: int,
        seed: int,
        client: Client,
        stopwatch: Stopwatch,
        pattern_rate: float | None = None,
    ) -> None:
        domain = installed.domain
        self.ledger = Ledger()
        self._installed = installed
        self._topic = domain.topic.name
        self._encoder = BatchEncoder(domain.avro_schema, schema_id, domain.key)
        self._generator = make_generator(installed, seed, pattern_rate)
        self._client = client
        self._stopwatch = stopwatch
        self._ready: deque[Encoded] = deque()
        self._made = 0
        self._sent_of_first = 0
        """How many events of the first ready block were sent."""

    def send_now(self, times: npt.NDArray[np.int64], give_up: Callable[[], bool]) -> None:
        """Make events for some times and send them at once.

        Args:
            times: Milliseconds since the epoch, UTC, ascending, shape (n,).
            give_up: Asked after each part and while Kafka's queue is full; true leaves the rest unsent.
        """
        for block in self._make(times):
            self._send(block, give_up)
            if give_up():
                return

    @property
    def pace(self) -> float:
        """Events a second that the generator's population makes by itself."""
        return pace_of(self._generator)

    @property
    def made(self) -> int:
        """How many events were made for a schedule, sent or not."""
        return self._made

    def prepare(self, schedule: Schedule, last: int) -> None:
        """Make the next block of events, each with the time at which it is due, even when that has passed.

        Args:
            schedule: When they are due.
            last: Number after the last event of the run.
        """
        beyond = min(self._made + max(1, min(_BLOCK_EVENTS, int(schedule.rate * _BLOCK_S))), last)
        self._ready.extend(self._make(schedule.times(self._made, beyond)))
        self._made = beyond

    def send_due(self, due: int, give_up: Callable[[], bool]) -> None:
        """Send the ready events with a number below `due`.

        Args:
            due: How many events of the run are due.
            give_up: Asked while Kafka's queue is full; true leaves the rest unsent.
        """
        while self._ready and not give_up():
            block, begin = self._ready[0], self._sent_of_first
            end = min(begin + due - self.ledger.sent, len(block))
            if end <= begin:
                return
            self._sent_of_first += self._send(block.part(begin, end), give_up)
            if self._sent_of_first == len(block):
                self._ready.popleft()
                self._sent_of_first = 0

    def _send(self, block: Encoded, give_up: Callable[[], bool]) -> int:
        sent = self._client.send(self._topic, block, self.ledger, give_up)
        self.ledger.bytes += block.part(0, sent).size
        return sent

    def _make(self, times: npt.NDArray[np.int64]) -> Iterator[Encoded]:
        try:
            with self._stopwatch.stage("generate"):
                batch = self._generator.batch(times)
            if batch.num_rows != len(times):
                raise ValueError(f"{batch.num_rows} events were made for {len(times)} times")
            yield from self._stopwatch.timed("encode", self._encoder.encode(batch))
        except Exception as error:
            raise broken(self._installed, error) from error
