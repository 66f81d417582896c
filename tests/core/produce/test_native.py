from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mock_kafka import MockKafka

from riskloom.produce.columns import Encoded
from riskloom.produce.librdkafka import ERR__QUEUE_FULL, error_name
from riskloom.produce.native import Listeners, NativeProducer

NOWHERE = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
VALUES = st.none() | st.binary(max_size=50)
KEYS = st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


class Heard:
    """Listens to everything."""

    def __init__(self) -> None:
        self.acknowledged: list[tuple[int, float]] = []
        self.failed: Counter[tuple[int, str]] = Counter()
        self.statistics: list[str] = []
        self.errors: list[str] = []

    def listeners(self, acknowledged: Callable[[int, float], None] | None = None) -> Listeners:
        return Listeners(
            acknowledged or (lambda tag, seconds: self.acknowledged.append((tag, seconds))),
            lambda tag, reason: self.failed.update([(tag, reason)]),
            self.statistics.append,
            self.errors.append,
        )


@pytest.fixture
def heard() -> Heard:
    return Heard()


def until(producer: NativeProducer, done: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        producer.hurry()
        producer.poll(0.05)


def values(*texts: bytes | None) -> Encoded:
    return Encoded(pa.array(texts, pa.binary()), pa.array(["key"] * len(texts)))


TOPICS = count()


@pytest.fixture(scope="module")
def broker() -> MockKafka:
    """A broker of all examples."""
    return MockKafka()


@settings(max_examples=10, deadline=None)
@given(pairs=st.lists(st.tuples(VALUES, KEYS), min_size=1, max_size=30))
@example(pairs=[(b"x" * 900_000, "k" * 1000), (None, None), (b"", ""), (None, ""), (b"", None)])
def test_what_is_sent_arrives_as_it_is(broker: MockKafka, pairs: list[tuple[bytes | None, str | None]]) -> None:
    heard, topic = Heard(), f"topic{next(TOPICS)}"
    producer = NativeProducer(broker.settings.kafka(), heard.listeners())
    sent, keys = zip(*pairs, strict=True)
    events = Encoded(pa.array(sent, pa.binary()), pa.array(keys, pa.string()))
    producer.produce(topic, events.messages(), tag=7)
    del events
    until(producer, lambda: len(heard.acknowledged) == len(pairs))
    producer.close()
    assert {tag for tag, _ in heard.acknowledged} == {7}
    assert all(0 < seconds < 20 for _, seconds in heard.acknowledged)
    arrived = Counter((record.value(), record.key()) for record in broker.records(topic, len(pairs)))
    assert arrived == Counter((value, None if key is None else key.encode()) for value, key in pairs)


def test_acknowledgements_are_not_told_where_nobody_listens(kafka: MockKafka, heard: Heard) -> None:
    producer = NativeProducer(kafka.settings.kafka(), replace(heard.listeners(), acknowledged=None))
    producer.produce("t", values(*[b"x"] * 100).messages(), tag=1)
    until(producer, lambda: len(producer) == 0)
    producer.close()
    assert heard.failed == {}
    assert len(kafka.records("t", 100)) == 100


@pytest.mark.parametrize("listens", [True, False])
def test_what_is_purged_has_failed(heard: Heard, listens: bool) -> None:
    listeners = heard.listeners() if listens else replace(heard.listeners(), acknowledged=None)
    producer = NativeProducer(NOWHERE, listeners)
    producer.produce("t", values(b"a", b"b").messages(), tag=1)
    producer.produce("u", values(b"c").messages(), tag=2)
    assert len(producer) >= 3
    producer.purge()
    until(producer, lambda: len(producer) == 0)
    producer.close()
    assert heard.failed == {(1, "_PURGE_QUEUE"): 2, (2, "_PURGE_QUEUE"): 1}
    assert heard.acknowledged == []


def test_what_there_is_no_room_for_is_marked_in_order(heard: Heard) -> None:
    producer = NativeProducer(NOWHERE | {"queue.buffering.max.messages": 3}, heard.listeners())
    events = values(*[b"x"] * 5)
    messages = events.messages()
    producer.produce("t", messages, tag=1)
    assert messages["err"].tolist() == [0, 0, 0, ERR__QUEUE_FULL, ERR__QUEUE_FULL]
    rest = messages[messages["err"] != 0]
    producer.purge()
    until(producer, lambda: len(producer) == 0)
    producer.produce("t", rest, tag=1)
    assert rest["err"].tolist() == [0, 0]
    producer.close()


def test_what_is_too_large_is_marked_alone(heard: Heard) -> None:
    producer = NativeProducer(NOWHERE | {"message.max.bytes": 1000}, heard.listeners())
    events = values(b"a", b"x" * 2000, b"c")
    messages = events.messages()
    producer.produce("t", messages, tag=1)
    producer.close()
    first, large, last = messages["err"].tolist()
    assert (first, error_name(large), last) == (0, "MSG_SIZE_TOO_LARGE", 0)


def test_what_a_listener_raises_is_raised_where_it_was_polled(kafka: MockKafka, heard: Heard) -> None:
    def stumble(tag: int, seconds: float) -> None:
        raise KeyboardInterrupt

    producer = NativeProducer(kafka.settings.kafka(), heard.listeners(stumble))
    producer.produce("t", values(b"a").messages(), tag=1)
    with pytest.raises(KeyboardInterrupt):
        until(producer, lambda: len(producer) == 0)
    until(producer, lambda: len(producer) == 0)
    producer.close()


def test_statistics_and_errors_are_told(heard: Heard) -> None:
    producer = NativeProducer(NOWHERE | {"statistics.interval.ms": 50}, heard.listeners())
    until(producer, lambda: heard.statistics and heard.errors)
    producer.close()
    assert json.loads(heard.statistics[0])["type"] == "producer"
    assert "127.0.0.1:1" in heard.errors[0]


@pytest.mark.parametrize(
    ("properties", "problem"),
    [
        ({"foo.bar": "1"}, '"foo.bar"'),
        ({"acks": "some"}, '"request.required.acks"'),
        ({"security.protocol": "ssl", "ssl.ca.location": "/no/such/file"}, "^Failed to create producer: .*ssl"),
    ],
)
def test_properties_that_librdkafka_does_not_take(properties: dict[str, str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        NativeProducer(properties, Heard().listeners())


def test_properties_may_be_numbers_and_truths(heard: Heard) -> None:
    NativeProducer(NOWHERE | {"linger.ms": 5, "enable.idempotence": False}, heard.listeners()).close()


def test_a_topic_that_cannot_be(heard: Heard) -> None:
    producer = NativeProducer(NOWHERE, heard.listeners())
    with pytest.raises(ValueError, match=r"topic 'x+': .*Invalid argument"):
        producer.produce("x" * 600, values(b"a").messages(), tag=1)
    producer.close()


def test_after_its_end_it_can_only_be_closed_again(heard: Heard) -> None:
    producer = NativeProducer(NOWHERE, heard.listeners())
    producer.produce("t", values(b"a").messages(), tag=1)
    producer.close()
    producer.close()
    messages = values(b"a").messages()
    for call in (
        lambda: producer.produce("t", messages, tag=1),
        lambda: producer.produce("u", messages, tag=1),
        lambda: producer.poll(0),
        producer.hurry,
        producer.purge,
        lambda: len(producer),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_the_end_of_the_object_is_the_end_of_its_connections(heard: Heard) -> None:
    producer = NativeProducer(NOWHERE, heard.listeners())
    end = producer._end
    del producer
    assert not end.alive


def test_a_process_and_its_fork_end_with_a_producer_open() -> None:
    program = (
        "import os, sys; from test_native import *; producer = NativeProducer(NOWHERE, Heard().listeners());"
        "producer.produce('t', values(b'a').messages(), tag=1); child = os.fork();"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if child else 3)"
    )
    place = [path for path in sys.path if path] + [__file__.rpartition("/")[0]]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env={"PYTHONPATH": ":".join(place)}, timeout=30, check=False
    )
    assert done.returncode == 3
