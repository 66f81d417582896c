"""The `riskloom` command: finds the module of a command only when that command is used."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version

import click

_COMMANDS = {
    "up": ("riskloom.cli.stack:up", "Start the local stack: Kafka, schema registry, Redis."),
    "status": ("riskloom.cli.stack:status", "Show the local stack's servers."),
    "down": ("riskloom.cli.stack:down", "Stop the local stack."),
    "doctor": ("riskloom.cli.doctor:doctor", "Check Java, ports, servers, jars and domains, with the fix for each."),
    "domains": ("riskloom.cli.domains:domains", "List and show the installed event domains."),
    "schemas": ("riskloom.cli.schemas:schemas", "Register, show and compare Avro schemas; check their versions."),
    "produce": ("riskloom.cli.produce:produce", "Publish generated or real events to Kafka."),
    "run": ("riskloom.cli.run:run", "Run the Spark job that scores every event."),
    "features": ("riskloom.cli.features:features", "Apply, list, show and read the features in the feature store."),
    "dlq": ("riskloom.cli.dlq:dlq", "List, show and replay dead letters."),
    "demo": ("riskloom.cli.demo:demo", "Everything in one command, with a live view."),
    "bench": ("riskloom.cli.bench:bench", "Measure what the producer and the job reach on this machine."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on use, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order in which a user meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(version("riskloom"), prog_name="riskloom")
@click.option("--verbose", is_flag=True, help="Show the full trace of an error.")
def cli(verbose: bool) -> None:
    """Score risk on every event the moment it happens.

    \b
    Examples:
      riskloom demo --rate 2000 --duration 60
      riskloom up && riskloom produce --throughput 5000 --duration 30 && riskloom run
    """


def main() -> None:
    """Run the command line; a `RiskloomError` is printed without its trace, unless `--verbose` was given."""
    try:
        code = cli(standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except Exception as error:
        from riskloom.errors import RiskloomError

        if not isinstance(error, RiskloomError) or "--verbose" in sys.argv:
            raise
        click.echo(f"riskloom: {error}", err=True)
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
