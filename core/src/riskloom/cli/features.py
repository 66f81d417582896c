"""`riskloom features`: what is in the feature store, and what an entity's features say now."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from riskloom.cli.history import backfill, skew, training_set
from riskloom.cli.options import Moment, domain_options, json_option, server_options
from riskloom.cli.tables import print_section, print_table

if TYPE_CHECKING:
    from riskloom.features.layouts import LaidFeature, Layout, Layouts
    from riskloom.features.offline import OfflineStore
    from riskloom.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def store_options(command: Command) -> Command:
    """Add where the feature store is: `redis_url`, `offline_store` and `feature_repo`, for `load_settings`."""
    folder = click.Path(file_okay=False, path_type=Path, exists=True)
    command = click.option(
        "--repo", "feature_repo", type=folder, help="Folder of a feature_store.yaml.  [RISKLOOM_FEATURE_REPO]"
    )(command)
    command = click.option("--offline-store", metavar="FOLDER", help="The offline store.  [RISKLOOM_OFFLINE_STORE]")(
        command
    )
    return click.option("--redis-url", metavar="URL", help="Redis.  [RISKLOOM_REDIS_URL]")(command)


@click.group()
def features() -> None:
    """Apply, list, show and read the features in the feature store; train on them, and compute their history.

    \b
    Examples:
      riskloom features apply
      riskloom features get user:42cbadca-4082-8034-b8c1-1064dc4abfef
    """


for command in (training_set, backfill, skew):
    features.add_command(command)


@features.command()
@domain_options
@server_options
@store_options
@json_option
def apply(only: tuple[str, ...], without: tuple[str, ...], as_json: bool, **places: Any) -> None:
    """Write the installed domains' features into Feast's registry: entities, feature views, feature services.

    A changed definition becomes a new version beside the earlier ones, which stay. `riskloom run` does the same when
    it starts.

    \b
    Examples:
      riskloom features apply
      riskloom features apply --repo feature_repo
    """
    from riskloom.features.objects import feast_objects
    from riskloom.features.repository import open_store

    settings, store, layouts = _opened(only, without, places)
    layouts.record()
    objects = feast_objects(store, layouts.all(), _schema_ids(settings, only, without))
    open_store(settings).apply(objects)
    rows = [{"kind": _kind(one), "name": one.name, "description": one.description} for one in objects]
    if as_json:
        click.echo(json.dumps({"applied": rows}, indent=2))
    else:
        print_table(("kind", "name", "description"), [tuple(row.values()) for row in rows])


@features.command("list")
@domain_options
@server_options
@store_options
@json_option
def list_(only: tuple[str, ...], without: tuple[str, ...], as_json: bool, **places: Any) -> None:
    """List the versions of the domains' features, each with its feature service.

    \b
    Examples:
      riskloom features list
      riskloom features list --json
    """
    from riskloom.features.objects import service_name, view_name

    _, _, layouts = _opened(only, without, places)
    current = {(one.domain, one.feature_version) for one in layouts.current()}
    rows = [
        {
            "domain": one.domain,
            "feature_version": one.feature_version,
            "since": one.since.isoformat(timespec="seconds"),
            "current": (one.domain, one.feature_version) in current,
            "service": service_name(one),
            "views": [view_name(one, entity.name) for entity in one.entities if one.of(entity.name)],
            "features": len(one.features),
        }
        for one in layouts.all()
    ]
    if as_json:
        click.echo(json.dumps({"versions": rows}, indent=2))
        return
    print_table(
        ("domain", "version", "since", "current", "service", "features"),
        [
            (r["domain"], r["feature_version"], r["since"], "yes" if r["current"] else "", r["service"], r["features"])
            for r in rows
        ],
    )


@features.command()
@click.argument("domain")
@click.option("--version", metavar="DIGITS", help="A feature version; the current one without it.")
@server_options
@store_options
@json_option
def show(domain: str, version: str | None, as_json: bool, **places: Any) -> None:
    """Show the features of a domain: their entity, window and aggregate, and what they say where nothing is.

    \b
    Examples:
      riskloom features show transactions
      riskloom features show transactions --version 1a2b3c4d
    """
    _, _, layouts = _opened((), (), places)
    layout = _find(layouts.all(), domain, version)
    if as_json:
        click.echo(layout.model_dump_json(indent=2))
        return
    print_section(
        layout.domain,
        [
            ("description", layout.description),
            ("version", layout.feature_version),
            ("since", layout.since.isoformat(timespec="seconds")),
            ("rule", layout.rule_version),
        ],
    )
    click.echo()
    print_table(
        ("feature", "entity", "window", "aggregate", "description"),
        [(one.name, one.entity, *_window(one), one.description) for one in layout.features],
    )


@features.command()
@click.argument("entity")
@click.option("--domain", "domains", metavar="NAME", multiple=True, help="Only this domain's features. Repeatable.")
@click.option("--at", type=Moment(), help="As of this moment, UTC, instead of now.")
@server_options
@store_options
@json_option
def get(entity: str, domains: tuple[str, ...], at: datetime | None, as_json: bool, **places: Any) -> None:
    """Show what the features of an entity, such as user:ID, say now.

    A value is as of its entity's last event, except where its window has passed since: then it is that of an empty
    window. `ageing` values are those of which a part has passed, or may be missing. Exits with 8 when the store holds
    nothing.

    \b
    Examples:
      riskloom features get user:42cbadca-4082-8034-b8c1-1064dc4abfef
      riskloom features get device:17 --domain iot --json
    """
    from riskloom.errors import FeatureError
    from riskloom.features.online import OnlineFeatures
    from riskloom.features.repository import open_store
    from riskloom.suggest import did_you_mean

    settings, store, layouts = _opened((), (), places)
    online = OnlineFeatures(open_store(settings), store, layouts.all())
    kind, separator, identifier = entity.partition(":")
    if not separator or not identifier or kind not in online.entities:
        known = ", ".join(f"{name}:ID" for name in online.entities)
        raise click.UsageError(f"{entity!r} is not one of {known}{did_you_mean(kind, online.entities)}")
    (rows,) = online.read(kind, [identifier], domains)
    if not rows:
        raise FeatureError(
            f"the online store holds nothing of {entity}: `riskloom run --status` shows what has been stored"
        )
    read = at or datetime.now(UTC)
    answer = {
        "entity": entity,
        "read_at": read.isoformat(),
        "views": [
            {
                "domain": row.layout.domain,
                "feature_version": row.layout.feature_version,
                "event_time": row.event_time.isoformat(),
                "age_s": round((read - row.event_time).total_seconds(), 3),
                "features": {
                    one.name: {
                        "value": now.value,
                        "state": now.state,
                        "at_event": row.values.get(one.name),
                        "window": one.window.text if one.window else None,
                    }
                    for one in row.features
                    for now in [row.served(read)[one.name]]
                },
            }
            for row in rows
        ],
    }
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        _print_views(answer)


@features.command()
@click.option("--from", "start", type=Moment(), required=True, help="The earliest event time, UTC.")
@click.option("--to", "end", type=Moment(), required=True, help="The event time before which rows count, UTC.")
@domain_options
@server_options
@store_options
@json_option
def materialize(
    start: datetime, end: datetime, only: tuple[str, ...], without: tuple[str, ...], as_json: bool, **places: Any
) -> None:
    """Bring the newest row of each entity in a span of time from the offline store into the online store.

    Never puts an older row in the place of a newer one, so it may run beside a job, and again.

    \b
    Examples:
      riskloom features materialize --from 2026-11-01 --to 2026-11-26
      riskloom features materialize --from 2026-11-26T08:00 --to 2026-11-26T09:00 --only iot
    """
    from riskloom.features.online import OnlineFeatures
    from riskloom.features.range import materialize_range
    from riskloom.features.repository import open_store

    settings, store, layouts = _opened(only, without, places)
    known = layouts.current()
    online = OnlineFeatures(open_store(settings), store, known)
    done = materialize_range(settings, store, online, known, start, end, report=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps({"materialized": done}, indent=2))
    else:
        print_table(
            ("domain", "entity", "entities", "stored", "seconds"),
            [(r["domain"], r["entity"], r["entities"], r["stored"], r["seconds"]) for r in done],
        )


def _opened(
    only: tuple[str, ...], without: tuple[str, ...], places: dict[str, Any]
) -> tuple[Settings, OfflineStore, Layouts]:
    from riskloom.discovery import discover
    from riskloom.features.layouts import Layouts
    from riskloom.features.offline import OfflineStore
    from riskloom.settings import load_settings

    settings = load_settings(**places)
    store = OfflineStore(settings.offline_store_root)
    return settings, store, Layouts(store, [installed.domain for installed in discover(only, without)])


def _schema_ids(settings: Settings, only: tuple[str, ...], without: tuple[str, ...]) -> dict[str, int]:
    """Look up the ids that the registry has; without a registry, tags say nothing of them."""
    from riskloom.discovery import discover
    from riskloom.errors import RegistryError
    from riskloom.schemas.registry import fetch, registry_client, subject_of

    found = {}
    try:
        with registry_client(settings) as client:
            for installed in discover(only, without):
                found[installed.name] = fetch(client, subject_of(installed.domain.topic.name))[0].schema_id
    except RegistryError as error:
        click.echo(f"schema ids are left out: {str(error).splitlines()[0]}", err=True)
    return found


def _find(layouts: list[Layout], domain: str, version: str | None) -> Layout:
    from riskloom.errors import FeatureError
    from riskloom.suggest import did_you_mean

    of_domain = [one for one in layouts if one.domain == domain]
    if not of_domain:
        known = sorted({one.domain for one in layouts})
        raise FeatureError(f"no features of a domain {domain!r}{did_you_mean(domain, known)}: `riskloom features list`")
    found = [one for one in of_domain if version in (None, one.feature_version)]
    if not found:
        known = [one.feature_version for one in of_domain]
        raise FeatureError(f"{domain} has no version {version!r}, only {', '.join(known)}: `riskloom features list`")
    return found[0]


def _kind(feast_object: Any) -> str:
    return {"Entity": "entity", "FeatureView": "view", "FeatureService": "service"}[type(feast_object).__name__]


def _window(feature: LaidFeature) -> tuple[str, str]:
    if feature.window is None:
        return "", "derived"
    return f"{feature.window.kind} {feature.window.text}", feature.window.aggregate


def _print_views(answer: dict[str, Any]) -> None:
    for view in answer["views"]:
        print_section(
            f"{view['domain']}, version {view['feature_version']}",
            [("last event", view["event_time"]), ("age", f"{view['age_s']:,.1f} s")],
        )
        click.echo()
        print_table(
            ("feature", "value", "state", "window", "at the event"),
            [
                (name, _number(one["value"]), one["state"], one["window"] or "", _number(one["at_event"]))
                for name, one in view["features"].items()
            ],
        )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.6g}"
