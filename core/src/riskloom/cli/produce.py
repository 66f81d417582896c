"""`riskloom produce`: generated events, or those of a file, to Kafka, with a report of the delivery."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.interrupts import interruptible
from riskloom.cli.options import domain_options, json_option, server_options

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain
    from riskloom.produce.producer import Past
    from riskloom.produce.report import DeliveryReport, Progress


@click.command()
@click.option(
    "--throughput", type=click.FloatRange(min=0), default=0.0, metavar="N", help="Events a second.  [default: no limit]"
)
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Seconds, of generated events.  [default: until Ctrl-C]",
)
@click.option("--domain", metavar="NAME", multiple=True, help="The same as --only. Repeatable.")
@click.option(
    "--mix",
    metavar="NAME=WEIGHT,...",
    help="Weights of the domains; one that is not named sends nothing.  [default: the shares that they declare]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the generators.")
@click.option(
    "--pattern-rate",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Share of the generated events that belong to patterns of fraud or failure, such as 0.02.  "
    "[default: the generators' own]",
)
@click.option(
    "--from",
    "begin",
    metavar="TIME",
    help="Generate the events of a time that has passed: 2026-10-01, 2026-10-01T12:00 (UTC). Sent at once.",
)
@click.option("--to", "end", metavar="TIME", help="The end of that time.  [now]")
@click.option(
    "--events",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many events of that time.  [as many as the generators' populations make]",
)
@click.option(
    "--input",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Publish the events of this file, of one domain: JSON lines, CSV or Avro, also with .gz.",
)
@click.option(
    "--set",
    "properties",
    metavar="NAME=VALUE",
    multiple=True,
    help="A librdkafka property: acks=all. Repeatable.",
)
@domain_options
@server_options
@json_option
@click.pass_context
def produce(
    context: click.Context,
    /,
    throughput: float,
    duration: float | None,
    domain: tuple[str, ...],
    mix: str | None,
    seed: int,
    pattern_rate: float | None,
    begin: str | None,
    end: str | None,
    events: int | None,
    path: Path | None,
    properties: tuple[str, ...],
    only: tuple[str, ...],
    without: tuple[str, ...],
    as_json: bool,
    **servers: Any,
) -> None:
    """Publish generated or real events to Kafka.

    Creates missing topics and registers the schemas first. Ctrl-C ends the run in order: what was sent is waited for,
    and reported. A row of a file that does not fit the schema goes to dead-letters, with its line and the reason.

    Exit status: 0 when all was delivered, 6 when an event failed or a row was rejected, 130 after Ctrl-C.

    \b
    Examples:
      riskloom produce --throughput 5000 --duration 60
      riskloom produce --mix claims=35,transactions=40,iot=25 --seed 7 --json
      riskloom produce --domain transactions --pattern-rate 0.1 --duration 10
      riskloom produce --from 2026-10-01 --to 2026-10-31 --events 1000000
      riskloom produce --domain claims --set acks=all --set linger.ms=50
      riskloom produce --domain transactions --input payments.csv.gz --throughput 1000
    """
    from riskloom.discovery import discover
    from riskloom.errors import DeliveryError
    from riskloom.produce.producer import produce_events
    from riskloom.produce.publish import publish_file
    from riskloom.settings import load_settings

    if path is not None and (duration, mix, pattern_rate, begin) != (None, None, None, None):
        raise click.UsageError(
            "--duration, --mix, --pattern-rate and --from are for generated events; a file is sent whole, with "
            "--throughput"
        )
    if begin is None and (end, events) != (None, None):
        raise click.UsageError("--to and --events go with --from: they say which events of the past are made")
    if begin is not None and duration is not None:
        raise click.UsageError("--from ... --to says which events are made; --duration is for events of now")
    past = None if begin is None else _past(begin, end, events)
    librdkafka = dict(_pair(text, "--set", "linger.ms=50") for text in properties)
    weights = None if mix is None else _weights(mix)
    settings = load_settings(**servers)
    domains = discover((*domain, *only), without)
    with interruptible() as stop, _bar(duration, hidden=as_json) as show:
        if path is None:
            report = produce_events(
                settings,
                domains,
                throughput=throughput,
                duration=math.inf if duration is None else duration,
                mix=weights,
                seed=seed,
                pattern_rate=pattern_rate,
                past=past,
                stop=stop,
                progress=show,
                properties=librdkafka,
            )
        else:
            report = publish_file(
                settings,
                _only_one(domains),
                path,
                throughput=throughput,
                stop=stop,
                progress=show,
                properties=librdkafka,
            )
    if as_json:
        click.echo(report.to_json())
    else:
        _print(report)
    if report.interrupted:
        context.exit(128 + signal.SIGINT)
    if not report.complete:
        context.exit(DeliveryError.exit_code)


def _pair(text: str, option: str, example: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise click.BadParameter(f"{text!r} is not of the form {example}", param_hint=option)
    return name.strip(), value.strip()


def _weights(mix: str) -> dict[str, float]:
    weights = {}
    for part in mix.split(","):
        name, weight = _pair(part, "--mix", "claims=35,transactions=40,iot=25")
        try:
            weights[name] = float(weight)
        except ValueError:
            raise click.BadParameter(f"{weight!r}, the weight of {name}, is not a number", param_hint="--mix") from None
    return weights


def _past(begin: str, end: str | None, events: int | None) -> Past:
    from riskloom.produce.producer import Past

    now_ms = time.time_ns() // 1_000_000
    begin_ms, end_ms = _time_ms(begin, "--from"), now_ms if end is None else _time_ms(end, "--to")
    if end_ms > now_ms:
        raise click.BadParameter("it has not passed yet: events ahead of the clock are not scored", param_hint="--to")
    if begin_ms >= end_ms:
        raise click.BadParameter(f"{begin} is not before {end or 'now'}", param_hint="--from")
    return Past(begin_ms, end_ms, events)


def _time_ms(text: str, option: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not a time such as 2026-10-01 or 2026-10-01T12:00", param_hint=option
        ) from None
    return round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _only_one(domains: Sequence[InstalledDomain]) -> InstalledDomain:
    from riskloom.errors import SettingsError
    from riskloom.suggest import listed

    if len(domains) != 1:
        raise SettingsError(
            "--input: a file holds the events of one domain, and it is not said which\n"
            f"Add --domain NAME; installed are {listed(installed.name for installed in domains)}."
        )
    return domains[0]


@contextmanager
def _bar(duration: float | None, *, hidden: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Show a progress bar on a terminal."""
    if hidden or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("connecting", total=duration)

        def show(progress: Progress) -> None:
            bad = progress.failed + progress.rejected
            text = f"{progress.acknowledged:,} delivered, {progress.acknowledged / progress.seconds:,.0f}/s"
            bar.update(
                task,
                description=f"{text}, [red]{bad:,} failed or rejected[/red]" if bad else text,
                completed=progress.seconds if duration else None,
            )

        yield show


