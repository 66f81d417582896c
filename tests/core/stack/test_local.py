from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from servers import Failing, Fake, Other, any_free

from riskloom.errors import SettingsError, StackError
from riskloom.stack.local import NAMES, LocalStack
from riskloom.stack.ports import HOST

Stacks = Callable[..., LocalStack]


def states(stack: LocalStack) -> dict[str, str]:
    return {server.name: server.state for server in stack.status()}


def pids(stack: LocalStack) -> dict[str, int | None]:
    return {server.name: server.pid for server in stack.status()}


def test_start_status_stop(stack_of: Stacks, tmp_path: Path) -> None:
    stack = stack_of()
    assert states(stack) == {"alpha": "stopped", "beta": "stopped"}
    said: list[str] = []
    addresses = stack.start(said.append)
    assert list(addresses) == ["bootstrap_servers", "registry_url"]
    assert len(said) == 2
    written = json.loads((tmp_path / "stack.json").read_text())
    assert written["addresses"] == addresses
    assert {name: record["pid"] for name, record in written["servers"].items()} == pids(stack)
    for server in stack.status():
        assert server.state == "running"
        assert server.address in addresses.values()
        assert server.memory > 0
        assert server.log == str(tmp_path / "logs" / f"{server.name}.log")
    assert sorted(stack.stop()) == ["alpha", "beta"]
    assert states(stack) == {"alpha": "stopped", "beta": "stopped"}
    assert not (tmp_path / "stack.json").exists()
    assert stack.stop() == []


def test_a_second_start_changes_nothing(stack_of: Stacks) -> None:
    stack = stack_of()
    addresses, before = stack.start(), pids(stack)
    said: list[str] = []
    assert stack_of().start(said.append) == addresses
    assert pids(stack) == before
    assert said == ["all servers are running already"]
    stack.stop()


def test_only_what_is_missing_is_started(stack_of: Stacks) -> None:
    stack = stack_of()
    addresses, before = stack.start(), pids(stack)
    assert before["beta"]
    psutil.Process(before["beta"]).kill()
    while states(stack)["beta"] != "stopped":
        pass
    assert stack_of().start() == addresses
    after = pids(stack)
    assert after["alpha"] == before["alpha"]
    assert after["beta"] != before["beta"]
    stack.stop()


def test_a_server_that_does_not_answer_is_unhealthy_and_started_anew(
    stack_of: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_of()
    stack.start()
    before = pids(stack)
    with monkeypatch.context() as patched:
        patched.setattr(Other, "ready", False)
        assert states(stack) == {"alpha": "running", "beta": "unhealthy"}
    answers = iter([False])
    monkeypatch.setattr(Other, "is_ready", lambda self, port: next(answers, True))
    stack_of().start()
    assert pids(stack)["alpha"] == before["alpha"]
    assert pids(stack)["beta"] != before["beta"]
    stack.stop()


def test_a_failure_stops_what_was_started_and_leaves_what_was_running(stack_of: Stacks, tmp_path: Path) -> None:
    stack_of(Fake).start()
    before = pids(stack_of(Fake))
    with pytest.raises(StackError, match="no luck today"):
        stack_of(Fake, Other, Failing).start()
    assert states(stack_of(Fake, Other, Failing)) == {"alpha": "running", "beta": "stopped", "gamma": "stopped"}
    assert pids(stack_of(Fake)) == before
    assert list(json.loads((tmp_path / "stack.json").read_text())["servers"]) == ["alpha"]
    stack_of(Fake).stop()
    with pytest.raises(StackError):
        stack_of(Fake, Failing).start()
    assert not (tmp_path / "stack.json").exists()


def test_ports_are_remembered(stack_of: Stacks) -> None:
    port = any_free()
    addresses = stack_of(alpha=port).start()
    assert addresses["bootstrap_servers"] == f"{HOST}:{port}"
    stack_of().stop()
    assert stack_of().start() == addresses
    stack_of().stop()
    stack_of().delete_data()
    assert stack_of().start() != addresses
    stack_of().stop()


def test_a_running_server_is_not_moved(stack_of: Stacks) -> None:
    port, other = any_free(), any_free()
    stack = stack_of(alpha=port)
    stack.start()
    stack_of(alpha=port).start()
    with pytest.raises(StackError, match=f"alpha: runs on port {port}, asked for {other}"):
        stack_of(alpha=other).start()
    stack.stop()


def test_a_taken_port_starts_nothing(stack_of: Stacks, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(StackError, match=f"alpha: {port} is taken by"):
            stack_of(alpha=port).start()
    assert not (tmp_path / "stack.json").exists()


def test_an_unknown_server_is_refused_with_the_close_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no server 'kafak', only kafka, registry, redis; did you mean 'kafka'"):
        LocalStack(tmp_path, {"kafak": 1})


def test_servers_run_for_as_long_as_the_context(stack_of: Stacks, tmp_path: Path) -> None:
    stack = stack_of()
    with stack.running() as addresses:
        assert states(stack) == {"alpha": "running", "beta": "running"}
        assert json.loads((tmp_path / "stack.json").read_text())["addresses"] == addresses
    assert states(stack) == {"alpha": "stopped", "beta": "stopped"}
    with pytest.raises(ValueError, match="of the body"), stack.running():
        raise ValueError("of the body")
    assert states(stack) == {"alpha": "stopped", "beta": "stopped"}


def test_the_context_leaves_what_was_running_before(stack_of: Stacks) -> None:
    stack_of(Fake).start()
    with stack_of(Fake, Other).running() as addresses:
        assert len(addresses) == 2
    assert states(stack_of(Fake, Other)) == {"alpha": "running", "beta": "stopped"}
    stack_of(Fake).stop()


def test_data_is_not_deleted_under_a_running_server(stack_of: Stacks, tmp_path: Path) -> None:
    stack = stack_of()
    stack.start()
    with pytest.raises(StackError, match=r"(alpha, beta|beta, alpha) would lose data"):
        stack.delete_data()
    stack.stop()
    assert (tmp_path / "data" / "alpha").exists()
    stack.delete_data()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stack.lock"]


def test_the_names_are_those_of_the_real_servers() -> None:
    assert NAMES == ("kafka", "registry", "redis")
