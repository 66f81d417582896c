from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import JAVA, Fake, Other

from riskloom.stack import local, process
from riskloom.stack.local import LocalStack


@pytest.fixture(autouse=True)
def no_server_is_left() -> Iterator[None]:
    """Kill what a failed test left running, and fail the test that did."""
    yield
    left = [child for child in process._own.values() if child.poll() is None]
    for child in left:
        child.kill()
        child.wait()
    process._own.clear()
    assert left == []


@pytest.fixture
def stack_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., LocalStack]:
    """Make a local stack of quick servers in one home folder."""

    def make(*kinds: type[Fake], **ports: int) -> LocalStack:
        monkeypatch.setattr(local, "KINDS", kinds or (Fake, Other))
        monkeypatch.setattr(local, "find_java", lambda home: JAVA)
        return LocalStack(tmp_path, ports)

    return make