def _print(report: DeliveryReport) -> None:
    from riskloom.cli.tables import print_table

    rows = [*report.domains.items(), *([("all", report.total)] if len(report.domains) > 1 else [])]
    print_table(
        ("domain", "sent", "acknowledged", "failed", "rejected", "events/s", "MB", "p50 ms", "p95 ms", "p99 ms"),
        [
            (
                name,
                f"{delivery.sent:,}",
                f"{delivery.acknowledged:,}",
                f"{sum(delivery.failed.values()):,}",
                f"{delivery.rejected:,}",
                f"{delivery.rate:,.0f}",
                f"{delivery.bytes / 1e6:,.1f}",
                *((latency.p50, latency.p95, latency.p99) if (latency := delivery.latency_ms) else ("", "", "")),
            )
            for name, delivery in rows
        ],
    )
    total = report.total
    asked = "" if total.asked_rate is None else f", {total.asked_rate:,.0f} asked for"
    limited = f"; limited by the {report.limited_by}" if report.limited_by else ""
    click.echo(
        f"{total.delivery_ratio:.2%} of {total.sent:,} events delivered in {report.seconds:,.1f} s: "
        f"{total.rate:,.0f}/s{asked}{limited}"
    )
    for reason, count in total.failed.items():
        click.echo(f"failed: {count:,} {reason}")
    if total.rejected:
        click.echo(f"rejected: {total.rejected:,} rows do not fit the schema: see dead-letters for the reasons")
