"""A server as a child process: started with a log of its own, known by pid and start time, stopped for certain."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

import psutil

_GRACE = 15.0
"""Seconds that a server has to end by itself: Kafka writes a snapshot of its logs' state first."""
_PAUSE = 0.02
"""Seconds between two looks at servers that are ending."""
_TAIL = 15
"""Lines of its log that the error of a failed server shows."""
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "JAVA_TOOL_OPTIONS")
"""What of the environment a server gets: the registry would take much else, such as LOG_LEVEL, as its settings."""

_own: dict[int, subprocess.Popen[bytes]] = {}
"""The servers started by this very process: their exit must be collected by it."""


@dataclass(frozen=True)
class Server:
    """A running server, as `stack.json` keeps it."""

    name: str
    pid: int
    created: float
    """When the process started, in seconds since the epoch: a recycled pid has another."""
    port: int
    log: str

    def record(self) -> dict[str, Any]:
        """Make what `stack.json` keeps under the server's name."""
        record = asdict(self)
        del record["name"]
        return record

    def process(self) -> psutil.Process | None:
        """Find its process, or None if it has ended."""
        if (child := _own.get(self.pid)) is not None and child.poll() is not None:
            del _own[self.pid]
            return None
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) > 1.0 or process.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return process

    def listens(self) -> bool:
        """Say whether this very process listens on the server's port."""
        process = self.process()
        try:
            connections = process.net_connections("tcp") if process else []
        except psutil.NoSuchProcess:
            return False
        return any(c.status == psutil.CONN_LISTEN and c.laddr.port == self.port for c in connections)

    def memory(self) -> int:
        """Measure its resident memory in bytes; 0 if it has ended."""
        process = self.process()
        try:
            return int(process.memory_info().rss) if process else 0
        except psutil.NoSuchProcess:
            return 0


def launch(
    name: str, argv: Sequence[str | Path], port: int, log: Path, folder: Path, record: Callable[[Server], None]
) -> Server:
    """Start a server in a session of its own, so that a Ctrl-C in the terminal does not reach it.

    The server does not begin before it is recorded: if this program is killed in between, the process ends by itself.

    Args:
        name: Its name in the stack.
        argv: The command.
        port: The port that it will listen on.
        log: Where its output goes; the log of the run before is kept beside it with the suffix `.1`.
        folder: Its working directory.
        record: Is given the server once its process exists, and writes down that it does.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("wb") as output:
        child = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "sh", *(str(part) for part in argv)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,
        )
    _own[child.pid] = child
    server = Server(name, child.pid, psutil.Process(child.pid).create_time(), port, str(log))
    with cast(IO[bytes], child.stdin) as go:
        record(server)
        go.write(b"go\n")
    return server


def stop_all(servers: Iterable[Server]) -> None:
    """Stop servers: ask all of them, wait, then kill those that are left. Those that have ended are left alone."""
    servers = list(servers)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in [process for server in servers if (process := server.process())]:
            with suppress(psutil.NoSuchProcess):
                end(process)
        deadline = time.monotonic() + _GRACE
        while any(server.process() for server in servers) and time.monotonic() < deadline:
            time.sleep(_PAUSE)


def last_lines(log: Path) -> str:
    """Read the end of a log, for an error's text."""
    try:
        lines = log.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return "    (there is no log)"
    return "\n".join(f"    {line}" for line in lines[-_TAIL:]) or "    (the log is empty)"
