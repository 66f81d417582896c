"""`riskloom domains`: what is installed, and what each domain declares."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from riskloom.cli.check import check
from riskloom.cli.evaluate import evaluate
from riskloom.cli.new import new
from riskloom.cli.options import domain_options, json_option
from riskloom.cli.tables import print_section, print_table

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain
    from riskloom.domain import EventDomain, WindowFeature


@click.group()
def domains() -> None:
    """List, show, check and evaluate the installed event domains, and begin a new one.

    \b
    Examples:
      riskloom domains list
      riskloom domains show transactions
      riskloom domains new payments
      riskloom domains check transactions
      riskloom domains evaluate transactions
    """


for _command in (new, check, evaluate):
    domains.add_command(_command)


@domains.command("list")
@domain_options
@json_option
def list_(only: tuple[str, ...], without: tuple[str, ...], as_json: bool) -> None:
    """List the installed domains, and the problems of those that cannot be used.

    Exits with 3 when one cannot be used.

    \b
    Examples:
      riskloom domains list
      riskloom domains list --without claims --json
    """
    from riskloom.discovery import survey
    from riskloom.errors import PluginError

    found = survey(only, without)
    if as_json:
        rows = [_summary(installed) for installed in found.domains]
        click.echo(json.dumps({"domains": rows, "problems": found.problems}, indent=2))
    elif found.domains:
        columns = list(_summary(found.domains[0]))
        print_table(
            [column.replace("_", " ") for column in columns],
            [["-" if value is None else value for value in _summary(one).values()] for one in found.domains],
        )
    if found.problems:
        raise PluginError(found.problems, found.hint)


@domains.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show what the domain NAME declares: fields, features, rule.

    \b
    Examples:
      riskloom domains show transactions
      riskloom domains show transactions --json
    """
    from riskloom.discovery import survey
    from riskloom.errors import PluginError, SettingsError
    from riskloom.suggest import did_you_mean, listed

    found = survey()
    shown = next((installed for installed in found.domains if name in {installed.name, installed.entry_point}), None)
    if shown is None:
        if found.problems:
            raise PluginError(found.problems, found.hint)
        names = [installed.name for installed in found.domains]
        raise SettingsError(f"no installed domain is called {name!r}{did_you_mean(name, names)} ({listed(names)})")
    if as_json:
        click.echo(json.dumps(_whole(shown), indent=2))
    else:
        _show(shown, {installed.name for installed in found.domains})


def _summary(installed: InstalledDomain) -> dict[str, Any]:
    from riskloom.schemas.snapshots import FOLDER, snapshot_version

    domain = installed.domain
    return {
        "name": domain.name,
        "distribution": installed.distribution,
        "version": installed.version,
        "topic": domain.topic.name,
        "partitions": domain.topic.partitions,
        "share": domain.share,
        "schema_version": snapshot_version(FOLDER, domain.name, domain.avro_schema),
        "fields": len(domain.avro_schema["fields"]),
        "features": len(domain.feature_names),
        "rule_version": domain.rule.version,
    }


def _whole(installed: InstalledDomain) -> dict[str, Any]:
    found = {name: getattr(installed, name) for name in ("distribution", "version", "entry_point")}
    return {**found, **installed.domain.model_dump(mode="json")}


def _show(installed: InstalledDomain, names: set[str]) -> None:
    from riskloom.schemas.describe import type_in_words

    domain = installed.domain
    days = domain.topic.retention / timedelta(days=1)
    click.echo(f"{domain.name}: {domain.description}" if domain.description else domain.name)
    print_section(
        "Declaration",
        [
            ("distribution", f"{installed.distribution} {installed.version}"),
            ("topic", f"{domain.topic.name}, {domain.topic.partitions} partitions, kept {days:g} days"),
            ("event", f"{domain.event_id} at {domain.event_time}, keyed by {domain.key}"),
            ("generator", domain.generator),
            ("share", f"{domain.share:g}"),
            ("late events", _late_policy(domain)),
            *([("label", domain.label)] if domain.label else []),
            *([("outcomes", ", ".join(domain.outcomes))] if domain.outcomes else []),
        ],
    )
    print_section("Entities", [(entity.name, entity.field, entity.description) for entity in domain.entities])
    fields = domain.avro_schema["fields"]
    print_section(
        f"Fields ({len(fields)})",
        [(field["name"], type_in_words(field["type"]), field.get("doc", "")) for field in fields],
    )
    print_section(
        f"Window features ({len(domain.window_features)})",
        [(f.name, _in_words(f, domain, names), f.description) for f in domain.window_features],
    )
    print_section(
        f"Derived features ({len(domain.derived_features)})",
        [
            (feature.name, feature.sql, _reads(feature.sql, domain), feature.description)
            for feature in domain.derived_features
        ],
    )
    print_section(
        f"Rule, version {domain.rule.version}: the score is the sum of weight x value, at most 1",
        [
            (f"{term.weight:g}", term.code, term.sql, _reads(term.sql, domain), term.description)
            for term in domain.rule.terms
        ],
    )
    bands = sorted(domain.rule.bands, key=lambda band: band.at_least)
    print_section("Levels", [(f"from {band.at_least:g}", band.level) for band in bands])


def _late_policy(domain: EventDomain) -> str:
    """Say what happens to events out of order: `later than 120 s: counted; duplicates: not counted`."""
    late = "counted" if domain.count_late else "not counted"
    twice = "not counted" if domain.deduplicate else "counted"
    return f"later than {domain.late_tolerance.total_seconds():g} s: {late}; duplicates: {twice}"


def _reads(sql: str, domain: EventDomain) -> str:
    """Say what an expression is computed from: `from the fields amount, country and the feature count_1hr`."""
    from riskloom.expressions import column_names, parse

    names = column_names(parse(sql))
    features = [name for name in names if name in domain.feature_names]
    fields = [name for name in names if name not in features]
    kinds = (("field", fields), ("feature", features))
    words = [f"the {kind}{'s' if len(of) > 1 else ''} {', '.join(of)}" for kind, of in kinds if of]
    return f"from {' and '.join(words)}" if words else ""


def _in_words(feature: WindowFeature, domain: EventDomain, names: set[str]) -> str:
    """Say what a window feature is: `mean of amount in 24hr, of transactions, where amount > 1`."""
    foreign = feature.source not in {None, domain.name}
    length = {
        "rolling": feature.window,
        "tumbling": f"each {feature.window}",
        "hopping": f"{feature.window} each {feature.slide}",
        "session": f"a session with gaps up to {feature.window}",
    }[feature.kind]
    what = " and ".join(sql for sql in (feature.value, feature.other) if sql) or "events"
    words = [f"{feature.aggregate} of {what} in {length}"]
    words += [f"of {feature.source}"] if foreign else []
    words += [f"of the {feature.entity}"] if feature.entity else []
    words += [f"where {feature.where}"] if feature.where else []
    words += [] if feature.include_event else ["before the event"]
    if foreign and feature.source not in names:
        empty = feature.value_when_empty
        value = "null" if empty is None else f"{empty:g}"
        words += [f"always {value} now, as {feature.source} is not installed"]
    return ", ".join(words)
