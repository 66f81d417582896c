"""Launches servers side by side, waits until they answer, and takes all of them back if one does not."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

from riskloom.errors import StackError
from riskloom.stack.artifacts import CancelledError, Report
from riskloom.stack.java import Java
from riskloom.stack.kind import Kind
from riskloom.stack.process import Server, last_lines, launch, stop_all

_DEADLINE = 120.0
"""Seconds that a server has to answer after its launch: ten times what a busy machine of two cores needs."""
_PAUSE = 0.1
"""Seconds between two looks at a server that is starting."""


class Launcher:
    """Brings servers up.

    Args:
        java: Runs those that are written in Java.
        logs: The folder of their logs.
        launched: Is told of each server as soon as it has a process; called from several threads.
        report: Is told of each server that is ready; called from several threads.
    """

    def __init__(self, java: Java, logs: Path, launched: Callable[[Server], None], report: Report) -> None:
        self._java, self._logs, self._launched, self._report = java, logs, launched, report
        self._cancelled = Event()
        self._servers: list[Server] = []

    def bring_up(self, kinds: Sequence[Kind], ports: Mapping[str, int]) -> None:
        """Start servers and wait until all of them answer.

        Args:
            kinds: The servers.
            ports: The port of each, by name.

        Raises:
            StackError: If one does not come up, with the end of its log. None of them is left running then.
        """
        try:
            with ThreadPoolExecutor(len(kinds), "launch") as pool:
                futures = [pool.submit(self._bring_up, kind, ports[kind.name]) for kind in kinds]
                try:
                    wait(futures, return_when=FIRST_EXCEPTION)
                finally:
                    self._cancelled.set()
            _raise_failures(futures)
        except BaseException:
            stop_all(self._servers)
            raise

    def _bring_up(self, kind: Kind, port: int) -> None:
        begin = time.monotonic()
        command = kind.command(port, self._java)
        if self._cancelled.is_set():
            raise CancelledError
        server = launch(kind.name, command, port, self._logs / f"{kind.name}.log", kind.folder, self._record)
        self._wait_for(kind, server)
        kind.set_up(port)
        self._report(f"{kind.name}: ready on {kind.address(port)} ({time.monotonic() - begin:.1f} s)")

    def _record(self, server: Server) -> None:
        self._servers.append(server)
        self._launched(server)

    def _wait_for(self, kind: Kind, server: Server) -> None:
        deadline = time.monotonic() + _DEADLINE
        while not (server.listens() and kind.is_ready(server.port)):
            if self._cancelled.is_set():
                raise CancelledError
            if server.process() is None:
                what = "ended while it was starting"
            elif time.monotonic() > deadline:
                what = f"did not answer on port {server.port} within {_DEADLINE:.0f} s"
            else:
                time.sleep(_PAUSE)
                continue
            raise StackError(f"{server.name} {what}. The end of its log, {server.log}:\n{last_lines(Path(server.log))}")


def _raise_failures(futures: Sequence[Future[None]]) -> None:
    errors = [error for future in futures if (error := future.exception()) is not None]
    failures = [error for error in errors if not isinstance(error, CancelledError)]
    unexpected = next((error for error in failures if not isinstance(error, StackError)), None)
    if unexpected:
        raise unexpected
    if failures:
        raise StackError("\n".join(map(str, failures)))
