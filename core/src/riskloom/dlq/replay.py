"""Send the records of dead letters again, each at most once more.

Records and marks that they were sent are written in one Kafka transaction: both are there, or neither. All replays
share one transactional id, so Kafka fences an older one off as soon as a newer one begins; what it had begun is
aborted, and the newer one reads the marks after that. Consumers that read what is committed, as the job does, see
each record once.
"""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel

from riskloom.dlq.letters import Letter, Reading, Wanted, no_letters_yet, read_letters
from riskloom.dlq.originals import Original, Originals
from riskloom.dlq.places import Place, Places
from riskloom.dlq.replays import Replays, ensure_replays_topic, marked, read_replays
from riskloom.errors import DeliveryError
from riskloom.settings import Settings
from riskloom.topics import REPLAYS_TOPIC, topic_names

if TYPE_CHECKING:
    from confluent_kafka import KafkaException, Producer

TRANSACTIONAL_ID = "riskloom-dlq-replay"
"""Of every replay: whoever may write to the cluster under this id may replay."""

ORIGIN_HEADER = "riskloom-replay-of"
"""Of a record that was sent again: where it was before."""

_BATCH = 500
_BATCH_BYTES = 4 << 20
"""A transaction holds back those who read its topics from when its first record is written: it is over in a moment."""

_TRANSACTION_MS = 15_000
"""After this long Kafka aborts the transaction of a replay that was killed in the middle of one."""

_WAIT_S = 30.0
_LISTED = 100


class ReplayReport(BaseModel):
    """What became of the dead letters that were meant; each record counts once."""

    dry_run: bool
    interrupted: bool = False
    matched: int = 0
    sent: dict[str, int] = {}
    """By topic; of a dry run, what would have been sent."""
    replayed_before: int = 0
    failed_again: int = 0
    """Sent by an earlier replay, and dead letters once more."""
    expired: int = 0
    """The letter does not hold the record, and Kafka does not have it any more."""
    not_replayable: dict[str, int] = {}
    """By cause: `file` (a row of a file), `empty` (a record without a value), `topic_gone`."""
    unreadable: int = 0
    """Records among the dead letters that are none."""
    lost: list[str] = []
    """Places of records that expired or whose topic is gone, the first hundred."""

    @property
    def total_sent(self) -> int:
        """How many records were sent, of all topics."""
        return sum(self.sent.values())

    @property
    def complete(self) -> bool:
        """Whether no record that was meant is out of reach."""
        return not self.expired and not self.not_replayable.get("topic_gone")


def replay(
    settings: Settings,
    wanted: Wanted,
    *,
    dry_run: bool = False,
    again: bool = False,
    stop: threading.Event | None = None,
    reading: Reading | None = None,
) -> ReplayReport:
    """Send the records of dead letters to their topics again.

    Args:
        settings: Where Kafka and the registry are.
        wanted: Which dead letters.
        dry_run: Count only.
        again: Send also those that an earlier replay sent and that failed again.
        stop: Set it to end after the transaction under way.
        reading: Is kept up to date with how many letters were read.

    Raises:
        DeliveryError: If Kafka cannot be reached, does not take a record, or another replay has begun since.
        RegistryError: If the registry cannot be reached.
    """
    stop = stop or threading.Event()
    reading = reading or Reading()
    report = ReplayReport(dry_run=dry_run)
    sender: AbstractContextManager[_Sender | None] = nullcontext() if dry_run else _Sender(settings)
    with sender as send, read_replays(settings) as replays, Originals(settings, topic_names(settings)) as originals:
        letters = _chosen(read_letters(settings, wanted, reading), replays, report, again)
        try:
            # Closed here, whatever happens: what they have open belongs to this thread.
            with closing(letters):
                for batch in _batches(_until(letters, stop)):
                    records = _records(batch, originals, report)
                    if send is not None:
                        send(records)
                    for letter, _ in records:
                        topic = letter.place.source
                        report.sent[topic] = report.sent.get(topic, 0) + 1
        except DeliveryError as error:
            if not no_letters_yet(error):
                raise
    report.unreadable = reading.unreadable
    report.interrupted = stop.is_set()
    return report


def _until(letters: Iterator[Letter], stop: threading.Event) -> Iterator[Letter]:
    for letter in letters:
        if stop.is_set():
            return
        yield letter


def _chosen(
    letters: Iterator[Letter], replays: Replays, report: ReplayReport, again: bool
) -> Generator[Letter, None, None]:
    """Leave out what cannot or must not be sent, and count it."""
    with Places() as seen:
        for letter in letters:
            if not seen.add(letter.place):
                continue
            report.matched += 1
            if letter.stage == "produce":
                _count(report.not_replayable, "file")
            elif letter.value is None and not letter.is_at_its_place:
                _count(report.not_replayable, "empty")
            elif letter.place in replays.sent:
                report.replayed_before += 1
            elif letter.place in replays.results and not again:
                report.failed_again += 1
            else:
                yield letter


