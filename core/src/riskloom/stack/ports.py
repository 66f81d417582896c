"""Ports on the loopback interface: which are free, who holds the others, which to take."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress

import psutil

from riskloom.errors import StackError
from riskloom.stack.artifacts import Report

HOST = "127.0.0.1"
_WIDTH = 80


def choose(
    defaults: Mapping[str, int], remembered: Mapping[str, int], chosen: Mapping[str, int], report: Report
) -> dict[str, int]:
    """Choose a port for each server.

    A chosen port is taken or refused. Else it is the remembered one if free, else the usual one if free, else any
    free one, which is said.

    Args:
        defaults: Each server's usual port.
        remembered: The ports of the last run.
        chosen: What the user asked for.
        report: Is told of ports that are not the usual ones because those are taken.

    Returns:
        A port for each of `defaults`, all different.

    Raises:
        StackError: If chosen ports are taken, or chosen twice; it names who holds each of them.
    """
    taken = [f"  - {name}: {port} is taken by {holder(port)}" for name, port in chosen.items() if not is_free(port)]
    if len(set(chosen.values())) < len(chosen):
        taken.append("  - two servers cannot have one port")
    if taken:
        raise StackError(
            "ports that were asked for cannot be had:\n"
            + "\n".join(taken)
            + "\nStop what holds them, or choose others "
            "with --port NAME=NUMBER; without --port a free one is found."
        )
    ports = dict(chosen)
    with ExitStack() as held:
        for name, usual in defaults.items():
            if name in ports:
                continue
            for port in filter(None, [remembered.get(name), usual]):
                if port not in ports.values() and is_free(port):
                    ports[name] = port
                    break
            else:
                probe = held.enter_context(socket.socket())
                probe.bind((HOST, 0))
                ports[name] = probe.getsockname()[1]
                report(f"{name}: port {usual} is taken by {holder(usual)}, using {ports[name]}")
    return {name: ports[name] for name in defaults}


def any_free() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Say whether a server could listen on a port."""
    with socket.socket() as probe:
        # As servers do: a connection of a former server that is still winding down must not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Describe the process that listens on a port, as far as the operating system tells."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                process = psutil.Process(connection.pid)
                command = " ".join(" ".join(process.cmdline()).split())
                # The end of a long command tells more: the main class and its file, after the options of the JVM.
                short = command if len(command) <= _WIDTH else f"{process.name()} …{command[-_WIDTH:]}"
                return f"process {connection.pid} ({short})"
    return "another process"
