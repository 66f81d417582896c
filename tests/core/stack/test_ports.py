from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.errors import StackError
from riskloom.stack import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def test_the_usual_port_when_it_is_free() -> None:
    usual = ports.any_free()
    said: list[str] = []
    assert ports.choose({"kafka": usual}, {}, {}, said.append) == {"kafka": usual}
    assert said == []


def test_the_remembered_port_before_the_usual_one() -> None:
    usual, remembered = ports.any_free(), ports.any_free()
    assert ports.choose({"kafka": usual}, {"kafka": remembered}, {}, print) == {"kafka": remembered}


def test_another_port_when_the_usual_one_is_taken_and_it_is_said(taken: int) -> None:
    said: list[str] = []
    chosen = ports.choose({"kafka": taken}, {"kafka": taken}, {}, said.append)
    assert chosen["kafka"] != taken
    assert ports.is_free(chosen["kafka"])
    assert said == [f"kafka: port {taken} is taken by {ports.holder(taken)}, using {chosen['kafka']}"]


def test_a_chosen_port_that_is_taken_is_refused_with_its_holder(taken: int) -> None:
    with pytest.raises(StackError, match=rf"kafka: {taken} is taken by process {os.getpid()} \("):
        ports.choose({"kafka": 1}, {}, {"kafka": taken}, print)


def test_one_port_for_two_servers_is_refused() -> None:
    port = ports.any_free()
    with pytest.raises(StackError, match="two servers"):
        ports.choose({"kafka": 1, "redis": 2}, {}, {"kafka": port, "redis": port}, print)


def test_a_chosen_port_is_not_given_to_another_server() -> None:
    usual = ports.any_free()
    chosen = ports.choose({"kafka": usual, "redis": usual + 1}, {}, {"redis": usual}, lambda line: None)
    assert chosen["redis"] == usual
    assert chosen["kafka"] != usual


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_ports_are_all_different(numbers: list[int]) -> None:
    base = ports.any_free()
    defaults = {f"s{place}": min(65535, base + number) for place, number in enumerate(numbers)}
    chosen = ports.choose(defaults, {}, {}, lambda line: None)
    assert list(chosen) == list(defaults)
    assert len(set(chosen.values())) == len(numbers)


def test_a_holder_that_cannot_be_told() -> None:
    assert ports.holder(ports.any_free()) == "another process"
