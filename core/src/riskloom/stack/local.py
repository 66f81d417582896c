"""The local stack: starts, watches and stops the servers of one home folder.

Each server is recorded in `stack.json` as it is launched, so that `stop` finds every one, whatever happens to the
program that launched it.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Literal

from riskloom.errors import SettingsError, StackError
from riskloom.stack import ports as ports_of
from riskloom.stack.artifacts import Report
from riskloom.stack.guard import Guard
from riskloom.stack.java import find_java
from riskloom.stack.kafka import Kafka
from riskloom.stack.kind import Kind
from riskloom.stack.launcher import Launcher
from riskloom.stack.process import Server, stop_all
from riskloom.stack.redis import Redis
from riskloom.stack.registry import Registry
from riskloom.stack.state import State
from riskloom.suggest import did_you_mean

KINDS = (Kafka, Registry, Redis)
NAMES = tuple(kind.name for kind in KINDS)


@dataclass(frozen=True)
class ServerStatus:
    """What is known of one server."""

    name: str
    state: Literal["running", "stopped", "unhealthy"]
    """`unhealthy`: its process is there, but does not answer."""
    address: str | None
    pid: int | None
    port: int | None
    memory: int
    """Resident, in bytes."""
    log: str


class LocalStack:
    """Kafka, a schema registry and Redis on 127.0.0.1, with their data, logs and state in one folder.

    Args:
        home: The folder.
        ports: Ports to use, by server name. The others are those of the last run if free, else the usual ones if
            free, else any.
        short_lived: Have Java compile its code quickly rather than well, for a run of a few minutes: of its first
            minutes under load, the optimising compiler takes most of a core.

    Raises:
        SettingsError: If a server's name is unknown.
    """

    def __init__(self, home: Path, ports: Mapping[str, int] | None = None, *, short_lived: bool = False) -> None:
        self.home = home.expanduser().resolve()
        self._chosen = dict(ports or {})
        self._java_options = ("-XX:TieredStopAtLevel=1",) if short_lived else ()
        self._kinds: dict[str, Kind] = {kind.name: kind(self.home) for kind in KINDS}
        self._state = State(self.home)
        for name in self._chosen:
            if name not in self._kinds:
                raise SettingsError(
                    f"--port: there is no server {name!r}, only {', '.join(NAMES)}{did_you_mean(name, NAMES)}"
                )

    def start(self, report: Report = lambda line: None) -> dict[str, str]:
        """Start the servers that are not running; they go on after this program has ended.

        Args:
            report: Is told of progress, from several threads.

        Returns:
            The addresses, by setting: `bootstrap_servers`, `registry_url`, `redis_url`.

        Raises:
            StackError: If they cannot all be started; those that were started are stopped again.
        """
        with ExitStack() as guards:
            self._start(report, guards)
        return self._addresses()

    @contextmanager
    def running(self, report: Report = lambda line: None) -> Iterator[dict[str, str]]:
        """Have the servers run for as long as this context lasts, and no longer, even if this process is killed.

        Servers that were running before are used, and left running.

        Args:
            report: Is told of progress, from several threads.

        Yields:
            The addresses, as from `start`.

        Raises:
            StackError: If they cannot all be started.
        """
        with ExitStack() as guards:
            started = self._start(report, guards)
            try:
                yield self._addresses()
            finally:
                self.stop(started)

    def stop(self, names: Collection[str] | None = None, report: Report = lambda line: None) -> list[str]:
        """Stop servers; their data stays.

        Args:
            names: Which ones. Default: all.
            report: Is told when another process must be waited for.

        Returns:
            The names of those that were running.
        """
        with self._state.locked(report):
            servers = self._state.servers()
            going = [server for name, server in servers.items() if names is None or name in names]
            stopped = [server.name for server in going if server.process()]
            stop_all(going)
            self._write([server for server in servers.values() if server not in going])
        return stopped

    def delete_data(self, report: Report = lambda line: None) -> None:
        """Remove the data and the logs, and forget the ports.

        Args:
            report: Is told when another process must be waited for.

        Raises:
            StackError: If a server is running.
        """
        with self._state.locked(report):
            if going := [name for name, server in self._state.servers().items() if server.process()]:
                raise StackError(
                    f"{', '.join(going)} would lose data while running. Stop the stack first: riskloom down"
                )
            for folder in ("data", "logs"):
                shutil.rmtree(self.home / folder, ignore_errors=True)
            self._state.forget()

    def status(self) -> list[ServerStatus]:
        """Ask after each server."""
        servers = self._state.servers()
        return [self._status(kind, servers.get(name)) for name, kind in self._kinds.items()]

    def _status(self, kind: Kind, server: Server | None) -> ServerStatus:
        if server is None or server.process() is None:
            return ServerStatus(kind.name, "stopped", None, None, None, 0, str(self._log_of(kind.name)))
        healthy = server.listens() and kind.is_ready(server.port)
        return ServerStatus(
            name=kind.name,
            state="running" if healthy else "unhealthy",
            address=kind.address(server.port),
            pid=server.pid,
            port=server.port,
            memory=server.memory(),
            log=server.log,
        )

    def _start(self, report: Report, guards: ExitStack) -> list[str]:
        """Start what is not running, guarded; answer the names of the servers started."""
        with self._state.locked(report):
            recorded = self._state.servers()
            kept = {s.name: recorded[s.name] for s in self.status() if s.state == "running"}
            missing = [kind for name, kind in self._kinds.items() if name not in kept]
            self._refuse_to_move(kept)
            if not missing:
                report("all servers are running already")
                return []
            guards.enter_context(Guard(self.home, [kind.name for kind in missing]))
            stop_all(server for name, server in recorded.items() if name not in kept)
            self._write(kept.values())
            java = replace(find_java(self.home), options=self._java_options)
            for kind in missing:
                kind.fetch(report)
            ports = ports_of.choose(
                {kind.name: kind.usual_port for kind in missing},
                self._state.ports(),
                {name: port for name, port in self._chosen.items() if name not in kept},
                report,
            )
            self._state.remember(ports)
            servers = dict(kept)
            writing = Lock()

            def launched(server: Server) -> None:
                with writing:
                    servers[server.name] = server
                    self._write(servers.values())

            try:
                Launcher(java, self.home / "logs", launched, report).bring_up(missing, ports)
            except BaseException:
                self._write(kept.values())
                raise
            return [kind.name for kind in missing]

    def _log_of(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _addresses(self) -> dict[str, str]:
        return self._addresses_of(self._state.servers().values())

    def _addresses_of(self, servers: Iterable[Server]) -> dict[str, str]:
        ports = {server.name: server.port for server in servers}
        return {kind.setting: kind.address(ports[name]) for name, kind in self._kinds.items() if name in ports}

    def _write(self, servers: Collection[Server]) -> None:
        self._state.write(servers, self._addresses_of(servers))

    def _refuse_to_move(self, kept: Mapping[str, Server]) -> None:
        moved = [
            f"  - {name}: runs on port {kept[name].port}, asked for {port}"
            for name, port in self._chosen.items()
            if name in kept and kept[name].port != port
        ]
        if moved:
            raise StackError(
                "servers are running on other ports than those asked for:\n"
                + "\n".join(moved)
                + "\nStop them first: riskloom down"
            )
