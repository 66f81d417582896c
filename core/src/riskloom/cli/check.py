"""`riskloom domains check`: run the plugin kit over installed domains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from riskloom.cli.options import json_option
from riskloom.cli.tables import print_section

if TYPE_CHECKING:
    from riskloom.testing.checks import Result


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@json_option
@click.pass_context
def check(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Run the plugin kit over the domains NAME, or all that are installed.

    Needs `pip install 'riskloom[testing]'`, and no server. Exits with 1 when a check fails.

    \b
    Examples:
      riskloom domains check payments
      riskloom domains check --json
    """
    from riskloom.testing.checks import CHECKS, run
    from riskloom.testing.subject import Subject

    found: dict[str, list[Result]] = {}
    for name in names or _installed():
        found[name] = []
        for number, result in enumerate(run(Subject(name)), 1):
            found[name].append(result)
            words = result.check.replace("_", " ")
            click.echo(f"{name} {number}/{len(CHECKS)} {'passed' if result.passed else 'FAILED'}: {words}", err=True)
    passed = all(result.passed for results in found.values() for result in results)
    if as_json:
        domains = {name: [vars(result) for result in results] for name, results in found.items()}
        click.echo(json.dumps({"passed": passed, "domains": domains}, indent=2))
    else:
        for name, results in found.items():
            failed = [result for result in results if not result.passed]
            title = f"{name}: {len(failed)} of {len(CHECKS)} checks failed" if failed else f"{name}: all checks passed"
            print_section(title, [("ok" if r.passed else "FAILED", r.check, r.text) for r in results])
    context.exit(0 if passed else 1)


def _installed() -> list[str]:
    from riskloom.discovery import discover

    return [installed.name for installed in discover()]
