from __future__ import annotations

from collections.abc import Iterator

import pytest

from riskloom.settings import Settings
from riskloom.stack.local import LocalStack


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a local stack that runs for as long as the tests do."""
    home = tmp_path_factory.mktemp("stack")
    with LocalStack(home, short_lived=True).running() as addresses:
        yield Settings(home=home, **addresses)
