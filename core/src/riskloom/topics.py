"""The Kafka topics that riskloom needs: those of the domains, the scores and the dead letters."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from riskloom.domain import Topic
from riskloom.errors import DeliveryError
from riskloom.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from riskloom.discovery import InstalledDomain

SCORES_TOPIC = "risk-scores"
"""Every score of every domain."""
DEAD_LETTERS_TOPIC = "dead-letters"
"""Every record that could not be sent, decoded or scored, with the reason."""
REPLAYS_TOPIC = "dead-letter-replays"
"""Which of them were sent again: compacted, a record for each."""

_log = logging.getLogger(__name__)
_TIMEOUT_S = 15.0
_LEADER_WAIT_S = 0.05


def declared_topics(domains: Iterable[InstalledDomain]) -> tuple[Topic, ...]:
    """List the topics that the domains, the scores and the dead letters need."""
    return (
        *(installed.domain.topic for installed in domains),
        Topic(name=SCORES_TOPIC, partitions=6),
        Topic(name=DEAD_LETTERS_TOPIC, partitions=3),
    )


def ensure_topics(settings: Settings, domains: Sequence[InstalledDomain]) -> list[str]:
    """Create the topics that are missing, and wait until they can be read and written.

    A topic that exists is left as it is: more partitions would send a key's next events elsewhere, out of order with
    those before. One with fewer partitions than declared is named in a logged warning.

    Args:
        settings: Where Kafka is.
        domains: The domains whose topics are needed.

    Returns:
        The names of the topics created, in the order of declaration.

    Raises:
        DeliveryError: If Kafka cannot be reached or refuses a topic; all refusals are listed.
    """
    return create_topics(settings, declared_topics(domains))


def create_topics(settings: Settings, topics: Sequence[Topic], *, compacted: bool = False) -> list[str]:
    """Create those of some topics that are missing, as `ensure_topics` does.

    Args:
        settings: Where Kafka is.
        topics: The topics.
        compacted: Whether they keep the newest record of each key for ever, and not every record for some time.
    """
    admin = _admin(settings)
    existing = _existing(settings, admin)
    for topic in topics:
        if topic.name in existing and existing[topic.name] < topic.partitions:
            _log.warning(
                "topic %s has %d partitions, fewer than the %d declared: it is used as it is",
                topic.name,
                existing[topic.name],
                topic.partitions,
            )
    return _create(admin, [topic for topic in topics if topic.name not in existing], compacted)


def topic_names(settings: Settings) -> frozenset[str]:
    """Name the topics that there are.

    Raises:
        DeliveryError: If Kafka cannot be reached.
    """
    return frozenset(_existing(settings, _admin(settings)))


def _admin(settings: Settings) -> AdminClient:
    from confluent_kafka.admin import AdminClient

    # librdkafka would print each failed connection; the exception says it once.
    return AdminClient({"log_level": 2, **settings.kafka()})


def _existing(settings: Settings, admin: AdminClient) -> dict[str, int]:
    """Count the partitions of each topic."""
    from confluent_kafka import KafkaException

    try:
        return {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=_TIMEOUT_S).topics.items()}
    except KafkaException as error:
        raise DeliveryError(
            f"Kafka at {settings.bootstrap_servers} cannot be reached: {error.args[0].str()}\n"
            "Start the local stack with `riskloom up`, or point RISKLOOM_BOOTSTRAP_SERVERS at your cluster."
        ) from None


def _create(admin: AdminClient, missing: Sequence[Topic], compacted: bool) -> list[str]:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    if not missing:
        return []
    requests = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            config={"cleanup.policy": "compact"} if compacted else _configuration(topic),
        )
        for topic in missing
    ]
    created: list[str] = []
    refused: list[str] = []
    for name, future in admin.create_topics(requests, operation_timeout=_TIMEOUT_S).items():
        try:
            future.result()
            created.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another producer was quicker
                refused.append(f"  - {name}: {error.args[0].str()}")
    if refused:
        listed = "\n".join(refused)
        raise DeliveryError(
            f"Kafka refused to create topics:\n{listed}\nCreate them by hand, or ask for the right to create topics."
        )
    _await_leaders(admin, missing)
    return created


def _await_leaders(admin: AdminClient, topics: Sequence[Topic]) -> None:
    """Wait until every partition has a leader that answers, which takes a moment after creation."""
    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

    partitions = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    deadline = time.monotonic() + _TIMEOUT_S
    while partitions and time.monotonic() < deadline:
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        answers = admin.list_offsets(dict.fromkeys(partitions, latest), request_timeout=_TIMEOUT_S)
        partitions = []
        for partition, answer in answers.items():
            try:
                answer.result()
            except KafkaException:
                partitions.append(partition)
        if partitions:
            time.sleep(_LEADER_WAIT_S)


def _configuration(topic: Topic) -> dict[str, str]:
    # Kafka's own clock says whether an event claims to come from the future; and old events that are published now are
    # kept as long as new ones.
    return {"retention.ms": _milliseconds(topic.retention), "message.timestamp.type": "LogAppendTime"}


def _milliseconds(length: timedelta) -> str:
    return str(length // timedelta(milliseconds=1))
