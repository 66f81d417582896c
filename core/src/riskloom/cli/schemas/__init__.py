"""`riskloom schemas`: the domains' Avro schemas, what the registry keeps of them, and what a new version may change."""

from __future__ import annotations

import click

from riskloom.cli.schemas.evolution import check, diff
from riskloom.cli.schemas.registered import list_, register, show
from riskloom.cli.schemas.versions import history, snapshot


@click.group()
def schemas() -> None:
    """Register, show and compare Avro schemas; check and keep their versions.

    \b
    Examples:
      riskloom schemas register
      riskloom schemas check --level BACKWARD_TRANSITIVE
      riskloom schemas diff schemas/claims/v1.avsc schemas/claims/v2.avsc
    """


for _command in (register, list_, show, check, diff, history, snapshot):
    schemas.add_command(_command)
