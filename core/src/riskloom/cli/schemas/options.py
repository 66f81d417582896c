"""What the commands on versions of schemas share: options, and where the versions are read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.options import Command
from riskloom.errors import SettingsError
from riskloom.schemas.compatibility import LEVELS, Incompatibility, Level
from riskloom.schemas.snapshots import FOLDER, read_snapshots

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain

Kept = dict[str, tuple[dict[int, Any], Level]]
"""By domain: the versions of its schema that are kept, and the level that is asked of the next one."""


def level_option(command: Command) -> Command:
    """Add `--level`: the argument `level`, None where it is not given."""
    return click.option(
        "--level",
        type=click.Choice(LEVELS, case_sensitive=False),
        help="What is asked of a new version.  [default: the registry's level of the subject, else BACKWARD]",
    )(command)


def folder_option(command: Command) -> Command:
    """Add `--folder`: the argument `folder`, a path."""
    return click.option(
        "--folder",
        type=click.Path(file_okay=False, path_type=Path),
        default=FOLDER,
        show_default=True,
        help="The folder of the snapshots, DOMAIN/v1.avsc and so on.",
    )(command)


def in_snapshots(domains: Sequence[InstalledDomain], folder: Path) -> Kept:
    """Read the domains' versions from files.

    Raises:
        SettingsError: If a file cannot be used: all problems are told.
    """
    kept: Kept = {}
    problems = []
    for installed in domains:
        try:
            kept[installed.name] = read_snapshots(folder, installed.name), "BACKWARD"
        except SettingsError as error:
            problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(problems))
    return kept


def in_registry(domains: Sequence[InstalledDomain], servers: dict[str, Any]) -> Kept:
    """Read the domains' versions, and the levels of their subjects, from the registry."""
    from riskloom.schemas.client import registry_client
    from riskloom.schemas.subject import level_of, subject_of, versions
    from riskloom.settings import load_settings

    with registry_client(load_settings(**servers)) as client:
        by_name = {installed.name: subject_of(installed.domain.topic.name) for installed in domains}
        return {name: (versions(client, subject), level_of(client, subject)) for name, subject in by_name.items()}


def print_incompatibilities(found: Iterable[Incompatibility], indent: str = "") -> None:
    """Print incompatibilities for people: what was changed, the rule, the fix."""
    for one in found:
        click.echo(f"{indent}- {one.direction}: {one.message}")
        click.echo(f"{indent}    rule: {one.explanation} ({one.rule})")
        click.echo(f"{indent}    fix:  {one.fix}")
