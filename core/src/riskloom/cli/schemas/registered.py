"""`riskloom schemas register`, `list` and `show`: the installed domains' Avro schemas, and what the registry keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.options import domain_options, json_option, server_options
from riskloom.cli.tables import print_table
from riskloom.errors import RegistryError

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

    from riskloom.discovery import InstalledDomain
    from riskloom.settings import Settings


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be registered or refused; change nothing.")
@domain_options
@server_options
@json_option
def register(only: tuple[str, ...], without: tuple[str, ...], dry_run: bool, as_json: bool, **servers: Any) -> None:
    """Register the schemas of the installed domains, the scores and the dead letters.

    Each topic's schema is kept under the subject TOPIC-value, backward compatible. What is registered already stays as
    it is. Exits with 5 when a schema is refused, naming each field at fault with the rule and the fix.

    \b
    Examples:
      riskloom schemas register
      riskloom schemas register --dry-run
      riskloom schemas register --only claims --registry-url https://registry.example.com
    """
    from riskloom.discovery import discover
    from riskloom.schemas.registry import register_all
    from riskloom.settings import load_settings

    found, settings = discover(only, without), load_settings(**servers)
    if dry_run:
        _preview(settings, found, as_json)
        return
    registered = register_all(settings, found)
    rows = [{"topic": topic, **asdict(schema)} for topic, schema in registered.items()]
    _print(rows, "registered", as_json)


@click.command("list")
@server_options
@json_option
def list_(as_json: bool, **servers: Any) -> None:
    """List the registry's subjects, each with its latest schema.

    \b
    Examples:
      riskloom schemas list
      riskloom schemas list --json
    """
    from riskloom.schemas.registry import fetch, registry_client, subjects
    from riskloom.settings import load_settings

    with registry_client(load_settings(**servers)) as client:
        rows = [asdict(fetch(client, subject)[0]) for subject in subjects(client)]
    _print(rows, "subjects", as_json)


@click.command()
@click.argument("name", metavar="SUBJECT|DOMAIN")
@click.option("--version", type=click.IntRange(min=1), help="A version of the subject.  [default: the latest]")
@server_options
@json_option
def show(name: str, version: int | None, as_json: bool, **servers: Any) -> None:
    """Show a registered schema, by its subject or by the domain it belongs to.

    \b
    Examples:
      riskloom schemas show claims
      riskloom schemas show insurance-claims-value --version 1
    """
    from riskloom.schemas.registry import fetch, registry_client
    from riskloom.settings import load_settings

    with registry_client(load_settings(**servers)) as client:
        kept, schema = fetch(client, _subject(client, name), version or "latest")
    if as_json:
        click.echo(json.dumps({**asdict(kept), "schema": schema}, indent=2))
    else:
        click.echo(f"{kept.subject}, version {kept.version}, id {kept.schema_id}")
        click.echo(json.dumps(schema, indent=2))


def _preview(settings: Settings, found: Sequence[InstalledDomain], as_json: bool) -> None:
    from riskloom.schemas.preview import preview

    previews = preview(settings, found)
    rows = [asdict(one) for one in previews]
    if as_json:
        click.echo(json.dumps({"would": rows}, indent=2))
    else:
        columns = ["topic", "subject", "action", "version", "level"]
        print_table(columns, [[row[column] for column in columns] for row in rows])
    refused = [one.reason for one in previews if one.reason]
    for reason in refused:
        click.echo(reason, err=True)
    if refused:
        raise click.exceptions.Exit(RegistryError.exit_code)


def _subject(client: SchemaRegistryClient, name: str) -> str:
    """Find the subject of that name, or that of the domain of that name."""
    from riskloom.discovery import survey
    from riskloom.errors import SettingsError
    from riskloom.schemas.registry import subject_of, subjects
    from riskloom.suggest import did_you_mean

    registered = subjects(client)
    if name in registered:
        return name
    topics = {installed.name: installed.domain.topic.name for installed in survey().domains}
    if name in topics:
        return subject_of(topics[name])
    near = did_you_mean(name, [*topics, *registered])
    raise SettingsError(f"no subject and no installed domain is called {name!r}{near}\nSee: riskloom schemas list")


def _print(rows: list[dict[str, Any]], what: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({what: rows}, indent=2))
    elif rows:
        print_table([column.replace("_", " ") for column in rows[0]], [list(row.values()) for row in rows])
