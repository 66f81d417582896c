"""What the stack asks of each kind of server."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from riskloom.stack.artifacts import Report
from riskloom.stack.java import Java


class Kind(Protocol):
    """One kind of server: how it is fetched, started, asked after and addressed."""

    name: str
    setting: str
    """The setting in `riskloom.settings` that holds its address."""
    usual_port: int
    folder: Path
    """Where it keeps its data."""

    def fetch(self, report: Report) -> None:
        """Get the program, unless it is there. Raises `StackError` if it cannot be had."""

    def command(self, port: int, java: Java) -> list[str | Path]:
        """Prepare the data folder and answer the command that starts the server. Raises `StackError`."""

    def is_ready(self, port: int) -> bool:
        """Say whether the server answers its clients."""

    def set_up(self, port: int) -> None:
        """Do what remains once the server is ready. Harmless when done before."""

    def address(self, port: int) -> str:
        """Write the address that clients use."""
