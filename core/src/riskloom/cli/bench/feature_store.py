"""`riskloom bench online` and `training-set`: the feature store beside Feast and bare Redis."""

from __future__ import annotations

import signal
from typing import Any

import click

from riskloom.cli.bench.options import print_result, say
from riskloom.cli.options import domain_options, json_option, server_options
from riskloom.cli.tables import print_table


@click.command()
@click.option("--entities", type=click.IntRange(min=100), default=10_000, show_default=True, help="In the store.")
@click.option("--reads", type=click.IntRange(min=10), default=1_000, show_default=True, help="Of each size, each way.")
@click.option("--rate", type=click.FloatRange(min=1), default=2_000, show_default=True, help="Events a second.")
@click.option(
    "--duration",
    type=click.FloatRange(min=0),
    default=200,
    show_default=True,
    metavar="SECONDS",
    help="Of the load under which freshness is measured; 0 leaves that out.",
)
@click.option(
    "--materialize-every", metavar="TEXT", default="60 seconds", show_default=True, help="As for `riskloom run`."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the generators.")
@json_option
@domain_options
@server_options
def online(
    entities: int,
    reads: int,
    rate: float,
    duration: float,
    materialize_every: str,
    seed: int,
    as_json: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    **servers: Any,
) -> None:
    """Measure how long it takes to read the features of 1 and of 100 entities, and how fresh they are.

    Beside riskloom's read, which answers as of the moment, in turns: Feast's get_online_features, and a bare pipelined
    HMGET of the same keys and fields. Then the job runs under a load, and its status tells how long after an event its
    features can be read.

    \b
    Examples:
      riskloom bench online
      riskloom bench online --duration 0
      riskloom bench online --json | jq '.entities_1, .entities_100, .job.freshness_p95_s'
    """
    from riskloom.bench.online import Plan, bench_online, load_of
    from riskloom.bench.servers import bench_servers
    from riskloom.discovery import discover

    domains = discover(only, without)
    plan = Plan(entities, reads, load_of(rate, duration, materialize_every, seed), seed)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with bench_servers(servers, say) as started:
        result = bench_online(started, domains, plan, report=say)
    print_result(result, as_json, _online_table)


@click.command("training-set")
@click.option("--rows", type=click.IntRange(min=1000), default=10_000_000, show_default=True, help="Of features.")
@click.option("--entities", type=click.IntRange(min=1), default=100_000, show_default=True, help="Rows joined to them.")
@click.option("--keys", type=click.IntRange(min=1), default=100_000, show_default=True, help="Users that they are of.")
@click.option("--without-feast", is_flag=True, help="Leave Feast's own stores out, which need more memory.")
@json_option
@click.pass_context
def training_set(
    context: click.Context, /, rows: int, entities: int, keys: int, without_feast: bool, as_json: bool
) -> None:
    """Measure a point-in-time join of the offline store, beside Feast's default store and its DuckDB store.

    The same made-up files for each, through Feast's get_historical_features, each in a process of its own.

    Exits with 1 if the stores disagree.

    \b
    Examples:
      riskloom bench training-set
      riskloom bench training-set --rows 1000000 --entities 10000 --json | jq .ratio
    """
    from riskloom.bench.training import OWN, Plan, bench_training
    from riskloom.settings import load_settings

    plan = Plan(rows=rows, entities=entities, keys=keys)
    if without_feast:
        plan = Plan(rows=rows, entities=entities, keys=keys, stores=(OWN,))
    result, agree = bench_training(load_settings(), plan, report=say)
    print_result(result, as_json, _training_table)
    context.exit(0 if agree else 1)


def _online_table(result: dict[str, Any]) -> None:
    sizes = {"entities_1": "1 entity", "entities_100": "100 entities"}
    ways = tuple(result["entities_1"])
    print_table(
        ("", *(f"{way} {figure[:3]} ms" for way in ways for figure in ("p50_ms", "p99_ms"))),
        [
            (text, *(result[size][way][figure] for way in ways for figure in ("p50_ms", "p99_ms")))
            for size, text in sizes.items()
        ],
    )
    click.echo(
        f"{result['features']} features of {result['domain']}; {result['written_per_s']:,} rows/s written online"
    )
    if (job := result.get("job")) is not None:
        click.echo(
            f"at {job['rate']:,.0f} events/s, stored every {job['every']}: readable {job['freshness_p95_s']} s after "
            f"the event (p95), {job['rows_per_s']:,} scores/s while storing"
        )


def _training_table(result: dict[str, Any]) -> None:
    rows = [(name, one["seconds"], one["peak_mib"], one["rows"]) for name, one in result["stores"].items()]
    print_table(("", "seconds", "peak MiB", "rows"), rows)
    for name, ratio in result["ratio"].items():
        click.echo(f"{name} takes {ratio} times as long; {result['differing_rows'][name]:,} rows differ")
