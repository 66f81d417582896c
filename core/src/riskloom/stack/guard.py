"""Stops servers whose program died: `python -m riskloom.stack.guard HOME NAME...`.

A guard is a small process at the other end of a pipe. When the pipe closes without a word, because the program was
killed or crashed, the guard stops the servers. That works on every Unix, from any thread, for any kind of end.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

_RELEASED = b"released"


class Guard:
    """While this context lasts, the named servers of a home folder do not outlive this process.

    Leaving it normally lets the servers be. Leaving it by an exception stops those that are still running.
    """

    def __init__(self, home: Path, names: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", __name__, str(home), *names]

    def __enter__(self) -> Guard:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._process.communicate(_RELEASED if kind is None else None)
        except BrokenPipeError:
            self._process.wait()


def main(home: str, *names: str) -> None:
    """Wait for the end of the pipe, and stop the servers unless they were released."""
    if sys.stdin.buffer.read() == _RELEASED:
        return
    from riskloom.stack.local import LocalStack

    LocalStack(Path(home)).stop(names)


if __name__ == "__main__":
    main(*sys.argv[1:])
