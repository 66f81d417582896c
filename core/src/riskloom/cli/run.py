"""`riskloom run`: the Spark job that scores every event."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.options import domain_options, json_option, server_options

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain
    from riskloom.settings import Settings
    from riskloom.stream.run import Beside, Stop
    from riskloom.stream.status import JobStatus


@click.command()
@click.option(
    "--mode",
    type=click.Choice(["realtime", "micro-batch", "available-now"]),
    default="realtime",
    show_default=True,
    help="Real-Time scores in milliseconds; micro-batch trades latency for throughput; available-now drains and ends.",
)
@click.option("--master", metavar="URL", help="Spark's master.  [default: local, sized for the topics' partitions]")
@click.option(
    "--checkpoint",
    metavar="FOLDER",
    help="Offsets and window state: a restart goes on from here.  [default: <home>/checkpoints/<Kafka's cluster id>]",
)
@click.option(
    "--state",
    type=click.Choice(["keep", "new", "backfill"]),
    help="When windows have changed: keep what is there, begin new ones, or rebuild them from the topics' history.",
)
@click.option(
    "--batch",
    metavar="TEXT",
    default="5 minutes",
    show_default=True,
    help="How often Real-Time Mode saves its state: a restart emits again at most the scores since.",
)
@click.option(
    "--max-batch-events", type=click.IntRange(min=1), default=750_000, show_default=True, help="In the other modes."
)
@click.option(
    "--materialize-every",
    metavar="TEXT",
    default="60 seconds",
    show_default=True,
    help="How often scores are brought into the feature store; `off` leaves that out.",
)
@click.option("--conf", metavar="NAME=VALUE", multiple=True, help="A Spark property, as for spark-submit. Repeatable.")
@click.option("--status", is_flag=True, help="Show the jobs that run, and start none.")
@json_option
@domain_options
@server_options
def run(
    mode: str,
    master: str | None,
    checkpoint: str | None,
    state: str | None,
    batch: str,
    max_batch_events: int,
    materialize_every: str,
    conf: tuple[str, ...],
    status: bool,
    as_json: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    **servers: Any,
) -> None:
    """Run the Spark job that scores every event of every installed domain.

    Creates missing topics and registers the schemas first. Stop with Ctrl-C or SIGTERM; started again, it goes on from
    its checkpoint. With --status, the exit status is 3 when no job runs.

    \b
    Examples:
      riskloom run
      riskloom run --only transactions --mode micro-batch
      riskloom run --mode available-now --checkpoint s3a://bucket/checkpoints/risk
      riskloom run --status
    """
    from riskloom.settings import load_settings

    if status:
        from riskloom.cli.jobs import show_jobs

        show_jobs(load_settings(**servers).home_dir, as_json)
        return
    if as_json:
        raise click.UsageError("--json goes with --status")
    from riskloom.discovery import discover
    from riskloom.stream.generations import StateChoice
    from riskloom.stream.job import Mode
    from riskloom.stream.run import JobOptions, run_job

    options = JobOptions(
        mode=Mode(mode),
        master=master,
        checkpoint=checkpoint,
        state=StateChoice(state) if state else None,
        batch=batch,
        max_batch_events=max_batch_events,
        properties=dict(_property(text) for text in conf),
    )
    settings = load_settings(**servers)
    if materialize_every != "off" and not _EVERY.fullmatch(materialize_every):
        raise click.BadParameter(
            f"{materialize_every!r} is not a time such as '60 seconds', or 'off'", param_hint="--materialize-every"
        )
    domains = discover(only, without)
    beside = _feature_store(settings, domains, materialize_every)
    run_job(settings, domains, options, report=_report, show=_show, ready=_stop_by_signal, beside=beside)


_EVERY = re.compile(r"\d+ (second|minute|hour)s?")


def _feature_store(settings: Settings, domains: Sequence[InstalledDomain], every: str) -> Beside | None:
    if every == "off":
        return None
    if any(find_spec(module) is None for module in ("feast", "duckdb")):
        _report("features are not stored: pip install 'riskloom[features]', or say --materialize-every off")
        return None
    from riskloom.features.cold import ColdPath

    return ColdPath(settings, [installed.domain for installed in domains], every, _report)


def _property(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as spark.driver.memory=8g", param_hint="--conf")
    return name, value


def _report(line: str) -> None:
    click.echo(line, err=True)


def _stop_by_signal(stop: Stop) -> None:
    # An exception in the middle of a call would break the connection to Spark: the handler only takes a note.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.ask())


def _show(status: JobStatus) -> None:
    """On a terminal, keep a line with what was scored."""
    if sys.stderr.isatty() and status.rates is not None:
        scored = sum(domain.scored for domain in status.domains.values())
        dead = sum(domain.dead for domain in status.domains.values())
        lag = sum((status.lag or {}).values())
        rate = status.rates.scored.last_10_s
        line = f"\r{scored:,} scores ({rate:,.0f}/s), {dead:,} dead letters, {lag:,} to read\033[K"
        click.echo(line, err=True, nl=False)