def _batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        batch.append(letter)
        size += len(letter.value or b"")
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _records(letters: Sequence[Letter], originals: Originals, report: ReplayReport) -> list[tuple[Letter, Original]]:
    """Find the record of each letter, and count those that are gone."""
    found = originals.read(letter for letter in letters if letter.is_at_its_place)
    records = []
    for letter in letters:
        place = letter.place
        if not originals.has_topic(place.source):
            _count(report.not_replayable, "topic_gone")
        elif not letter.is_at_its_place:
            records.append((letter, Original(letter.key, letter.value)))
            continue
        elif place in found:
            records.append((letter, found[place]))
            continue
        else:
            report.expired += 1
        if len(report.lost) < _LISTED:
            report.lost.append(str(place))
    return records


def _count(counts: dict[str, int], cause: str) -> None:
    counts[cause] = counts.get(cause, 0) + 1


class _Sender:
    """Sends batches, each with its marks in a transaction. A context: it begins by ending every older replay."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: Producer | None = None

    def __enter__(self) -> Self:
        from confluent_kafka import KafkaException, Producer

        ensure_replays_topic(self._settings)
        own = self._settings.kafka(
            transactional_id=TRANSACTIONAL_ID,
            transaction_timeout_ms=_TRANSACTION_MS,
            acks="all",
            linger_ms=5,
            # As the producer of events does: a key's records meet on one partition.
            partitioner="murmur2_random",
        )
        self._producer = Producer({"log_level": 0, **own})
        try:
            self._producer.init_transactions(_WAIT_S)
        except KafkaException as error:
            raise self._failure(error) from None
        return self

    def __exit__(self, *failure: object) -> None:
        from confluent_kafka import KafkaException

        if self._producer is not None:
            # What it still has to say of a transaction that it could not abort was said before.
            with warnings.catch_warnings(), suppress(KafkaException, SystemError):
                warnings.simplefilter("ignore", RuntimeWarning)
                self._producer.purge()
                self._producer.close()

    def __call__(self, records: Sequence[tuple[Letter, Original]]) -> None:
        from confluent_kafka import KafkaException

        if not records or self._producer is None:
            return
        try:
            self._producer.begin_transaction()
            try:
                for place, result in self._send(self._producer, records):
                    self._producer.produce(REPLAYS_TOPIC, value=marked(result), key=str(place).encode())
                self._producer.commit_transaction(_WAIT_S)
            except (KafkaException, DeliveryError, SystemError, KeyboardInterrupt) as error:
                # What ended the transaction from outside is told by the abort: a fatal error that comes among delivery
                # reports is lost, and is a SystemError.
                raise self._abort(self._producer) or error from None
        except KafkaException as error:
            raise self._failure(error) from None

    def _send(self, producer: Producer, records: Sequence[tuple[Letter, Original]]) -> list[tuple[Place, Place]]:
        """Send the records, and wait until Kafka has them: where to, the marks tell."""
        results: list[tuple[Place, Place]] = []
        errors: Counter[str] = Counter()

        def delivered(place: Place) -> Callable[[Any, Any], None]:
            def tell(error: Any, message: Any) -> None:
                if error is not None:
                    errors[error.str()] += 1
                else:
                    results.append((place, Place(message.topic(), message.partition(), message.offset())))

            return tell

        for letter, original in records:
            producer.produce(
                letter.place.source,
                original.value,
                original.key,
                headers={ORIGIN_HEADER: str(letter.place).encode()},
                on_delivery=delivered(letter.place),
            )
        if producer.flush(_WAIT_S) or errors:
            reasons = ", ".join(f"{count} {reason}" for reason, count in errors.items()) or "no answer in time"
            raise DeliveryError(
                f"Kafka did not take {len(records) - len(results)} of {len(records)} records: {reasons}\n"
                "Nothing of these was sent. The same command goes on where this one stopped."
            )
        return results

    def _abort(self, producer: Producer) -> KafkaException | None:
        """Abort the transaction; answer why Kafka does not let it, which then does it itself."""
        from confluent_kafka import KafkaException

        try:
            producer.purge()
            producer.abort_transaction(_WAIT_S)
        except KafkaException as error:
            return error
        return None

    def _failure(self, error: Any) -> DeliveryError:
        from confluent_kafka import KafkaError

        problem = error.args[0]
        fenced = {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}
        if problem.code() in fenced:
            return DeliveryError(
                "another replay has begun, and Kafka lets only the newest go on; what this one had begun is undone\n"
                "Let the other one end; then the same command sends what is left, if anything is."
            )
        return DeliveryError(
            f"Kafka at {self._settings.bootstrap_servers} does not let the replay go on: {problem.str()}\n"
            "What was committed stays sent, and the same command goes on from there. A secured cluster must allow the "
            f"transactional id {TRANSACTIONAL_ID}."
        )
