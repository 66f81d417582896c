"""`riskloom run --status`: what the running jobs tell of themselves."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from riskloom.cli.tables import print_section, print_table
from riskloom.stream.status import JobStatus, Materialization, read_jobs

_NOT_RUNNING = 3
"""The exit status when no job runs, as of `riskloom status`."""


def show_jobs(home: Path, as_json: bool) -> None:
    """Print the status of every job that runs, or of the one that ended last.

    Args:
        home: The home folder of the jobs.
        as_json: Print one JSON object.
    """
    jobs = read_jobs(home)
    if as_json:
        click.echo(json.dumps({"jobs": [job.model_dump(mode="json") for job in jobs]}, indent=2))
    else:
        for job in jobs:
            _print(job)
    if not any(job.runs for job in jobs):
        if not as_json:
            click.echo(f"\nno job runs from {home}: start one with `riskloom run`" if jobs else _none(home))
        raise click.exceptions.Exit(_NOT_RUNNING)


def _none(home: Path) -> str:
    return f"no job has run from {home}: start one with `riskloom run`, or name another --home"


def _print(job: JobStatus) -> None:
    facts = [
        ("state", job.state + (f": {job.error}" if job.error else "")),
        ("since", _time(job.since)),
        ("updated", _time(job.updated)),
        ("process", str(job.pid)),
        ("mode", job.mode),
        ("master", job.master),
        ("checkpoint", job.checkpoint),
        ("restarts", "-" if job.restarts is None else str(job.restarts)),
    ]
    if job.rates is not None:
        for name, rate in (("read", job.rates.read), ("scored", job.rates.scored)):
            facts.append((name, f"{rate.last_10_s:,.0f}/s in 10 s, {rate.since_start:,.0f}/s since the start"))
    if (kept := job.window_state) is not None:
        rows = f"{kept.rows:,} rows, " if kept.rows is not None else ""
        facts.append(("window state", f"{rows}{kept.memory_bytes / 1e6:,.1f} MB in memory, {_disk(kept.disk_bytes)}"))
    if (batch := job.last_batch) is not None:
        facts.append(
            ("last batch", f"{batch.id}: {batch.events:,} events in {batch.seconds:,.1f} s, {_time(batch.ended)}")
        )
    print_section("Job", facts)
    print_section("Feature store", _features(job.features) if job.features else [])
    if job.domains:
        click.echo()
        print_table(
            ("domain", "read", "scored", "late", "duplicates", "dead letters"),
            [(name, one.read, one.scored, one.late, one.duplicates, one.dead) for name, one in job.domains.items()],
        )
    print_section(
        "Dead letters",
        [(name, reason, n) for name, one in job.domains.items() for reason, n in one.dead_letters.items()],
    )
    print_section("Still to read", list((job.lag or {}).items()))


def _features(done: Materialization) -> list[tuple[str, str]]:
    facts = [
        ("state", done.state + (f": {done.detail}" if done.detail else "")),
        ("scores", f"{done.rows:,} in {done.batches:,} batches, one every {done.every}"),
        ("entities", f"{done.stored:,} rows online"),
    ]
    if done.unknown:
        facts.append(("left out", f"{done.unknown:,} records of no known feature version"))
    if done.failures:
        facts.append(("failures", f"{done.failures:,}"))
    if done.last_ended is not None:
        fresh = "" if done.freshness_p95_s is None else f", online {done.freshness_p95_s:,.1f} s after the event (p95)"
        facts.append(
            ("last batch", f"{done.last_rows:,} in {done.last_seconds:,.1f} s, {_time(done.last_ended)}{fresh}")
        )
    return facts


def _disk(size: int) -> str:
    return f"{size / 1e6:,.1f} MB on disk"


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
