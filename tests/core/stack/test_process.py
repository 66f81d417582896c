from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from servers import LISTEN, any_free

from riskloom.stack import process
from riskloom.stack.process import Server, last_lines, launch, stop_all


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Server]:
    def start(program: str = LISTEN, *arguments: str) -> Server:
        port = any_free()
        command = [sys.executable, "-S", "-c", program, str(port), *arguments]
        server = launch("alpha", command, port, tmp_path / "logs" / "alpha.log", tmp_path, lambda server: None)
        while not server.listens() and server.process():
            pass
        return server

    return start


def test_a_server_is_known_measured_and_stopped(start: Callable[..., Server], tmp_path: Path) -> None:
    server = start()
    found = server.process()
    assert found is not None
    assert found.pid == server.pid
    assert os.getsid(server.pid) == server.pid
    assert found.cwd() == str(tmp_path)
    assert server.memory() > 1_000_000
    stop_all([server])
    assert server.process() is None
    assert server.memory() == 0
    assert not server.listens()
    assert not psutil.pid_exists(server.pid)


def test_stopping_twice_does_nothing(start: Callable[..., Server]) -> None:
    server = start()
    stop_all([server])
    stop_all([server])


def test_a_server_that_does_not_end_is_killed(start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE", 0.2)
    server = start(LISTEN, "stubborn")
    stop_all([server])
    assert server.process() is None


def test_a_process_that_got_the_pid_of_an_ended_server_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        created = psutil.Process(stranger.pid).create_time()
        server = Server("alpha", stranger.pid, created - 60, 1, "alpha.log")
        assert server.process() is None
        stop_all([server])
        assert stranger.poll() is None
        assert replace(server, created=created).process() is not None
        stranger.communicate(b"\n")


def test_a_server_does_not_begin_when_it_cannot_be_recorded(tmp_path: Path) -> None:
    def refuse(server: Server) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        launch("alpha", ["/bin/sh", "-c", "echo begun"], 1, tmp_path / "alpha.log", tmp_path, refuse)
    (child,) = process._own.values()
    assert child.wait() != 0
    assert (tmp_path / "alpha.log").read_text() == ""


def test_a_server_gets_little_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "TRACE")
    server = launch("alpha", ["/usr/bin/env"], 1, tmp_path / "alpha.log", tmp_path, lambda server: None)
    process._own[server.pid].wait()
    written = (tmp_path / "alpha.log").read_text()
    assert "PATH=" in written
    assert "LOG_LEVEL" not in written


def test_the_log_of_the_run_before_is_kept(start: Callable[..., Server], tmp_path: Path) -> None:
    stop_all([start("print('first')")])
    stop_all([start("print('second')")])
    assert (tmp_path / "logs" / "alpha.log.1").read_text() == "first\n"
    assert (tmp_path / "logs" / "alpha.log").read_text() == "second\n"


def test_the_end_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "alpha.log"
    assert last_lines(log) == "    (there is no log)"
    log.touch()
    assert last_lines(log) == "    (the log is empty)"
    log.write_text("\n".join(map(str, range(100))))
    assert last_lines(log).splitlines()[0] == "    85"
    assert last_lines(log).splitlines()[-1] == "    99"
