"""What is dear to start, shared by the tests of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scoring import Registry, Scorer

from riskloom.settings import Settings
from riskloom.stream.session import spark_session
from riskloom.stream.supervise import stop


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of `spark`."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def spark(home: Path) -> Iterator[Any]:
    """The one session that this process can have, with slots for a small query in Real-Time Mode."""
    spark = spark_session(Settings(home=home), "local[16]", shuffle_partitions=2)
    yield spark
    stop(spark)


@pytest.fixture(scope="session")
def scorer(spark: Any, home: Path) -> Iterator[Scorer]:
    """The kernel in a batch, with a registry of its own."""
    registry = Registry()
    server = registry.serve()
    yield Scorer(spark, registry, Settings(home=home, registry_url=registry.url))
    server.shutdown()
    server.server_close()
