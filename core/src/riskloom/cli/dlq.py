"""`riskloom dlq`: what could not be read or scored, why, and sending it again after a fix."""

from __future__ import annotations

import heapq
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from riskloom.cli.interrupts import interruptible
from riskloom.cli.options import json_option, server_options

if TYPE_CHECKING:
    from riskloom.dlq.letters import Letter, Reading, Wanted
    from riskloom.dlq.replay import ReplayReport
    from riskloom.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

_SHOW_EVERY_S = 0.1


def _filter_options(command: Command) -> Command:
    command = click.option(
        "--since",
        metavar="TIME",
        help="Only those that failed since: 2026-05-01T12:00 (UTC), or a length such as 30min, 24hr, 7d.",
    )(command)
    command = click.option("--domain", metavar="NAME", multiple=True, help="Only those of this domain. Repeatable.")(
        command
    )
    return click.option("--reason", metavar="CODE", multiple=True, help="Only those with this reason. Repeatable.")(
        command
    )


@click.group()
def dlq() -> None:
    """List, show and replay dead letters.

    \b
    Examples:
      riskloom dlq list --since 24hr
      riskloom dlq show --reason incompatible_schema --limit 5
      riskloom dlq replay --reason incompatible_schema
    """


@dlq.command("list")
@_filter_options
@server_options
@json_option
def list_(reason: tuple[str, ...], domain: tuple[str, ...], since: str | None, as_json: bool, **servers: Any) -> None:
    """Count dead letters by domain, stage and reason, with an example of each.

    A record counts once, however often the job wrote its letter. `replayed` is how many of them were sent again.

    \b
    Examples:
      riskloom dlq list
      riskloom dlq list --domain transactions --since 2026-05-01T12:00 --json
    """
    from riskloom.cli.tables import print_table
    from riskloom.dlq.letters import Reading
    from riskloom.dlq.summary import summarise
    from riskloom.settings import load_settings

    reading = Reading()
    with _bar(reading, hidden=as_json):
        groups = summarise(load_settings(**servers), _wanted(reason, domain, since), reading)
    if as_json:
        rows = [
            {
                **group.kind._asdict(),
                "count": group.count,
                "replayed": group.replayed,
                "failed_again": group.failed_again,
                "first": group.first.isoformat(),
                "last": group.last.isoformat(),
                "example": {"detail": group.example, "place": str(group.place)},
            }
            for group in groups
        ]
        click.echo(json.dumps({"dead_letters": rows, "unreadable": reading.unreadable}, indent=2))
        return
    if groups:
        print_table(
            ("domain", "stage", "reason", "records", "replayed", "first", "last", "example"),
            [
                (
                    group.kind.domain or "",
                    group.kind.stage,
                    group.kind.reason,
                    group.count,
                    group.replayed,
                    _time(group.first),
                    _time(group.last),
                    group.example,
                )
                for group in groups
            ],
        )
    else:
        click.echo(_none(reading, reason, domain))
    if reading.unreadable:
        click.echo(f"{reading.unreadable:,} records of the topic are no dead letters", err=True)


@dlq.command()
@_filter_options
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="The newest so many.")
@server_options
@json_option
def show(
    reason: tuple[str, ...],
    domain: tuple[str, ...],
    since: str | None,
    limit: int,
    as_json: bool,
    **servers: Any,
) -> None:
    """Show whole dead letters, the newest last, each with its record as far as it can be decoded.

    \b
    Examples:
      riskloom dlq show --limit 3
      riskloom dlq show --reason malformed_body --domain claims --json
    """
    from riskloom.cli.tables import print_section
    from riskloom.dlq.letters import Reading, no_letters_yet, read_letters
    from riskloom.errors import DeliveryError
    from riskloom.settings import load_settings

    settings, reading = load_settings(**servers), Reading()
    found: list[Letter] = []
    with _bar(reading, hidden=as_json):
        try:
            # Not the letters that were read last: those of the partitions come in turns.
            for letter in read_letters(settings, _wanted(reason, domain, since), reading):
                _keep_newest(found, letter, limit)
        except DeliveryError as error:
            if not no_letters_yet(error):
                raise
    newest = sorted(found, key=lambda letter: letter.failed_at)[-limit:]
    shown = _shown(settings, newest) if newest else []
    if as_json:
        click.echo(json.dumps({"dead_letters": shown}, indent=2))
        return
    for facts in shown:
        payload = facts.pop("payload")
        print_section(f"{facts['reason']} at {facts['place']}", [(n, v) for n, v in facts.items() if v is not None])
        for form, text in (payload or {}).items():
            click.echo(f"  {form}: {text if isinstance(text, str) else json.dumps(text)}")
    if not shown:
        click.echo(_none(reading, reason, domain))


