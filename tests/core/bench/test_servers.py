"""Which servers a benchmark runs on, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from riskloom.bench import servers as module
from riskloom.bench.servers import bench_servers
from riskloom.errors import JobError

NOTHING = {"bootstrap_servers": None, "registry_url": None, "home": None}


class FakeStack:
    """Stands for the local stack."""

    homes: ClassVar[list[Path]] = []

    def __init__(self, home: Path) -> None:
        self.homes.append(home)

    @contextmanager
    def running(self, report: Any) -> Iterator[dict[str, str]]:
        yield {"bootstrap_servers": "127.0.0.1:1", "registry_url": "http://127.0.0.1:2"}

    def status(self) -> list[Any]:
        return [SimpleNamespace(name="kafka", pid=7), SimpleNamespace(name="redis", pid=None)]


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "LocalStack", FakeStack)
    monkeypatch.setattr(FakeStack, "homes", [])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("RISKLOOM_BOOTSTRAP_SERVERS", raising=False)


def test_it_starts_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    with bench_servers(NOTHING, print) as servers:
        assert servers.settings.bootstrap_servers == "127.0.0.1:1"
        assert servers.settings.home == FakeStack.homes[0]
        assert servers.pids == {"kafka": 7}
        (servers.settings.home / "checkpoint").touch()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("by", ["option", "environment"])
def test_servers_that_are_named_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str) -> None:
    given = dict(NOTHING)
    if by == "option":
        given["bootstrap_servers"] = "kafka:9092"
    else:
        monkeypatch.setenv("RISKLOOM_BOOTSTRAP_SERVERS", "kafka:9092")
    with bench_servers(given, print) as servers:
        assert servers.settings.bootstrap_servers == "kafka:9092"
        assert servers.settings.home.parent == tmp_path
        assert servers.pids == {}
    assert FakeStack.homes == []


def test_its_own_can_be_insisted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKLOOM_BOOTSTRAP_SERVERS", "kafka:9092")
    with bench_servers(None, print) as servers:
        assert servers.settings.bootstrap_servers == "127.0.0.1:1"


def test_the_log_of_a_job_that_failed_is_kept(tmp_path: Path) -> None:
    said: list[str] = []

    def fail() -> None:
        with bench_servers(NOTHING, said.append) as servers:
            for name in ("logs", "data"):
                (servers.settings.home / name).mkdir()
            raise JobError("see the log")

    with pytest.raises(JobError):
        fail()
    (home,) = tmp_path.iterdir()
    assert [folder.name for folder in home.iterdir()] == ["logs"]
    assert str(home / "logs") in said[-1]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with bench_servers(NOTHING, print):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
