"""The commands of the local stack: `up`, `status`, `down`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.options import json_option
from riskloom.errors import StackError
from riskloom.settings import load_settings

if TYPE_CHECKING:
    from riskloom.stack.local import LocalStack, ServerStatus

_NOT_RUNNING = 3
"""The exit status of `status` when something is not running."""


def _ports(context: click.Context, option: click.Parameter, given: Sequence[str]) -> dict[str, int]:
    """Read `NAME=NUMBER` options."""
    ports = {}
    for text in given:
        name, _, number = text.partition("=")
        if not number.isdecimal() or not 1 <= int(number) <= 65535:
            raise click.BadParameter(f"{text!r} is not NAME=NUMBER with a number from 1 to 65535, such as kafka=19092")
        ports[name] = int(number)
    return ports


def _stack(home: Path | None, ports: Mapping[str, int] | None = None) -> LocalStack:
    """Find the stack of a home folder, by default that of the settings."""
    try:
        from riskloom.stack.local import LocalStack
    except ModuleNotFoundError as error:
        raise StackError(f"the local stack needs the package {error.name}: pip install 'riskloom[local]'") from None
    return LocalStack(load_settings(home=home).home_dir, ports)


_home_option = click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="Folder of data, logs and state.  [RISKLOOM_HOME]"
)


@click.command()
@click.option(
    "--port", "ports", callback=_ports, metavar="NAME=NUMBER", multiple=True, help="A server's port. Repeatable."
)
@_home_option
@json_option
def up(ports: dict[str, int], home: Path | None, as_json: bool) -> None:
    """Start the local stack: Kafka, schema registry, Redis.

    The servers listen on 127.0.0.1 only, go on until `riskloom down`, and keep their data. A server whose usual port is
    taken gets a free one; every other command finds it. The first run downloads the servers.

    \b
    Examples:
      riskloom up
      riskloom up --port kafka=19092 --port redis=16379
      RISKLOOM_HOME=/srv/riskloom riskloom up --json
    """
    stack = _stack(home, ports)
    with _progress(quiet=as_json) as report:
        addresses = stack.start(report)
    servers = stack.status()
    if as_json:
        _print_json(stack, servers, addresses=addresses)
        return
    _print_table(servers)
    if home is not None and stack.home != load_settings().home_dir.resolve():
        click.echo(f"\nOther commands find these servers by: export RISKLOOM_HOME={stack.home}")
    click.echo("\nStop them with: riskloom down")


@click.command()
@_home_option
@json_option
def status(home: Path | None, as_json: bool) -> None:
    """Show the local stack's servers. The exit status is 3 when one of them is not running.

    \b
    Examples:
      riskloom status
      riskloom status --json | jq -r '.servers[] | select(.state != "running") | .log'
    """
    stack = _stack(home)
    servers = stack.status()
    if as_json:
        _print_json(stack, servers)
    else:
        _print_table(servers)
    if any(server.state != "running" for server in servers):
        if not as_json:
            click.echo("\nStart what is not running with: riskloom up")
        raise click.exceptions.Exit(_NOT_RUNNING)


@click.command()
@click.option("--delete-data", is_flag=True, help="Remove the servers' data and logs too.")
@_home_option
@json_option
def down(delete_data: bool, home: Path | None, as_json: bool) -> None:
    """Stop the local stack. Its data stays, unless `--delete-data` is given.

    \b
    Examples:
      riskloom down
      riskloom down --delete-data
    """
    stack = _stack(home)
    with _progress(quiet=as_json) as report:
        stopped = stack.stop(report=report)
        if delete_data:
            stack.delete_data(report)
    if as_json:
        click.echo(json.dumps({"home": str(stack.home), "stopped": stopped, "data_deleted": delete_data}))
        return
    click.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")
    if delete_data:
        click.echo(f"removed the data and logs in {stack.home}")


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show progress on the standard error: below a spinner on a terminal, as plain lines elsewhere."""
    if quiet:
        yield lambda line: None
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        yield lambda line: console.print(line, markup=False)
        return
    with console.status("the local stack") as shown:

        def report(line: str) -> None:
            if line.startswith("downloading"):
                shown.update(line)
            else:
                console.print(line, markup=False)
                shown.update("the local stack")

        yield report


def _print_json(stack: LocalStack, servers: Sequence[ServerStatus], **more: Any) -> None:
    content = {"home": str(stack.home), **more, "servers": [asdict(server) for server in servers]}
    click.echo(json.dumps(content, indent=2))


def _print_table(servers: Sequence[ServerStatus]) -> None:
    from riskloom.cli.tables import print_table

    print_table(
        ("server", "state", "address", "pid", "memory", "log"),
        [
            (s.name, s.state, s.address or "-", s.pid or "-", f"{s.memory / 1e6:.0f} MB" if s.memory else "-", s.log)
            for s in servers
        ],
    )
