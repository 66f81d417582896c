"""`riskloom schemas history` and `snapshot`: the versions of a domain's schema, read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.options import domain_options, json_option, server_options
from riskloom.cli.schemas.options import folder_option, in_registry, in_snapshots, level_option
from riskloom.errors import SettingsError
from riskloom.schemas.compatibility import Level, incompatibilities, listing
from riskloom.schemas.evolution import judge
from riskloom.schemas.snapshots import write_snapshot
from riskloom.suggest import did_you_mean, listed

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain


@click.command()
@click.argument("domain")
@click.option(
    "--from",
    "source",
    type=click.Choice(["snapshots", "registry"]),
    default="snapshots",
    show_default=True,
    help="Where the versions are: in the files schemas/DOMAIN/v*.avsc, or registered.",
)
@folder_option
@server_options
@json_option
def history(domain: str, source: str, folder: Path, as_json: bool, **servers: Any) -> None:
    """Show the versions of the schema of DOMAIN: what each one changed, and what that allows.

    \b
    Examples:
      riskloom schemas history claims
      riskloom schemas history claims --from registry --json
    """
    installed = _installed(domain)
    kept = in_registry([installed], servers) if source == "registry" else in_snapshots([installed], folder)
    versions, level = kept[installed.name]
    rows = _rows(versions)
    verdict = judge(installed.domain.avro_schema, versions, level)
    now = {"state": verdict.state, "version": verdict.version}
    if as_json:
        click.echo(json.dumps({"domain": installed.name, "from": source, "versions": rows, "installed": now}, indent=2))
        return
    for row in rows:
        reads = [name for name in ("backward", "forward") if row[name]]
        allows = "full" if len(reads) == 2 else " ".join(reads) or "incompatible"
        click.echo(f"version {row['version']}" + (f": {allows}" if row["backward"] is not None else ""))
        for change in row["changes"]:
            click.echo(f"  - {change}")
    if verdict.state == "unchanged":
        click.echo(f"The installed schema is version {verdict.version}.")
    else:
        command = "register" if source == "registry" else "snapshot"
        click.echo(f"The installed schema is to be version {verdict.version}. See: riskloom schemas {command} --help")


@click.command()
@level_option
@folder_option
@domain_options
@json_option
def snapshot(level: Level | None, folder: Path, only: tuple[str, ...], without: tuple[str, ...], as_json: bool) -> None:
    """Write each schema that has changed as the next schemas/DOMAIN/vN.avsc.

    A schema that may not follow the versions before it is refused, with each field at fault, the rule and the fix: the
    others are written all the same, and the exit status is 1.

    \b
    Examples:
      riskloom schemas snapshot
      riskloom schemas snapshot --only claims --level FULL
    """
    from riskloom.discovery import discover

    found = discover(only, without)
    rows, refusals = [], []
    kept = in_snapshots(found, folder)
    for installed in found:
        versions, own_level = kept[installed.name]
        asked = level or own_level
        schema = installed.domain.avro_schema
        verdict = judge(schema, versions, asked)
        row: dict[str, Any] = {"domain": installed.name, "version": verdict.version, "written": None}
        if verdict.state == "unchanged":
            pass
        elif verdict.compatible:
            row["written"] = str(write_snapshot(folder, installed.name, verdict.version, schema))
        else:
            breaks = f"{installed.name}: the schema breaks {asked}, which is asked of version {verdict.version}:"
            refusals.append(breaks + listing(verdict.conflicts))
        rows.append(row | {"incompatible": bool(verdict.conflicts) and verdict.state != "unchanged"})
    if as_json:
        click.echo(json.dumps({"snapshots": rows}, indent=2))
    else:
        for row in rows:
            if not row["incompatible"]:
                what = f"{row['written']} written" if row["written"] else f"version {row['version']}, unchanged"
                click.echo(f"{row['domain']}: {what}")
    for refusal in refusals:
        click.echo(refusal, err=True)
    if refusals:
        raise click.exceptions.Exit(1)


def _rows(versions: dict[int, Any]) -> list[dict[str, Any]]:
    """Compare each version with the one before it."""
    from riskloom.schemas.changes import changes

    rows: list[dict[str, Any]] = []
    before = None
    for number, schema in versions.items():
        row = {"version": number, "backward": None, "forward": None, "changes": [f"{len(schema['fields'])} fields"]}
        if before is not None:
            broken = {one.direction for one in incompatibilities(before, schema)}
            row |= {"backward": "backward" not in broken, "forward": "forward" not in broken}
            row["changes"] = changes(before, schema)
        rows.append(row)
        before = schema
    return rows


def _installed(name: str) -> InstalledDomain:
    from riskloom.discovery import survey

    found = {installed.name: installed for installed in survey().domains}
    if name not in found:
        raise SettingsError(
            f"no installed domain is called {name!r}{did_you_mean(name, found)} ({listed(found)})\n"
            "See: riskloom domains list"
        )
    return found[name]
