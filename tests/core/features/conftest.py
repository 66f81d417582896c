"""A Redis of the tests' own, and a feature store in it for each test."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import any_free

from riskloom.domain import Entity, EventDomain, WindowFeature
from riskloom.settings import Settings
from riskloom.stack.redis import Redis, find_redis


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, folder = any_free(), tmp_path_factory.mktemp("redis")
    command = [find_redis(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        deadline = time.monotonic() + 20
        while not Redis(folder).is_ready(port):
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
        server.kill()


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Iterator[Settings]:
    import redis

    yield Settings(home=tmp_path, redis_url=redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()


@pytest.fixture
def domain(declare: Callable[..., Any]) -> EventDomain:
    """Payments with a count of the account and one of the branch."""
    count = WindowFeature(name="payment_count_1hr", aggregate="count", window="1hr", description="Payments.")
    mean = WindowFeature(name="mean_amount_24hr", aggregate="mean", window="24hr", value="amount")
    declared: EventDomain = declare(
        entities=(
            Entity(name="account", field="account_id", description="Who pays."),
            Entity(name="branch", field="branch"),
            Entity(name="country", field="country"),
        ),
        window_features=(
            count,
            mean,
            WindowFeature(name="branch_count_1hr", aggregate="count", window="1hr", entity="branch"),
        ),
        derived_features=(),
    )
    return declared
