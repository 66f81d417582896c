"""`riskloom bench`: what the producer and the job reach on this machine."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from riskloom.cli.options import domain_options, json_option, server_options, spark_property
from riskloom.cli.tables import print_table

_SHARE_OF_BATCH = 0.9


@click.group()
def bench() -> None:
    """Measure what the producer and the job reach on this machine, each beside its comparison in the same run.

    Servers of its own are started in a temporary folder, unless --bootstrap-servers, --registry-url, --home or
    RISKLOOM_BOOTSTRAP_SERVERS name others. Progress goes to the standard error.

    \b
    Examples:
      riskloom bench latency --rate 5000 --duration 120
      riskloom bench drain --events 2000000 --json
      riskloom bench produce
    """


plot_option = click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Draw it: .png, .svg.",
)
conf_option = click.option(
    "--conf", metavar="NAME=VALUE", multiple=True, help="A Spark property, as for spark-submit. Repeatable."
)


@bench.command()
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
    with bench_servers(servers, _say) as started:
        result, complete = bench_latency(started, domains, plan, report=_say, with_floor=not no_floor, plot=plot)
    _print(result, as_json, _latency_table)
    context.exit(0 if complete else 1)


@bench.command()
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
@click.option("--max-batch-events", type=click.IntRange(min=1), default=200_000, show_default=True, help="In a batch.")
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
    with bench_servers(servers, _say) as started:
        result, complete = bench_drain(started, domains, plan, report=_say)
    _print(result, as_json, _drain_table)
    context.exit(0 if complete else 1)


quick_option = click.option("--quick", is_flag=True, help="Few sizes and rounds: to see whether it works.")


@bench.command()
@quick_option
@plot_option
@conf_option
@json_option
def state(quick: bool, plot: Path | None, conf: tuple[str, ...], as_json: bool) -> None:
    """Measure bytes a key and CPU time an event as keys and features grow.

    Made-up domains of 1,000 to 1,000,000 keys and 5 to 150 window features go through the real job in Real-Time Mode,
    its state in RocksDB. Always on servers of its own. Takes some minutes.

    \b
    Examples:
      riskloom bench state
      riskloom bench state --json --plot state.svg | jq .growth
      riskloom bench state --quick
    """
    from riskloom.bench.servers import bench_servers
    from riskloom.bench.state import QUICK, Plan, bench_state
    from riskloom.plots import require_matplotlib

    if plot is not None:
        require_matplotlib()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with bench_servers(None, _say) as servers:
        properties = dict(map(spark_property, conf))
        result = bench_state(servers, QUICK if quick else Plan(), configuration=properties, report=_say, plot=plot)
    _print(result, as_json, _state_table)


@bench.command()
@quick_option
@conf_option
@json_option
def features(quick: bool, conf: tuple[str, ...], as_json: bool) -> None:
    """Measure what one feature costs, of each kind of window and each aggregate.

    Bytes a key and CPU time an event, beyond the same job without window features. Always on servers of its own. Takes
    some ten minutes.

    \b
    Examples:
      riskloom bench features
      riskloom bench features --json | jq '.features | sort_by(.us_per_event)'
      riskloom bench features --quick
    """
    from riskloom.bench.features import QUICK, Plan, bench_features
    from riskloom.bench.servers import bench_servers

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with bench_servers(None, _say) as servers:
        properties = dict(map(spark_property, conf))
        result = bench_features(servers, QUICK if quick else Plan(), configuration=properties, report=_say)
    _print(result, as_json, _features_table)


@bench.command()
@click.option(
    "--duration", type=click.FloatRange(min=1), default=10, show_default=True, metavar="SECONDS", help="Of each run."
)
@click.option(
    "--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="How often the two take turns."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the generators.")
@json_option
@domain_options
@server_options
@click.pass_context
def produce(
    context: click.Context,
    /,
    duration: float,
    rounds: int,
    seed: int,
    as_json: bool,
    only: tuple[str, ...],
    without: tuple[str, ...],
    **servers: Any,
) -> None:
    """Measure how many events a second one process makes, encodes and delivers to Kafka.

    Beside it, in turns: librdkafka alone, given bytes that were encoded before; and once confluent's AvroSerializer,
    one event at a time. What was delivered is read from the topics.

    Exits with 1 if an event that was sent is not in its topic.

    \b
    Examples:
      riskloom bench produce
      riskloom bench produce --duration 30 --rounds 5 --only claims
      riskloom bench produce --json | jq '.events_per_s, .ratio'
    """
    from riskloom.bench.produce import Plan, bench_produce
    from riskloom.bench.servers import bench_servers
    from riskloom.discovery import discover

    domains = discover(only, without)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with bench_servers(servers, _say) as started:
        result, complete = bench_produce(started, domains, Plan(duration, rounds, seed=seed), report=_say)
    _print(result, as_json, _produce_table)
    context.exit(0 if complete else 1)


@bench.command()
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
    with bench_servers(servers, _say) as started:
        result = bench_online(started, domains, plan, report=_say)
    _print(result, as_json, _online_table)


@bench.command("training-set")
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
    result, agree = bench_training(load_settings(), plan, report=_say)
    _print(result, as_json, _training_table)
    context.exit(0 if agree else 1)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _print(result: dict[str, Any], as_json: bool, show: Callable[[dict[str, Any]], None]) -> None:
    """Print a result: as JSON, or as a table with a line on what it was measured with."""
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    show(result)
    machine, versions = result["machine"], result["versions"]
    commit = f" ({result['commit']})" if result["commit"] else ""
    click.echo(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, load {machine['load_1min']} at the "
        f"start; riskloom {versions['riskloom']}{commit}, "
        f"Spark {versions['pyspark']}, Kafka {versions['kafka']}, Java {versions['java']}"
    )


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


def _state_table(result: dict[str, Any]) -> None:
    names = ("keys", "features", "bytes_per_key", "us_per_event", "events_per_s")
    points = [result["floor"], *result["by_keys"], *result["by_features"]]
    print_table([name.replace("_", " ") for name in names], [[point[name] for name in names] for point in points])
    for axis, growth in result["growth"].items():
        click.echo(
            f"{growth[axis]:g} times the {axis}: {growth['us_per_event']} times the time of an event, "
            f"{growth['bytes_per_key']} times the bytes of a key"
        )


def _features_table(result: dict[str, Any]) -> None:
    names = ("kind", "aggregate", "bytes_per_key", "us_per_event")
    print_table(
        [name.replace("_", " ") for name in names], [[row[name] for name in names] for row in result["features"]]
    )
    floor, ids = result["floor"], result["deduplicate"]
    click.echo(f"without window features: {floor['bytes_per_key']} bytes a key, {floor['us_per_event']} us an event")
    click.echo(f"ids remembered: {ids['bytes_per_key']} bytes a key, {ids['us_per_event']} us an event")


def _training_table(result: dict[str, Any]) -> None:
    rows = [(name, one["seconds"], one["peak_mib"], one["rows"]) for name, one in result["stores"].items()]
    print_table(("", "seconds", "peak MiB", "rows"), rows)
    for name, ratio in result["ratio"].items():
        click.echo(f"{name} takes {ratio} times as long; {result['differing_rows'][name]:,} rows differ")


def _produce_table(result: dict[str, Any]) -> None:
    names = {
        "riskloom": "events_per_s",
        "raw_librdkafka": "raw_librdkafka_per_s",
        "avro_serializer": "avro_serializer_per_s",
    }
    processes = tuple(result["cpu_us"]["riskloom"])
    print_table(
        ("", "events/s", *(f"{process} CPU us an event" for process in processes)),
        [
            (name.replace("_", " "), f"{result[figure]:,}", *(result["cpu_us"][name][p] for p in processes))
            for name, figure in names.items()
        ],
    )
    stages = ", ".join(f"{stage.replace('_', ' ')} {spent}" for stage, spent in result["stage_us"].items())
    click.echo(f"microseconds an event, by stage: {stages}")
    click.echo(
        f"{result['ratio']} of raw librdkafka, {result['avro_serializer_ratio']} times AvroSerializer; "
        f"limited by the {result['limited_by']}; {result['lost']} lost"
    )


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
