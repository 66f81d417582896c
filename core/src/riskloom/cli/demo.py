"""`riskloom demo`: everything in one command."""

from __future__ import annotations

import json
import signal
from contextlib import nullcontext
from threading import Event
from typing import TYPE_CHECKING

import click

from riskloom.cli.options import domain_options, json_option

if TYPE_CHECKING:
    from riskloom.demo.pipeline import Moment

_SAY_EVERY_S = 10.0


@click.command()
@click.option("--rate", type=click.FloatRange(min=1), default=2000, show_default=True, help="Events a second.")
@click.option(
    "--duration", type=click.FloatRange(min=1), default=60, show_default=True, metavar="SECONDS", help="Of the load."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the generators.")
@json_option
@domain_options
@click.pass_context
def demo(
    context: click.Context,
    rate: float,
    duration: float,
    seed: int,
    as_json: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
) -> None:
    """Start servers and job, produce events of all domains, and show them being scored.

    Runs on servers of its own in a temporary folder, and stops them at the end. Ctrl-C stops early and still sums up.
    Exits with 1 if an event was lost or nothing was scored.

    \b
    Examples:
      riskloom demo
      riskloom demo --rate 5000 --duration 120 --only transactions
      riskloom demo --json | jq .latency_ms
    """
    from rich.console import Console
    from rich.live import Live

    from riskloom.demo.pipeline import run_demo
    from riskloom.demo.view import View, print_summary
    from riskloom.discovery import discover

    domains = discover(only, without)
    console = Console(stderr=as_json)
    view, asked = View(), Event()
    said: float | None = None
    live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal and not as_json else None

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    def show(moment: Moment) -> None:
        nonlocal said
        if said is None:
            said = moment.elapsed
            # From here on there is something to sum up; before, an interrupt just stops what was started.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: asked.set())
        if live is not None:
            live.update(view.draw(moment))
        elif moment.elapsed - said >= _SAY_EVERY_S:
            said = moment.elapsed
            latency = moment.recent_latency
            console.print(
                f"{moment.elapsed:3.0f} s: {sum(moment.produced.values()):,} produced, "
                f"{moment.seen.scored.total():,} scored, p95 {latency.p95} ms"
            )

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with live or nullcontext():
        summary = run_demo(domains, rate=rate, duration=duration, seed=seed, report=say, show=show, asked=asked)
    if as_json:
        click.echo(json.dumps(summary.as_dict(), indent=2))
    else:
        print_summary(summary, console)
    context.exit(130 if asked.is_set() else 0 if summary.passed else 1)
