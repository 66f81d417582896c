"""A producer on librdkafka's C interface: messages go in by the block, and none of them becomes a Python object.

confluent-kafka takes a dict and two strings for each message, and hears of each in a call: together that takes as long
as making and encoding an event.

What became of messages is asked for as events, not by callbacks: no thread of C ever runs Python, and an exception of
a listener is raised where it was polled.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.produce import librdkafka as c
from riskloom.produce.librdkafka import error_name, functions

_REASON_BYTES = 512


@dataclass(frozen=True)
class Listeners:
    """Who is told what, while the producer is polled."""

    acknowledged: Callable[[int, float], None] | None
    """The tag of a message that Kafka has, and the seconds since it was sent. None where nobody wants to know: then a
    batch of messages costs no more than one."""
    failed: Callable[[int, str], None]
    """The tag of a message, and the name of why it was not delivered."""
    statistics: Callable[[str], None]
    """librdkafka's statistics, as JSON."""
    error: Callable[[str], None]
    """What is wrong with a broker or the client as a whole, in words."""


class NativeProducer:
    """Sends to Kafka. It lives until `close`, the end of its object or that of the process.

    Args:
        properties: librdkafka properties.
        listeners: Who is told what.

    Raises:
        ValueError: If librdkafka does not take a property, with its words.
    """

    def __init__(self, properties: Mapping[str, Any], listeners: Listeners) -> None:
        self._do, self._listeners = functions(), listeners
        self._handle = _new(properties)
        self._events = self._do.queue_get_main(self._handle)
        self._topics: dict[str, int] = {}
        self._end = weakref.finalize(self, _destroy, self._handle, self._events, self._topics, os.getpid())

    def close(self) -> None:
        """End the connections. What is not acknowledged is lost; nothing else may be called any more."""
        self._end()

    def produce(self, topic: str, messages: npt.NDArray[np.void], tag: int) -> None:
        """Copy messages into the queue, in order, each to the partition of its key.

        Args:
            topic: The topic.
            messages: As `Encoded.messages` makes them. Their `err` becomes 0, or the code of why one was not taken.
            tag: Comes back in the reports about them.
        """
        messages["err"], messages["private"] = 0, tag
        where, count = self._topic(topic), len(messages)
        self._do.produce_batch(where, c.PARTITION_UA, c.MSG_F_COPY, messages.ctypes.data, count)

    def poll(self, seconds: float) -> None:
        """Tell the listeners what is there, or what first comes within some seconds."""
        event = self._do.queue_poll(self._open(self._events), round(seconds * 1000))
        while event:
            try:
                self._tell(event)
            finally:
                self._do.event_destroy(event)
            event = self._do.queue_poll(self._events, 0)

    def hurry(self) -> None:
        """Have what waits for a fuller batch sent at once."""
        self._do.flush(self._open(self._handle), 1)  # waits a millisecond, for the other threads to notice

    def purge(self) -> None:
        """Give up every message, also those that a broker may have: each is reported as failed."""
        self._do.purge(self._open(self._handle), c.PURGE_F_QUEUE | c.PURGE_F_INFLIGHT)

    def __len__(self) -> int:
        """How many messages and unheard events there are."""
        return int(self._do.outq_len(self._open(self._handle)))

    def _open(self, pointer: int) -> int:
        if not self._end.alive:
            raise RuntimeError("the producer is closed")
        return pointer

    def _topic(self, name: str) -> int:
        if name not in self._topics:
            topic = self._do.topic_new(self._open(self._handle), name.encode(), None)
            if not topic:
                raise ValueError(f"topic {name!r}: {self._do.err2str(self._do.last_error()).decode()}")
            self._topics[name] = topic
        return self._open(self._topics[name])

    def _tell(self, event: int) -> None:
        match self._do.event_type(event):
            case c.EVENT_DR if self._listeners.acknowledged or self._do.event_error(event):
                self._report(event)
            case c.EVENT_STATS:
                self._listeners.statistics(self._do.event_stats(event).decode())
            case c.EVENT_ERROR:
                self._listeners.error(self._do.event_error_string(event).decode())

    def _report(self, event: int) -> None:
        found = (ctypes.POINTER(c.Message) * self._do.event_message_count(event))()
        self._do.event_message_array(event, found, len(found))
        for message in found:
            error, tag = message.contents.err, message.contents.private
            if error:
                self._listeners.failed(tag, error_name(error))
            elif self._listeners.acknowledged:
                self._listeners.acknowledged(tag, self._do.message_latency(message) / 1e6)


def _new(properties: Mapping[str, Any]) -> int:
    do, reason = functions(), ctypes.create_string_buffer(_REASON_BYTES)
    configuration = do.conf_new()
    try:
        for name, value in properties.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if do.conf_set(configuration, name.encode(), text.encode(), reason, len(reason)):
                raise ValueError(reason.value.decode())
        do.conf_set_events(configuration, c.EVENT_DR | c.EVENT_ERROR | c.EVENT_STATS)
        handle: int | None = do.new(c.PRODUCER, configuration, reason, len(reason))
        if handle is None:
            raise ValueError(f"Failed to create producer: {reason.value.decode()}")
    except ValueError:
        do.conf_destroy(configuration)
        raise
    return handle


def _destroy(handle: int, events: int, topics: Mapping[str, int], process: int) -> None:
    if os.getpid() != process:
        return  # librdkafka's threads are not in a fork: to wait for them would be for ever
    do = functions()
    for topic in topics.values():
        do.topic_destroy(topic)
    do.queue_destroy(events)
    do.destroy(handle)
