from __future__ import annotations

from pathlib import Path

import pytest
from servers import JAVA, Failing, Fake, Other, any_free

from riskloom.errors import StackError
from riskloom.stack import launcher
from riskloom.stack.launcher import Launcher
from riskloom.stack.process import Server, stop_all


class Silent(Other):
    ready = False


class Broken(Other):
    def set_up(self, port: int) -> None:
        raise ValueError("a mistake in the code")


def bring_up(home: Path, *kinds: type[Fake]) -> tuple[list[Server], list[str]]:
    launched: list[Server] = []
    said: list[str] = []
    try:
        Launcher(JAVA, home / "logs", launched.append, said.append).bring_up(
            [kind(home) for kind in kinds], {kind.name: any_free() for kind in kinds}
        )
    except BaseException:
        assert all(server.process() is None for server in launched)
        raise
    return launched, said


def test_servers_come_up_and_are_set_up(tmp_path: Path) -> None:
    launched, said = bring_up(tmp_path, Fake, Other)
    assert {server.name for server in launched} == {"alpha", "beta"}
    assert all(server.listens() for server in launched)
    assert (tmp_path / "data" / "alpha" / "set-up").exists()
    assert (tmp_path / "data" / "beta" / "set-up").exists()
    assert {line.partition(":")[0] for line in said} == {"alpha", "beta"}
    assert (tmp_path / "logs" / "beta.log").read_text() == "listening\n"
    stop_all(launched)


def test_one_that_fails_is_explained_and_all_are_stopped(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"(?s)gamma ended while it was starting.*gamma\.log.*no luck today"):
        bring_up(tmp_path, Fake, Failing, Other)


def test_one_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "_DEADLINE", 0.3)
    with pytest.raises(StackError, match=r"(?s)beta did not answer on port \d+ within 0 s.*listening"):
        bring_up(tmp_path, Silent)


def test_a_mistake_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a mistake in the code"):
        bring_up(tmp_path, Fake, Broken)


def test_an_interrupt_stops_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = launcher.wait

    def interrupted(futures: object, return_when: str) -> None:
        real(futures, timeout=0.3)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bring_up(tmp_path, Fake, Silent)
