"""The servers of a benchmark: its own in a temporary folder, unless others are named."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from riskloom.errors import JobError
from riskloom.settings import Settings, load_settings
from riskloom.stack.local import LocalStack

Report = Callable[[str], None]


@dataclass(frozen=True)
class Servers:
    """Where a benchmark runs."""

    settings: Settings
    """The servers' addresses, and an own home folder for Spark's log and the checkpoints."""
    pids: Mapping[str, int]
    """The processes of the servers that this benchmark started, by name; empty when others are used."""


@contextmanager
def bench_servers(given: Mapping[str, str | Path | None] | None, report: Report) -> Iterator[Servers]:
    """Have Kafka and the schema registry for as long as this context lasts.

    They are started, with empty topics, in a temporary folder; unless `given` names servers, or
    RISKLOOM_BOOTSTRAP_SERVERS does: those are used as they are, and left as the benchmark leaves them.

    Args:
        given: The options of `riskloom.cli.options.server_options`, None where not given. None: own servers, whatever
            the environment says.
        report: Is told of progress.

    Raises:
        StackError: If the servers cannot be started.
        SettingsError: If a setting cannot be used.
    """
    folder = Path(tempfile.mkdtemp(prefix="riskloom-bench-"))
    try:
        if given is not None and (any(given.values()) or "RISKLOOM_BOOTSTRAP_SERVERS" in os.environ):
            settings = load_settings(**given)
            report(f"using Kafka at {settings.bootstrap_servers}")
            yield Servers(settings.model_copy(update={"home": folder}), {})
        else:
            stack = LocalStack(folder)
            with stack.running(report) as addresses:
                pids = {server.name: server.pid for server in stack.status() if server.pid}
                yield Servers(load_settings(home=folder, **addresses), pids)
    except JobError:
        report(f"the logs are kept in {folder / 'logs'}")
        shutil.rmtree(folder / "data", ignore_errors=True)
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
