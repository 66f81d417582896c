from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from riskloom.errors import StackError
from riskloom.settings import load_settings
from riskloom.stack import state as state_module
from riskloom.stack.process import Server
from riskloom.stack.state import State

SERVER = Server("kafka", 12, 1_760_000_000.25, 19092, "/logs/kafka.log")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    State(tmp_path).write([SERVER], {"bootstrap_servers": "127.0.0.1:19092"})
    assert State(tmp_path).servers() == {"kafka": SERVER}
    assert load_settings(home=tmp_path).bootstrap_servers == "127.0.0.1:19092"
    assert [path.name for path in tmp_path.iterdir()] == ["stack.json"]


def test_without_servers_there_is_no_file(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.write([SERVER], {})
    state.write([], {})
    state.write([], {})
    assert list(tmp_path.iterdir()) == []
    assert state.servers() == {}


def test_ports_are_remembered_and_forgotten(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.remember({"kafka": 1, "redis": 2})
    state.remember({"kafka": 3})
    assert state.ports() == {"kafka": 3, "redis": 2}
    state.forget()
    assert state.ports() == {}


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "stack.json").write_text("{")
    with pytest.raises(StackError, match=r"stack\.json is not JSON"):
        State(tmp_path).servers()


def test_the_lock_is_had_by_one_and_waited_for_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "_PATIENCE", 0.3)
    said: list[str] = []
    with (tmp_path / "stack.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("4711")
        other.flush()
        with (
            pytest.raises(StackError, match="process 4711 is starting or stopping"),
            State(tmp_path).locked(said.append),
        ):
            pass
    assert said == [f"waiting: process 4711 is starting or stopping the stack in {tmp_path}"]
    with State(tmp_path).locked(said.append):
        assert len(said) == 1


HOLDER = """
import sys
from pathlib import Path
from riskloom.stack.state import State
with State(Path(sys.argv[1])).locked(print):
    print("held", flush=True)
    input()
"""


def test_the_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()
    with State(tmp_path).locked(lambda line: pytest.fail(line)):
        pass
