"""`riskloom domains evaluate`: how well a domain's rule finds labelled events."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from riskloom.cli.options import json_option

if TYPE_CHECKING:
    from riskloom.evaluate.evaluation import Evaluation


@click.command()
@click.argument("name")
@click.option("--events", type=click.IntRange(min=1_000), metavar="N", help="Generated events that count.  [200000]")
@click.option("--seed", type=click.IntRange(min=0), help="Of the generators.  [one that no rule was made with]")
@click.option(
    "--pattern-rate",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Share of the generated events that belong to patterns.  [the generator's own]",
)
@click.option(
    "--days",
    type=click.FloatRange(min=0, min_open=True),
    metavar="D",
    help="Days over which the generated events are spread.  [as long as the generator's population takes]",
)
@click.option(
    "--warm-up",
    type=click.FloatRange(min=0),
    metavar="D",
    help="Days before, of events that fill the windows and do not count.  [the longest window, at most 2 x --days; "
    "none for a file]",
)
@click.option(
    "--input",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Evaluate on the labelled events of this file: JSON lines, CSV or Avro, also with .gz.",
)
@click.option("--label", metavar="FIELD", help="The file's field that says which events are bad.  [the domain's label]")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw the curves: .svg, .png or .pdf.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="Folder of the logs.  [RISKLOOM_HOME]")
@json_option
def evaluate(
    name: str,
    events: int | None,
    seed: int | None,
    pattern_rate: float | None,
    days: float | None,
    warm_up: float | None,
    path: Path | None,
    label: str | None,
    plot: Path | None,
    home: Path | None,
    as_json: bool,
) -> None:
    """Measure how well the rule of the domain NAME finds labelled events.

    The events are scored by the kernel of the stream, in a Spark batch; no server is needed. Without a file they are
    generated, with a seed of their own, after a history that fills the windows.

    A label of a file is true or false, 1 or 0, or the name of a pattern; nothing is an ordinary event. Each key's
    events are taken in the file's order.

    \b
    Examples:
      riskloom domains evaluate transactions
      riskloom domains evaluate transactions --events 200000 --json --plot transactions.svg
      riskloom domains evaluate transactions --input payments.csv --label chargeback --warm-up 7
    """
    from riskloom.discovery import discover
    from riskloom.evaluate.evaluation import evaluate_file, evaluate_generated
    from riskloom.evaluate.generated import HELD_OUT_SEED
    from riskloom.evaluate.pictures import plot_evaluation
    from riskloom.plots import require_matplotlib
    from riskloom.settings import load_settings
    from riskloom.stream.batch import batch_session

    if path is not None and (events, seed, pattern_rate, days) != (None, None, None, None):
        raise click.UsageError("--events, --seed, --pattern-rate and --days are for generated events, not for a file")
    if path is None and label is not None:
        raise click.UsageError("--label names a field of a file: it goes with --input FILE")
    if plot is not None:
        require_matplotlib()
    settings = load_settings(home=home)
    chosen = discover((name,))[0]
    with _progress(hidden=as_json) as tell, batch_session(settings) as spark:
        if path is not None:
            found = evaluate_file(
                spark, settings, chosen, path, label=label, warm_up_days=warm_up or 0.0, progress=tell
            )
        else:
            found = evaluate_generated(
                spark,
                settings,
                chosen,
                discover(),
                events=events or 200_000,
                seed=HELD_OUT_SEED if seed is None else seed,
                pattern_rate=pattern_rate,
                days=days,
                warm_up_days=warm_up,
                progress=tell,
            )
    if plot is not None:
        plot_evaluation(plot, found)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        _print(found)


@contextmanager
def _progress(*, hidden: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Show on a terminal what is done."""
    if hidden or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting Spark", total=None)

        def tell(stage: str, done: int, total: int) -> None:
            of = f" of {total:,}" if total else ""
            bar.update(task, description=f"{stage}: {done:,}{of} events", completed=done, total=total or None)

        yield tell


def _print(found: Evaluation) -> None:
    from riskloom.cli.tables import print_table

    summary = found.as_json()
    rows = [
        (
            name,
            f"{own['events']:,}",
            f"{own['auc']:.4f}",
            f"{own['recall_at_1pct_fpr']:.1%}",
            f"{own['median_score']:.3f}",
        )
        for name, own in summary["by_pattern"].items()
    ]
    labelled, recall = summary["labelled"], summary["recall_at_1pct_fpr"]
    everything = ("all", f"{labelled:,}", f"{summary['auc']:.4f}", f"{recall:.1%}", "")
    print_table(("pattern", "events", "AUC", "recall at 1 % false alarms", "median score"), [*rows, everything])
    click.echo(
        f"{summary['domain']}, rule {summary['rule_version']}: {summary['events']:,} events count, "
        f"{labelled / summary['events']:.2%} of them labelled; average precision {summary['average_precision']:.4f}; "
        f"1 % of the ordinary ones score {summary['threshold_at_1pct_fpr']:.4f} or more"
    )
    if summary["dead_letters"]:
        click.echo(f"{summary['dead_letters']:,} events could not be scored")
    if summary.get("rejected"):
        click.echo(f"{summary['rejected']:,} rows of the file do not fit the schema, and were left out")
