from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from scoring import Registry, Scorer

from riskloom.domain import Entity, EventDomain, ScoringRule, Term, Topic
from riskloom.settings import Settings
from riskloom.stream.session import spark_session
from riskloom.stream.supervise import stop


@pytest.fixture(scope="session")
def registry() -> Iterator[Registry]:
    registry = Registry()
    server = registry.serve()
    yield registry
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def scorer(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scorer]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), registry_url=registry.url)
    spark = spark_session(settings, "local[2]", shuffle_partitions=2)
    yield Scorer(spark, registry, settings)
    stop(spark)


PAYMENT = {
    "type": "record",
    "name": "Payment",
    "namespace": "test",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "user", "type": "string"},
        {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": ["null", "double"], "default": None},
        {"name": "kind", "type": "string", "default": "card"},
    ],
}


@pytest.fixture(scope="session")
def payment() -> Any:
    """Make a payment domain; the arguments replace parts of it."""

    def make(**parts: Any) -> EventDomain:
        return EventDomain(
            **{
                "name": "payment",
                "topic": Topic(name="payments"),
                "avro_schema": PAYMENT,
                "event_id": "id",
                "event_time": "ts",
                "key": "user",
                "entities": (Entity(name="user", field="user"),),
                "generator": "tests:none",
                "rule": ScoringRule(version="1", terms=(Term(code="AMOUNT", sql="amount / 100", weight=1.0),)),
            }
            | parts
        )

    return make
