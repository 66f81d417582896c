"""Which dead letters were sent again: a topic with a mark for each, written in the transaction that sent it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from riskloom.dlq.places import Place, Places
from riskloom.dlq.reading import records, span
from riskloom.domain import Topic
from riskloom.settings import Settings
from riskloom.topics import REPLAYS_TOPIC, create_topics, topic_names


@dataclass(frozen=True)
class Replays:
    """What was sent again, up to now."""

    sent: Places
    """Where the dead letters' records were."""
    results: Places
    """Where they are since."""


def marked(result: Place) -> bytes:
    """Say in a mark, whose key is the place of the record, where it was sent to."""
    return json.dumps({"sent_to": str(result)}).encode()


def ensure_replays_topic(settings: Settings) -> None:
    """Create the topic of the marks, unless it is there.

    Raises:
        DeliveryError: If Kafka cannot be reached or refuses it.
    """
    create_topics(settings, [Topic(name=REPLAYS_TOPIC, partitions=1)], compacted=True)


@contextmanager
def read_replays(settings: Settings) -> Iterator[Replays]:
    """Read the marks of all transactions that were committed.

    Raises:
        DeliveryError: If Kafka cannot be reached.
    """
    with Places() as sent, Places() as results:
        # Without the topic nothing was sent: who only looks creates none.
        there = span(settings, REPLAYS_TOPIC) if REPLAYS_TOPIC in topic_names(settings) else {}
        for record in records(settings, REPLAYS_TOPIC, there):
            sent.add(Place.parse((record.key() or b"").decode()))
            results.add(Place.parse(json.loads(record.value() or b"")["sent_to"]))
        yield Replays(sent, results)
