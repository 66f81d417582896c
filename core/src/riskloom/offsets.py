"""How far topics reach: their first and end offsets, by partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from riskloom.errors import DeliveryError
from riskloom.settings import Settings

_TIMEOUT_S = 15.0

Offsets = Mapping[str, Mapping[int, int]]
"""Offsets by topic and partition."""


def end_offsets(settings: Settings, topics: Iterable[str]) -> dict[str, dict[int, int]]:
    """Read the offsets that the next records will get.

    Args:
        settings: Where Kafka is.
        topics: Names of topics that exist.

    Raises:
        DeliveryError: If Kafka cannot be reached or a topic does not exist.
    """
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

    return _offsets(settings, topics, OffsetSpec.latest())  # type: ignore[no-untyped-call]


def first_offsets(settings: Settings, topics: Iterable[str]) -> dict[str, dict[int, int]]:
    """Read the offsets of the oldest records that are still there.

    Args:
        settings: Where Kafka is.
        topics: Names of topics that exist.

    Raises:
        DeliveryError: If Kafka cannot be reached or a topic does not exist.
    """
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

    return _offsets(settings, topics, OffsetSpec.earliest())  # type: ignore[no-untyped-call]


def _offsets(settings: Settings, topics: Iterable[str], spec: Any) -> dict[str, dict[int, int]]:
    from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"log_level": 2, **settings.kafka()})
    wanted = list(topics)
    try:
        known = admin.list_topics(timeout=_TIMEOUT_S).topics
        missing = [name for name in wanted if name not in known]
        if missing:
            raise DeliveryError(
                f"no topic {', '.join(missing)} at {settings.bootstrap_servers}: "
                "`riskloom produce` and `riskloom run` create what is missing"
            )
        requests = {TopicPartition(name, p): spec for name in wanted for p in known[name].partitions}
        answers: dict[TopicPartition, Future[Any]] = admin.list_offsets(
            requests, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=_TIMEOUT_S
        )
        found: dict[str, dict[int, int]] = {name: {} for name in wanted}
        for partition, answer in answers.items():
            found[partition.topic][partition.partition] = answer.result().offset
    except KafkaException as error:
        raise _unreadable(settings, error) from None
    return found


def cluster_id(settings: Settings) -> str:
    """Ask Kafka for the id of its cluster: offsets mean something only together with it.

    Raises:
        DeliveryError: If Kafka cannot be reached.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        return str(AdminClient({"log_level": 2, **settings.kafka()}).list_topics(timeout=_TIMEOUT_S).cluster_id)
    except KafkaException as error:
        raise _unreadable(settings, error) from None


def total(offsets: Mapping[int, int]) -> int:
    """Add up a topic's offsets: how many records it ever held, if none was compacted away."""
    return sum(offsets.values())


def _unreadable(settings: Settings, error: Exception) -> DeliveryError:
    return DeliveryError(
        f"Kafka at {settings.bootstrap_servers} cannot be read: {error.args[0].str()}\n"
        "Start the local stack with `riskloom up`, or point RISKLOOM_BOOTSTRAP_SERVERS at your cluster."
    )
