"""Work in a process of its own, so that it competes with the job only for the machine, not for Python's lock."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Self

from riskloom.errors import RiskloomError

_GRACE_S = 10.0


class Line:
    """A worker's line to the process that started it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def asked_to_end(self) -> bool:
        """Whether the worker shall come to its end; so it is when the other process is gone."""
        return self._connection.poll()

    def tell(self, news: Any) -> None:
        """Say how far the work has come."""
        self._connection.send(("news", news))


class Worker:
    """Runs `work(line, *arguments)` in another process. A context: its end ends the process.

    Args:
        work: A function at the top of a module. What it returns is the result.
        arguments: Its arguments, which must be fit for pickle.
    """

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        spawning = multiprocessing.get_context("spawn")
        self._connection, other = spawning.Pipe()
        self._name = work.__name__
        self._process = spawning.Process(target=_run, args=(work, other, arguments), name=self._name, daemon=True)
        self._process.start()
        other.close()  # so that a worker that died is noticed
        self._news: Any = None
        self._result: Any = None
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        if not self._ended:
            self._process.terminate()
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._connection.close()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the work is done. Raises RiskloomError when it failed."""
        self._listen(0.0)
        return self._ended

    @property
    def news(self) -> Any:
        """What the worker said last; None before that. Raises RiskloomError when the work failed."""
        self._listen(0.0)
        return self._news

    def result(self, *, ask: bool = False) -> Any:
        """Wait for the result.

        Args:
            ask: Have the worker come to its end.

        Raises:
            RiskloomError: If the work failed.
        """
        if ask and not self._ended:
            self._connection.send("end")
        while not self._ended:
            self._listen(None)
        return self._result

    def _listen(self, seconds: float | None) -> None:
        while not self._ended and self._connection.poll(seconds):
            try:
                kind, content = self._connection.recv()
            except EOFError:
                self._process.join(_GRACE_S)
                raise RiskloomError(
                    f"the benchmark's process {self._name!r} ended with status {self._process.exitcode}; try again"
                ) from None
            match kind:
                case "news":
                    self._news, seconds = content, 0.0
                case "failure":
                    raise RiskloomError(content)
                case _:
                    self._result, self._ended = content, True


def _run(work: Callable[..., Any], connection: Connection, arguments: tuple[Any, ...]) -> None:
    # A Ctrl-C reaches the whole group of processes: the one that started this one decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        connection.send(("result", work(Line(connection), *arguments)))
    except ConnectionError:
        return
    except Exception as error:
        connection.send(("failure", str(error) if isinstance(error, RiskloomError) else f"{work.__name__}: {error!r}"))
