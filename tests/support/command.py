"""The `riskloom` command as a user runs it: a process of its own, told where the servers are by its environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from riskloom.settings import Settings

_DEADLINE_S = 240


def riskloom(
    settings: Settings, *arguments: str, python: Path | str = sys.executable, exits: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        settings: Where the servers are.
        arguments: Of the command.
        python: Whose `riskloom` it is.
        exits: The exit status that is expected; any other fails the test with what the command said.
    """
    addresses = {name: str(getattr(settings, name)) for name in ("bootstrap_servers", "registry_url", "redis_url")}
    own = {"home": str(settings.home), **addresses}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RISKLOOM_")}
    environment |= {f"RISKLOOM_{name.upper()}": value for name, value in own.items()}
    with subprocess.Popen(
        [python, "-m", "riskloom", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, errors = process.communicate(timeout=_DEADLINE_S)
        finally:
            # The whole group: a job's JVM must not go on when its command was given up.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    shown = f"riskloom {' '.join(arguments)} exited with {process.returncode}, not {exits}\n{out}\n{errors}"
    assert process.returncode == exits, shown
    return subprocess.CompletedProcess(process.args, process.returncode, out, errors)
