"""Who may write the online store: one process of a home folder at a time, as each compares before it writes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def only_writer(home: Path) -> Iterator[None]:
    """Wait until no other process writes; the lock ends with the process, however that ends."""
    folder = home / "features"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "writer.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
