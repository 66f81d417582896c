"""`riskloom bench state` and `features`: what the windows of the kernel cost."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from riskloom.cli.bench.options import conf_option, plot_option, print_result, quick_option, say
from riskloom.cli.options import json_option, spark_property
from riskloom.cli.tables import print_table


@click.command()
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
    with bench_servers(None, say) as servers:
        properties = dict(map(spark_property, conf))
        result = bench_state(servers, QUICK if quick else Plan(), configuration=properties, report=say, plot=plot)
    print_result(result, as_json, _state_table)


@click.command()
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
    with bench_servers(None, say) as servers:
        properties = dict(map(spark_property, conf))
        result = bench_features(servers, QUICK if quick else Plan(), configuration=properties, report=say)
    print_result(result, as_json, _features_table)


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
