"""Servers for tests of the local stack: real processes that listen on real ports, in a tenth of a second."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from riskloom.stack.java import Java
from riskloom.stack.ports import HOST

JAVA = Java(Path("/java"), Path("/java/bin/java"), "17.0.1", "PATH")

LISTEN = """
import signal, socket, sys
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    server.accept()[0].close()
"""
FAIL = "import sys; print('line of the log'); print('no luck today'); sys.exit(7)"


def any_free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Fake:
    """A kind of server as `riskloom.stack.kind.Kind` wants it."""

    name = "alpha"
    setting = "bootstrap_servers"
    usual_port = any_free()
    program = LISTEN
    ready = True

    def __init__(self, home: Path) -> None:
        self.folder = home / "data" / self.name

    def fetch(self, report: object) -> None:
        return

    def command(self, port: int, java: Java) -> list[str | Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        return [sys.executable, "-S", "-c", self.program, str(port)]

    def is_ready(self, port: int) -> bool:
        return self.ready

    def set_up(self, port: int) -> None:
        (self.folder / "set-up").touch()

    def address(self, port: int) -> str:
        return f"{HOST}:{port}"


class Other(Fake):
    """A second kind."""

    name = "beta"
    setting = "registry_url"
    usual_port = any_free()


class Failing(Fake):
    """A kind whose server ends at once."""

    name = "gamma"
    setting = "redis_url"
    usual_port = any_free()
    program = FAIL
