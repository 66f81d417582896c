"""`riskloom features training-set`, `backfill` and `skew`: what history gives."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from riskloom.cli.options import Moment, domain_options, json_option, server_options, spark_property
from riskloom.cli.tables import print_section, print_table

if TYPE_CHECKING:
    from riskloom.features.offline import OfflineStore
    from riskloom.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def offline_options(command: Command) -> Command:
    """Add where the offline store and the Feast repository are, for `load_settings`."""
    folder = click.Path(file_okay=False, path_type=Path, exists=True)
    command = click.option(
        "--repo", "feature_repo", type=folder, help="Folder of a feature_store.yaml.  [RISKLOOM_FEATURE_REPO]"
    )(command)
    return click.option("--offline-store", metavar="FOLDER", help="The offline store.  [RISKLOOM_OFFLINE_STORE]")(
        command
    )


@click.command("training-set")
@click.option("--entities", type=_FILE, metavar="FILE", help="Entities at times: .csv, .parquet, .jsonl.")
@click.option("--labels", type=_FILE, metavar="FILE", help="Instead: labels by event_id of events that were scored.")
@click.option("--service", required=True, metavar="NAME", help="A domain, or NAME_VERSION: which features.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE", help="Where to.")
@click.option("--known", is_flag=True, help="Leave out values that were computed only after the row's time.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.  [RISKLOOM_HOME]")
@offline_options
@json_option
def training_set(
    entities: Path | None,
    labels: Path | None,
    service: str,
    out: Path,
    known: bool,
    as_json: bool,
    **places: Any,
) -> None:
    """Make a training set: each row with the features of its time, point-in-time correct.

    A file of entities has `event_timestamp`, a column such as user_id for each entity, and whatever is to stay beside
    the features. A file of labels has `event_id` and the labels: whose the events were and when is looked up in the
    offline store. Exits with 1 if a value were of a later event than its row.

    \b
    Examples:
      riskloom features training-set --labels labels.csv --service transactions --out train.parquet
      riskloom features training-set --entities users.parquet --service claims_1a2b3c4d --out train.csv --known
    """
    from riskloom.features.repository import open_store
    from riskloom.features.training import check_output, write_training_set
    from riskloom.features.training import training_set as make
    from riskloom.settings import load_settings

    if (entities is None) == (labels is None):
        raise click.UsageError("give --entities or --labels, one of the two")
    check_output(out)
    made = make(open_store(load_settings(**places)), service, entities=entities, labels=labels, known=known)
    write_training_set(made, out)
    report = {**made.report, "out": str(out)}
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        print_table(("", ""), [(name.replace("_", " "), str(value)) for name, value in report.items()])


source_options = [
    click.option("--from", "start", type=Moment(), required=True, help="The earliest event time, UTC."),
    click.option("--to", "end", type=Moment(), required=True, help="The event time before which rows count, UTC."),
    click.option(
        "--source", type=click.Choice(["topic", "parquet"]), default="topic", show_default=True, help="Of the events."
    ),
    click.option(
        "--events",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="With --source parquet: FOLDER/DOMAIN/**/*.parquet.",
    ),
    click.option(
        "--conf", metavar="NAME=VALUE", multiple=True, help="A Spark property, as for spark-submit. Repeatable."
    ),
]


def history_options(command: Command) -> Command:
    """Add which history is computed once more, and by which Spark."""
    for option in reversed(source_options):
        command = option(command)
    return command


@click.command()
@history_options
@domain_options
@server_options
@offline_options
@json_option
def backfill(as_json: bool, **given: Any) -> None:
    """Compute the rows of a span of time from its events, by the stream's kernel, into the offline store.

    Where the events were scored before, each key's are taken in the order in which the stream saw them: the rows are
    those of the stream, and their origin is `backfill`. Others go by event time: `backfill-by-time`. Events before the
    span are read to warm the windows up. Repeated, it replaces what it wrote.

    \b
    Examples:
      riskloom features backfill --from 2026-11-01 --to 2026-11-26
      riskloom features backfill --from 2026-01-01 --to 2026-02-01 --source parquet --events history/
    """
    from riskloom.features.offline import OfflineStore
    from riskloom.settings import load_settings

    settings = load_settings(**{name: given.pop(name) for name in _PLACES})
    with _recomputed(settings, OfflineStore(settings.offline_store_root), **given) as (result, _):
        if as_json:
            click.echo(json.dumps(result, indent=2))
        else:
            rows = [(d, origin, n) for d, counts in result["rows"].items() for origin, n in counts.items()]
            print_table(("domain", "origin", "rows"), rows)
            click.echo(f"{result['events']:,} events since {result['history_from']} in {result['seconds']} s")


@click.command()
@history_options
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Draw it: .png, .svg.",
)
@domain_options
@server_options
@offline_options
@json_option
@click.pass_context
def skew(context: click.Context, /, plot: Path | None, as_json: bool, **given: Any) -> None:
    """Compute once more what the stream served, and compare row by row, bit by bit.

    Rows are `matched`, `different`, `missing` (the stream wrote none of the event) or `gone` (history no longer has the
    event). Exits with 1 if any are different or missing, or nothing matches.

    \b
    Examples:
      riskloom features skew --from 2026-11-25 --to 2026-11-26
      riskloom features skew --from 2026-11-25 --to 2026-11-26 --json | jq .different
    """
    from riskloom.features.history import Span
    from riskloom.features.offline import OfflineStore
    from riskloom.features.skew import agrees
    from riskloom.features.skew import skew as compare
    from riskloom.settings import load_settings

    if plot is not None:
        from riskloom.plots import require_matplotlib

        require_matplotlib()
    settings = load_settings(**{name: given.pop(name) for name in _PLACES})
    span = Span(given["start"], given["end"])
    with tempfile.TemporaryDirectory(prefix="riskloom-skew-") as folder:
        computed = OfflineStore(folder)
        with _recomputed(settings, computed, **given) as (history, layouts):
            result = compare(OfflineStore(settings.offline_store_root), computed, layouts, span) | {"history": history}
    if plot is not None:
        from riskloom.features.skew import plot_skew

        plot_skew(plot, result)
    if as_json:
        click.echo(json.dumps(result, indent=2))
    else:
        _print_skew(result)
    context.exit(0 if agrees(result) else 1)


_PLACES = ("bootstrap_servers", "registry_url", "home", "offline_store", "feature_repo")


@contextmanager
def _recomputed(
    settings: Settings,
    target: OfflineStore,
    *,
    start: datetime,
    end: datetime,
    source: str,
    events: Path | None,
    conf: tuple[str, ...],
    only: tuple[str, ...],
    without: tuple[str, ...],
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Compute the rows of a span into a store; the result and the layouts are for the block."""
    from riskloom.discovery import discover
    from riskloom.features.history import Span, recompute
    from riskloom.features.layouts import Layouts
    from riskloom.features.offline import OfflineStore
    from riskloom.features.sources import RawEvents, Source, Topics
    from riskloom.stream.batch import batch_session
    from riskloom.stream.session import spark_log
    from riskloom.stream.supervise import explained

    if end <= start:
        raise click.UsageError("--to must be later than --from")
    if (source == "parquet") != (events is not None):
        raise click.UsageError("--source parquet and --events FOLDER go together")
    properties = dict(map(spark_property, conf))
    domains = [installed.domain for installed in discover(only, without)]
    store = OfflineStore(settings.offline_store_root)
    layouts = Layouts(store, domains).record()
    settings.home_dir.mkdir(parents=True, exist_ok=True)
    # Not among the system's temporary files, which may be in memory.
    with tempfile.TemporaryDirectory(prefix="riskloom-history-", dir=settings.home_dir) as made:
        work = Path(made)
        read: Source
        if events is None:
            read = Topics(settings, domains)
        else:
            read = RawEvents(events, domains, work, store, layouts)
            read.check()
        _say("starting Spark")
        with batch_session(settings, properties) as spark, explained(spark_log(settings)):
            span = Span(start, end)
            result = recompute(spark, settings, domains, layouts, read, span, target, work, report=_say)
        yield result, layouts


def _say(line: str) -> None:
    click.echo(line, err=True)


def _print_skew(result: dict[str, Any]) -> None:
    names = ("matched", "different", "missing", "gone")
    rows = [(domain, *(one[name] for name in names)) for domain, one in result["domains"].items()]
    print_table(("domain", *names), [*rows, ("all", *(result[name] for name in names))])
    for domain, one in result["domains"].items():
        features = one["features"].items()
        print_section(
            f"{domain}: what differs",
            [
                (name, f"{found['rows']:,} rows", f"by {found['largest_difference']} at most")
                for name, found in features
            ],
        )
        for example in one["examples"]:
            click.echo(f"\n  {example['event_id']} at {example['event_time']}")
            for name, value in example["served"].items():
                click.echo(f"    {name}: served {value}, computed {example['computed'][name]}")
