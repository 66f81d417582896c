"""What the benchmarks share: options, progress, and how a result is printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

plot_option = click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Draw it: .png, .svg.",
)
conf_option = click.option(
    "--conf", metavar="NAME=VALUE", multiple=True, help="A Spark property, as for spark-submit. Repeatable."
)

quick_option = click.option("--quick", is_flag=True, help="Few sizes and rounds: to see whether it works.")


def say(line: str) -> None:
    """Tell of progress."""
    click.echo(line, err=True)


def print_result(result: dict[str, Any], as_json: bool, show: Callable[[dict[str, Any]], None]) -> None:
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
