"""`riskloom domains new`: write the package of a new domain."""

from __future__ import annotations

import json
from pathlib import Path

import click

from riskloom.cli.options import json_option


@click.command()
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to write it.  [default: riskloom-NAME]")
@click.option("--entity", default="user", show_default=True, help="What the features are kept about.")
@click.option("--key", help="The event's field that identifies it.  [default: ENTITY_id]")
@click.option("--topic", help="The Kafka topic.  [default: NAME]")
@json_option
def new(name: str, folder: Path | None, entity: str, key: str | None, topic: str | None, as_json: bool) -> None:
    """Write a package for a new domain NAME that installs, passes the kit and scores events as it is.

    It refuses names that are taken, and to write over anything. Then change schema, generator, features and rule.

    \b
    Examples:
      riskloom domains new payments
      riskloom domains new card_swipes --entity card --topic card-swipes --folder work/card-swipes
    """
    from riskloom.discovery import survey
    from riskloom.scaffold.package import NewDomain, write_package

    domain = NewDomain(name, entity, key or f"{entity}_id", topic or name)
    target = folder or Path(domain.distribution)
    files = write_package(domain, target, survey().domains)
    commands = [
        f"pip install ./{target}" if not target.is_absolute() else f"pip install {target}",
        f"riskloom domains show {name}",
        f"riskloom domains check {name}",
        f"riskloom demo --only {name}",
    ]
    if as_json:
        click.echo(json.dumps({"files": [str(path) for path in files], "next": commands}, indent=2))
        return
    click.echo(f"Wrote {len(files)} files:")
    for path in files:
        click.echo(f"  {path}")
    click.echo("Next:")
    for command in commands:
        click.echo(f"  {command}")