@dlq.command()
@_filter_options
@click.option("--dry-run", is_flag=True, help="Count what would be sent, and send nothing.")
@click.option("--again", is_flag=True, help="Send also what an earlier replay sent and what failed again, once more.")
@server_options
@json_option
@click.pass_context
def replay(
    context: click.Context,
    /,
    reason: tuple[str, ...],
    domain: tuple[str, ...],
    since: str | None,
    dry_run: bool,
    again: bool,
    as_json: bool,
    **servers: Any,
) -> None:
    """Send the records of dead letters to their topics again, each at most once more.

    What was sent is marked in the same Kafka transaction: run twice, interrupted or side by side with another, the
    command sends no record a second time. Of two that run at once the newer one goes on and the older one ends. Ctrl-C
    ends it in order. Rows of files cannot be replayed: mend the file and produce it again.

    Exit status: 0 when every record was sent or needs not be, 6 when some have expired, 130 after Ctrl-C.

    \b
    Examples:
      riskloom dlq replay --dry-run
      riskloom dlq replay --domain claims --reason incompatible_schema --since 7d
    """
    from riskloom.dlq.letters import Reading
    from riskloom.dlq.replay import replay as send_again
    from riskloom.errors import DeliveryError
    from riskloom.settings import load_settings

    wanted, reading = _wanted(reason, domain, since), Reading()
    with interruptible() as stop, _bar(reading, hidden=as_json):
        report = send_again(load_settings(**servers), wanted, dry_run=dry_run, again=again, stop=stop, reading=reading)
    if as_json:
        click.echo(json.dumps(report.model_dump(mode="json") | {"complete": report.complete}, indent=2))
    else:
        _print_report(report)
    if report.interrupted:
        context.exit(128 + signal.SIGINT)
    if not report.complete:
        context.exit(DeliveryError.exit_code)


def _print_report(report: ReplayReport) -> None:
    sent = ", ".join(f"{count:,} to {topic}" for topic, count in report.sent.items())
    click.echo(f"{'would send' if report.dry_run else 'sent'} {report.total_sent:,} of {report.matched:,} records")
    for count, text in (
        (report.total_sent, sent),
        (report.replayed_before, "were replayed before"),
        (report.failed_again, "were replayed before and failed again: --again sends them once more"),
        (report.expired, "have expired: Kafka does not have them any more"),
        (report.not_replayable.get("topic_gone", 0), "are of a topic that does not exist any more"),
        (report.not_replayable.get("file", 0), "are rows of files: mend the file, and `riskloom produce --input` it"),
        (report.not_replayable.get("empty", 0), "have no value"),
        (report.unreadable, "of the topic are no dead letters"),
    ):
        if count:
            click.echo(f"  {text}" if text == sent else f"  {count:,} {text}")
    for place in report.lost:
        click.echo(f"  lost: {place}", err=True)
    if report.interrupted:
        click.echo("interrupted: the same command goes on from here", err=True)


def _none(reading: Reading, reasons: tuple[str, ...], domains: tuple[str, ...]) -> str:
    """Say that no letter matches, and which names come close that there are letters of."""
    from riskloom.suggest import did_you_mean

    if not reading.reasons:
        return "no dead letters"
    near = [
        f"none has the {what} {name!r}{did_you_mean(name, known)}"
        for what, names, known in (("reason", reasons, reading.reasons), ("domain", domains, reading.domains))
        for name in names
        if name not in known
    ]
    return "\n  ".join(["no dead letters match", *near])


def _wanted(reasons: tuple[str, ...], domains: tuple[str, ...], since: str | None) -> Wanted:
    from riskloom.dlq.letters import Wanted

    return Wanted(frozenset(reasons), frozenset(domains), None if since is None else _moment(since))


def _moment(text: str) -> datetime:
    """Read a moment, or a length before now."""
    from riskloom.domain import window_length

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return datetime.now(UTC) - window_length(text)
        except (ValueError, OverflowError):
            raise click.BadParameter(
                f"{text!r} is neither a time such as 2026-05-01T12:00 nor a length such as 30min, 24hr, 7d",
                param_hint="--since",
            ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _keep_newest(kept: list[Letter], letter: Letter, most: int) -> None:
    kept.append(letter)
    if len(kept) >= 2 * most:
        kept[:] = heapq.nlargest(most, kept, key=lambda one: one.failed_at)


def _shown(settings: Settings, letters: list[Letter]) -> list[dict[str, Any]]:
    from riskloom.dlq.originals import Originals
    from riskloom.dlq.payload import Viewer
    from riskloom.schemas.registry import registry_client, schema_by_id
    from riskloom.topics import topic_names

    with registry_client(settings) as client, Originals(settings, topic_names(settings)) as originals:
        found = originals.read(letter for letter in letters if letter.is_at_its_place)
        view = Viewer(lambda schema_id: schema_by_id(client, schema_id))
        return [
            {
                "failed_at": letter.failed_at.isoformat(),
                "stage": letter.stage,
                "domain": letter.domain,
                "reason": letter.reason,
                "detail": letter.detail,
                "place": str(letter.place),
                "source": letter.place.source,
                "partition": None if letter.place.partition < 0 else letter.place.partition,
                "offset": letter.place.offset,
                "schema_id": letter.schema_id,
                "key": None if letter.key is None else letter.key.decode("utf-8", "backslashreplace"),
                "payload": view(found[letter.place].value if letter.place in found else letter.value),
            }
            for letter in letters
        ]


@contextmanager
def _bar(reading: Reading, *, hidden: bool) -> Iterator[None]:
    """Show on a terminal how many of the dead letters were read."""
    if hidden or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("reading dead letters"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        last = 0.0

        def show() -> None:
            nonlocal last
            if time.monotonic() - last > _SHOW_EVERY_S:
                last = time.monotonic()
                bar.update(task, total=reading.total, completed=reading.read)

        reading.tell = show
        yield
