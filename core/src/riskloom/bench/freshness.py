"""How fresh features are under a steady load, and how fast the job stores them: as its own status tells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from typing import Any

from riskloom.bench.servers import Report
from riskloom.discovery import InstalledDomain
from riskloom.errors import JobError
from riskloom.produce.producer import produce_events
from riskloom.settings import Settings
from riskloom.stream.status import JobStatus, Materialization, read_jobs

_POLL_S = 0.2
_PATIENCE_S = 240.0
_COLD_BATCHES = 1
"""At the begin: Feast is imported, and the JVM runs the code for the first time."""


@dataclass(frozen=True)
class Load:
    """Events at a steady rate, and how often their scores are stored."""

    rate: float
    length: timedelta
    every: str
    seed: int


def freshness(settings: Settings, domains: Sequence[InstalledDomain], load: Load, *, report: Report) -> dict[str, Any]:
    """Run the job under a load.

    Args:
        settings: Where the servers are.
        domains: What is produced and scored.
        load: How much, how long.
        report: Is told of progress.

    Returns:
        `rate`, `every`, `freshness_p95_s` (from the event until its features can be read: of the batches' p95 the
        highest), `rows_per_s` (scores a second of the time spent in batches), `stored` (entities' rows), and `batches`,
        each with `rows`, `seconds` and `freshness_p95_s`; the first one is left out of the figures.

    Raises:
        JobError: If the job fails.
    """
    batches: list[Materialization] = []
    with _running(settings, domains, load) as job:
        _wait(job, settings, lambda status: status.state == "running")
        report(f"{load.rate:,.0f} events a second for {load.length.total_seconds():g} s, stored every {load.every}")
        stop = Event()
        watcher = Thread(target=_watch, args=(settings, batches, stop), daemon=True)
        watcher.start()
        produce_events(
            settings, domains, throughput=load.rate, duration=load.length.total_seconds(), seed=load.seed, stop=Event()
        )
        expected = int(load.rate * load.length.total_seconds())
        _wait(job, settings, lambda status: status.features is not None and status.features.rows >= expected * 0.99)
        stop.set()
        watcher.join()
    counted = [one for one in batches if one.last_rows][_COLD_BATCHES:]
    seconds = sum(one.last_seconds for one in counted)
    fresh = [one.freshness_p95_s for one in counted if one.freshness_p95_s is not None]
    return {
        "rate": load.rate,
        "every": load.every,
        "freshness_p95_s": round(max(fresh), 2) if fresh else None,
        "rows_per_s": round(sum(one.last_rows for one in counted) / seconds) if seconds else None,
        "stored": batches[-1].stored if batches else 0,
        "batches": [
            {"rows": one.last_rows, "seconds": one.last_seconds, "freshness_p95_s": one.freshness_p95_s}
            for one in batches
            if one.last_rows
        ],
    }


@contextmanager
def _running(settings: Settings, domains: Sequence[InstalledDomain], load: Load) -> Iterator[subprocess.Popen[bytes]]:
    addresses = ("home", "bootstrap_servers", "registry_url", "redis_url")
    own = {f"RISKLOOM_{name.upper()}": str(getattr(settings, name)) for name in addresses}
    chosen = [f"--only={one.name}" for one in domains]
    command = [sys.executable, "-m", "riskloom", "run", "--materialize-every", load.every, *chosen]
    settings.home_dir.joinpath("logs").mkdir(parents=True, exist_ok=True)
    with (settings.home_dir / "logs" / "run.log").open("wb") as log:
        job = subprocess.Popen(command, env=os.environ | own, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield job
        finally:
            job.send_signal(signal.SIGTERM)
            try:
                job.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                job.kill()
                job.wait()


def _watch(settings: Settings, batches: list[Materialization], stop: Event) -> None:
    while not stop.wait(_POLL_S):
        for job in read_jobs(settings.home_dir):
            if job.features is not None and job.features.batches > (batches[-1].batches if batches else 0):
                batches.append(job.features)


def _wait(job: subprocess.Popen[bytes], settings: Settings, until: Callable[[JobStatus], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not any(until(one) for one in read_jobs(settings.home_dir)):
        if job.poll() is not None or time.monotonic() > deadline:
            raise JobError(f"the job did not do what was measured; it said why in {settings.home_dir}/logs/run.log")
        time.sleep(_POLL_S)
