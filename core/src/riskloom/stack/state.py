"""What a home folder knows of its stack: `stack.json` while it runs, the ports of the last run, and a lock."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from riskloom.errors import StackError
from riskloom.settings import STACK_FILE
from riskloom.stack.artifacts import Report
from riskloom.stack.process import Server

_PATIENCE = 180.0
"""Seconds to wait for another riskloom that starts or stops the same stack: longer than a start may take."""


class State:
    """The state of the stack of one home folder."""

    def __init__(self, home: Path) -> None:
        self._file, self._ports, self._lock = home / STACK_FILE, home / "ports.json", home / "stack.lock"

    def servers(self) -> dict[str, Server]:
        """Read which servers were launched and not stopped since, by name."""
        recorded = _read(self._file).get("servers", {})
        return {name: Server(name, **record) for name, record in recorded.items()}

    def write(self, servers: Iterable[Server], addresses: Mapping[str, str]) -> None:
        """Write what runs: clients find the addresses here. No servers: remove the file."""
        records = {server.name: server.record() for server in servers}
        if records:
            _write(self._file, {"addresses": dict(addresses), "servers": records})
        else:
            self._file.unlink(missing_ok=True)

    def ports(self) -> dict[str, int]:
        """Read the ports of the last run, by server name."""
        return _read(self._ports)

    def remember(self, ports: Mapping[str, int]) -> None:
        """Keep the ports for the next run."""
        _write(self._ports, {**self.ports(), **ports})

    def forget(self) -> None:
        """Remove the ports of the last run."""
        self._ports.unlink(missing_ok=True)

    @contextmanager
    def locked(self, report: Report) -> Iterator[None]:
        """Hold the right to start and stop servers; it ends with the process, however that ends.

        Raises:
            StackError: If another process keeps it for too long.
        """
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        deadline, told = time.monotonic() + _PATIENCE, False
        with self._lock.open("a+") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    file.seek(0)
                    other = f"process {file.read().strip()} is starting or stopping the stack in {self._lock.parent}"
                if time.monotonic() > deadline:
                    raise StackError(f"{other}, and does not come to an end. Stop it and run the command again.")
                if not told:
                    report(f"waiting: {other}")
                    told = True
                time.sleep(0.1)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StackError(f"{path} is not JSON: {error}. Remove it and run the command again.") from None
    return content


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file in one step: who reads it sees the old content or the new, whole."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        json.dump(content, file, indent=2)
    Path(file.name).replace(path)
