"""Options that several commands share, so that each means the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def domain_options(command: Command) -> Command:
    """Add `--only` and `--without`: the arguments `only` and `without`, tuples of domain names."""
    command = click.option(
        "--without", metavar="NAME", multiple=True, help="Leave this domain out; it is not even imported. Repeatable."
    )(command)
    return click.option("--only", metavar="NAME", multiple=True, help="Use this domain and no other. Repeatable.")(
        command
    )


def server_options(command: Command) -> Command:
    """Add the servers' addresses: `bootstrap_servers`, `registry_url` and `home`, None where not given.

    Pass the three to `riskloom.settings.load_settings`.
    """
    command = click.option(
        "--home", type=click.Path(file_okay=False, path_type=Path), help="Folder of the local stack.  [RISKLOOM_HOME]"
    )(command)
    command = click.option(
        "--registry-url", metavar="URL", help="The schema registry's Confluent API.  [RISKLOOM_REGISTRY_URL]"
    )(command)
    return click.option(
        "--bootstrap-servers", metavar="HOST:PORT,...", help="Kafka's servers.  [RISKLOOM_BOOTSTRAP_SERVERS]"
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json`: the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")(command)


def spark_property(text: str) -> tuple[str, str]:
    """Split one value of `--conf`, such as `spark.driver.memory=8g`.

    Raises:
        click.BadParameter: If it is not NAME=VALUE.
    """
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as spark.driver.memory=8g", param_hint="--conf")
    return name, value


class Moment(click.ParamType[datetime]):
    """A moment in ISO 8601, UTC where it names no zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-11-26 or 2026-11-26T08:30", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
