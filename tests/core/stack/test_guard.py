from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from servers import LISTEN, any_free

from riskloom.stack.guard import Guard
from riskloom.stack.process import Server, launch, stop_all
from riskloom.stack.state import State


@pytest.fixture
def server(tmp_path: Path) -> Callable[[str], Server]:
    """Start a server that `stack.json` names."""

    def start(name: str) -> Server:
        port = any_free()
        command = [sys.executable, "-S", "-c", LISTEN, str(port)]
        state = State(tmp_path)
        record = lambda server: state.write([*state.servers().values(), server], {})  # noqa: E731
        return launch(name, command, port, tmp_path / f"{name}.log", tmp_path, record)

    return start


def test_leaving_normally_lets_the_servers_be(server: Callable[[str], Server], tmp_path: Path) -> None:
    with Guard(tmp_path, ["kafka"]):
        kafka = server("kafka")
    assert kafka.process() is not None
    stop_all([kafka])


def test_leaving_by_an_exception_stops_the_named_ones(server: Callable[[str], Server], tmp_path: Path) -> None:
    redis, kafka = server("redis"), server("kafka")
    with pytest.raises(ValueError, match="crash"), Guard(tmp_path, ["kafka"]):
        raise ValueError("crash")
    assert kafka.process() is None
    assert redis.process() is not None
    assert list(State(tmp_path).servers()) == ["redis"]
    stop_all([redis])


def test_a_guard_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    with Guard(tmp_path, ["kafka"]) as guard:
        guard._process.kill()
        guard._process.wait()
