"""`riskloom bench produce`: the producer beside librdkafka alone."""

from __future__ import annotations

import signal
from typing import Any

import click

from riskloom.cli.bench.options import print_result, say
from riskloom.cli.options import domain_options, json_option, server_options
from riskloom.cli.tables import print_table


@click.command()
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
    with bench_servers(servers, say) as started:
        result, complete = bench_produce(started, domains, Plan(duration, rounds, seed=seed), report=say)
    print_result(result, as_json, _produce_table)
    context.exit(0 if complete else 1)


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
