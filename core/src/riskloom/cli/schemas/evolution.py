"""`riskloom schemas check` and `diff`: may this be the next version, and what keeps it from that?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from riskloom.cli.options import domain_options, json_option, server_options
from riskloom.cli.schemas.options import (
    folder_option,
    in_registry,
    in_snapshots,
    level_option,
    print_incompatibilities,
)
from riskloom.errors import SettingsError
from riskloom.schemas.compatibility import Level, incompatibilities
from riskloom.schemas.evolution import Verdict, judge


@click.command()
@click.option(
    "--against",
    type=click.Choice(["snapshots", "registry"]),
    default="snapshots",
    show_default=True,
    help="What to compare with: the files schemas/DOMAIN/v*.avsc, or what is registered.",
)
@level_option
@folder_option
@domain_options
@server_options
@json_option
def check(
    against: str,
    level: Level | None,
    folder: Path,
    only: tuple[str, ...],
    without: tuple[str, ...],
    as_json: bool,
    **servers: Any,
) -> None:
    """Check that the installed domains' schemas may follow the versions before them.

    Reads no server but with --against registry. Tells every incompatibility with its place, the rule of Avro that it
    breaks and the smallest fix. Exits with 1 when there is one.

    \b
    Examples:
      riskloom schemas check
      riskloom schemas check --level FULL_TRANSITIVE --only claims
      riskloom schemas check --against registry --json
    """
    from riskloom.discovery import discover

    found = discover(only, without)
    kept = in_registry(found, servers) if against == "registry" else in_snapshots(found, folder)
    if against == "snapshots" and not any(versions for versions, _ in kept.values()):
        names = ", ".join(str(folder / name / "v1.avsc") for name in kept)
        raise SettingsError(
            f"there is nothing to compare with: no {names}\n"
            "Run this where the snapshots are, or name their folder with --folder. See: riskloom schemas snapshot"
        )
    verdicts = {}
    for installed in found:
        versions, own_level = kept[installed.name]
        asked = level or own_level
        verdicts[installed.name] = asked, judge(installed.domain.avro_schema, versions, asked)
    compatible = all(verdict.compatible for _, verdict in verdicts.values())
    if as_json:
        rows = [_row(name, asked, verdict) for name, (asked, verdict) in verdicts.items()]
        click.echo(json.dumps({"compatible": compatible, "against": against, "domains": rows}, indent=2))
    else:
        for name, (asked, verdict) in verdicts.items():
            _print(name, asked, verdict, against)
    if not compatible:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("old", metavar="OLD.avsc", type=click.Path(path_type=Path))
@click.argument("new", metavar="NEW.avsc", type=click.Path(path_type=Path))
@json_option
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Compare two files that hold Avro schemas: what changed, and who can read whose records.

    Backward: the new schema reads records of the old one. Forward: the old schema reads records of the new one. Full:
    both. The exit status is 0 whatever the answer is.

    \b
    Examples:
      riskloom schemas diff schemas/claims/v1.avsc schemas/claims/v2.avsc
      riskloom schemas diff old.avsc new.avsc --json | jq .backward
    """
    from riskloom.schemas.changes import changes
    from riskloom.schemas.parse import load_files

    older, newer = load_files(old, new)
    found = incompatibilities(older, newer)
    backward, forward = (all(one.direction != direction for one in found) for direction in ("backward", "forward"))
    listed = changes(older, newer)
    if as_json:
        answer = {
            "backward": backward,
            "forward": forward,
            "full": backward and forward,
            "reasons": [str(one) for one in found],
            "incompatibilities": [one.as_json() for one in found],
            "changes": listed,
        }
        click.echo(json.dumps(answer, indent=2))
        return
    for change in listed or ["nothing"]:
        click.echo(f"changed: {change}")
    for yes, name, meaning in (
        (backward, "backward", "the new schema reads records of the old one"),
        (forward, "forward", "the old schema reads records of the new one"),
        (backward and forward, "full", "both"),
    ):
        click.echo(f"{name + ':':10}{'yes' if yes else 'no'}  ({meaning})")
    print_incompatibilities(found)


def _row(name: str, level: Level, verdict: Verdict) -> dict[str, Any]:
    return {
        "domain": name,
        "state": verdict.state,
        "version": verdict.version,
        "level": level,
        "compared_with": verdict.compared,
        "compatible": verdict.compatible,
        "incompatibilities": [
            {"with_version": number, **one.as_json()} for number, listed in verdict.conflicts.items() for one in listed
        ],
    }


def _print(name: str, level: Level, verdict: Verdict, against: str) -> None:
    if verdict.state == "first":
        click.echo(f"{name}: no version in the {against} yet")
        return
    what = f"version {verdict.version}" if verdict.state == "unchanged" else f"to be version {verdict.version}"
    others = ", ".join(map(str, verdict.compared))
    if not verdict.compared:
        click.echo(f"{name}: {what}, the first")
        return
    answer = "compatible" if verdict.compatible else "NOT compatible"
    click.echo(f"{name}: {what}, {level}: {answer} with version{'s' if len(verdict.compared) > 1 else ''} {others}")
    for number, listed in verdict.conflicts.items():
        click.echo(f"  version {number}:")
        print_incompatibilities(listed, "    ")
