"""`riskloom run` as a process of its own, from when it scores until the context ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from consume import written_since

from riskloom.offsets import Offsets
from riskloom.settings import Settings

_DEADLINE_S = 240
_ADDRESSES = ("home", "bootstrap_servers", "registry_url", "redis_url")


@contextmanager
def running_job(settings: Settings, python: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have the job run.

    Args:
        settings: Where the servers are.
        python: Whose `riskloom` it is.
        arguments: Of the command; without another choice among them, scores are left where they are.
    """
    if not any(one.startswith("--materialize-every") for one in arguments):
        arguments = (*arguments, "--materialize-every=off")
    said = Path(settings.home) / "run.err"
    addresses = {name: str(getattr(settings, name)) for name in _ADDRESSES}
    with said.open("wb") as errors:
        job = subprocess.Popen(
            [python, "-m", "riskloom", "run", *arguments],
            env=os.environ | {f"RISKLOOM_{name.upper()}": value for name, value in addresses.items()},
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + _DEADLINE_S
            while b"\nscoring " not in said.read_bytes():
                assert job.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.2)
            yield job
        finally:
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)
            job.wait()


def jvm_of(job: subprocess.Popen[bytes]) -> psutil.Process:
    """Find the JVM of a job."""
    return next(p for p in psutil.Process(job.pid).children(recursive=True) if "java" in p.name())


def wait_for(condition: Callable[[], bool], otherwise: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.5)


def wait_for_scores(settings: Settings, begin: Offsets, wanted: Callable[[list[dict[str, Any]]], bool]) -> None:
    """Wait until the scores that were written since some offsets are as wanted."""
    wait_for(lambda: wanted(written_since(settings, begin).scores), "scores are missing")
