"""`riskloom bench latency` and `drain`: the job that scores."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from riskloom.cli.bench.options import conf_option, plot_option, print_result, say
from riskloom.cli.options import domain_options, json_option, server_options, spark_property
from riskloom.cli.tables import print_table

_SHARE_OF_BATCH = 0.9


@click.command()
@click.option("--rate", type=click.FloatRange(min=1), default=5000, show_default=True, help="Events a second.")
@click.option(
    "--duration", type=click.FloatRange(min=10), default=120, show_default=True, metavar="SECONDS", help="That count."
)
@click.option(
    "--warm-up",
    type=click.FloatRange(min=0),
    default=150,
    show_default=True,
    metavar="SECONDS",
    help="Of load before those that count. An end of a batch should fall into it.",
)
@click.option(
    "--batch",
    type=click.FloatRange(min=5),
    metavar="SECONDS",
    help="How often the job saves its state.  [default: 0.9 of --duration, so that at least one end of a batch counts]",
)
@click.option("--no-floor", is_flag=True, help="Leave the pass-through job out.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the generators.")
@plot_option
@conf_option
@json_option
@domain_options
@server_options
@click.pass_context
def latency(
    context: click.Context,
    /,
    rate: float,
    duration: float,
    warm_up: float,
    batch: float | None,
    no_floor: bool,
    seed: int,
    plot: Path | None,
    conf: tuple[str, ...],
    as_json: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    **servers: Any,
) -> None:
    """Measure the time from an event's creation to the receipt of its score, under a steady load.

    Events are due at even distances, whether the pipeline keeps up or not, and each is as old as its due time: a stall
    shows in the percentiles. The floor is a job that passes records through, measured in the same way.

    Exits with 1 if an event was not sent, not scored, or lost.

    \b
    Examples:
      riskloom bench latency
      riskloom bench latency --rate 1000 --duration 60 --no-floor
      riskloom bench latency --json --plot latency.svg | jq .p95_ms
    """
    from riskloom.bench.latency import Plan, bench_latency
    from riskloom.bench.servers import bench_servers
    from riskloom.discovery import discover
    from riskloom.plots import require_matplotlib

    if plot is not None:
        require_matplotlib()
    domains = discover(only, without)
    plan = Plan(
        rate=rate,
        warm_up=warm_up,
        duration=duration,
        batch=batch or max(5.0, _SHARE_OF_BATCH * duration),
        seed=seed,
        configuration=dict(map(spark_property, conf)),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with bench_servers(servers, say) as started:
        result, complete = bench_latency(started, domains, plan, report=say, with_floor=not no_floor, plot=plot)
    print_result(result, as_json, _latency_table)
    context.exit(0 if complete else 1)


@click.command()
@click.option(
    "--events", type=click.IntRange(min=1), default=2_000_000, show_default=True, help="Of all domains together."
)
@click.option(
    "--span",
    type=click.FloatRange(min=0, min_open=True),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="Over which the events' times are spread.",
)
@click.option("--max-batch-events", type=click.IntRange(min=1), default=750_000, show_default=True, help="In a batch.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the generators.")
@conf_option
@json_option
@domain_options
@server_options
@click.pass_context
def drain(
    context: click.Context,
    /,
    events: int,
    span: float,
    max_batch_events: int,
    seed: int,
    conf: tuple[str, ...],
    as_json: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    **servers: Any,
) -> None:
    """Measure how fast a backlog of all domains becomes scores on Kafka.

    Beside it, how fast the same records are only decoded, with nothing written. Each runs in a JVM of its own, whose
    start is left out, while the compiling of its code is not.

    Exits with 1 if an event was not scored.

    \b
    Examples:
      riskloom bench drain
      riskloom bench drain --events 500000 --only transactions --max-batch-events 100000
      riskloom bench drain --json | jq '.events_per_s, .ratio'
    """
    from riskloom.bench.drain import Plan, bench_drain
    from riskloom.bench.servers import bench_servers
    from riskloom.discovery import discover

    domains = discover(only, without)
    plan = Plan(events, span, max_batch_events, seed, dict(map(spark_property, conf)))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with bench_servers(servers, say) as started:
        result, complete = bench_drain(started, domains, plan, report=say)
    print_result(result, as_json, _drain_table)
    context.exit(0 if complete else 1)


def _latency_table(result: dict[str, Any]) -> None:
    rows = [("scored", result), *([("passed through", result["floor"])] if "floor" in result else [])]
    names = ("p50_ms", "p95_ms", "p99_ms", "max_ms", "events", "unsent", "lost", "dead_lettered")
    print_table(("", *(name.replace("_", " ") for name in names)), [(row, *(r[n] for n in names)) for row, r in rows])
    for row, measured in rows:
        for end in measured["boundaries"]:
            click.echo(f"{row}: a batch ended at {end['at_s']} s: {end['pause_ms']} ms of silence")
        spent = ", ".join(f"{name} {seconds}" for name, seconds in measured["cpu_seconds"].items())
        click.echo(f"{row}: CPU seconds of {result['duration_s']:g} s: {spent}")
    if result.get("ratio") is not None:
        click.echo(f"p95 is {result['ratio']} times that of the floor")


def _drain_table(result: dict[str, Any]) -> None:
    columns = ("", "events/s", "steady events/s", "seconds", "batches", "CPU seconds of the job")
    rows = [
        (
            name,
            f"{one['events_per_s']:,}",
            f"{one['steady_events_per_s']:,}",
            one["seconds"],
            len(one["batches"]),
            one["cpu_seconds"]["job"],
        )
        for name, one in (("scored", result["scoring"]), ("only decoded", result["decode_only"]))
    ]
    print_table(columns, rows)
    click.echo(f"{result['scored']:,} of {result['events']:,} events scored, {result['dead_lettered']:,} dead letters")
    click.echo(f"scoring runs at {result['ratio']} of decoding, {result['steady_ratio']} once its code is compiled")
