"""Feast's objects, made from what the domains declare: entities, feature views, feature services.

A view holds the features of one domain about one entity, in one version. A domain has a service for each version,
`transactions_1a2b3c4d`, and one that is always the current version, `transactions`. A model names the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from riskloom.features.layouts import Layout
from riskloom.features.offline import OfflineStore, entity_column

if TYPE_CHECKING:
    from feast import Entity, FeatureService, FeatureView

CREATED, SEQUENCE = "created_timestamp", "sequence"
"""The fields of every view that tell which of two rows of one event time is the newer; no service has them."""

_LATENESS = timedelta(minutes=1)
"""How long a row may take on its way to the store, on top of its windows."""


def view_name(layout: Layout, entity: str) -> str:
    """Name the view of a domain's features about an entity."""
    return f"{layout.domain}_{entity}_{layout.feature_version}"


def service_name(layout: Layout) -> str:
    """Name the service of a version."""
    return f"{layout.domain}_{layout.feature_version}"


def feast_objects(
    store: OfflineStore, layouts: Iterable[Layout], schema_ids: Mapping[str, int] | None = None
) -> list[Any]:
    """Make the objects of some versions.

    Args:
        store: Where their rows are.
        layouts: The versions; the first of a domain is its current one.
        schema_ids: The registry's id of each domain's schema, as far as it is known.

    Returns:
        Entities, then views, then services.
    """
    from feast import Entity, ValueType

    layouts = list(layouts)
    named = [one for layout in layouts for one in (*layout.entities, *layout.others)]
    described = {one.name: one.description for one in reversed(named) if one.description}
    # Feast tells duplicates by identity: each is built once.
    entities = {
        name: Entity(
            name=name,
            join_keys=[entity_column(name)],
            value_type=ValueType.STRING,
            description=described.get(name, ""),
        )
        for name in dict.fromkeys(one.name for one in named)
    }
    views: list[FeatureView] = []
    services: list[FeatureService] = []
    served: set[str] = set()
    for layout in layouts:
        tags = _tags(layout, (schema_ids or {}).get(layout.domain))
        own = [_view(store, layout, entities[one.name], tags) for one in layout.entities if layout.of(one.name)]
        if not own:
            continue
        views += own
        services.append(_service(service_name(layout), layout, own, tags))
        if layout.domain not in served:
            served.add(layout.domain)
            services.append(_service(layout.domain, layout, own, tags))
    return [*entities.values(), *views, *services]


def repository_objects() -> list[Any]:
    """Make the objects of all installed domains, in every version that the offline store knows.

    This is what `feature_repo/` asks for, with the settings of the environment.
    """
    from riskloom.discovery import discover
    from riskloom.features.layouts import Layouts
    from riskloom.settings import load_settings

    store = OfflineStore(load_settings().offline_store_root)
    layouts = Layouts(store, [installed.domain for installed in discover()])
    layouts.record()
    return feast_objects(store, layouts.all())


def _tags(layout: Layout, schema_id: int | None) -> dict[str, str]:
    tags = {
        "domain": layout.domain,
        "feature_version": layout.feature_version,
        "since": layout.since.isoformat(timespec="seconds"),
        "rule_version": layout.rule_version,
    }
    return tags if schema_id is None else tags | {"schema_id": str(schema_id)}


def _view(store: OfflineStore, layout: Layout, entity: Entity, tags: Mapping[str, str]) -> FeatureView:
    from feast import FeatureView, Field, FileSource
    from feast.data_format import ParquetFormat
    from feast.types import Float64, Int64, String

    fields = [
        Field(
            name=one.name,
            dtype=Float64,
            description=one.description,
            tags={"window": one.window.text, "aggregate": one.window.aggregate} if one.window else {},
        )
        for one in layout.of(entity.name)
    ]
    # Feast's timestamps are of whole seconds.
    fields.append(Field(name=CREATED, dtype=String, description="When the row was computed, UTC."))
    fields.append(Field(name=SEQUENCE, dtype=Int64, description="How many events the domain's key had seen."))
    reach = layout.reach(entity.name)
    return FeatureView(
        name=view_name(layout, entity.name),
        entities=[entity],
        schema=[Field(name=entity_column(entity.name), dtype=String), *fields],
        ttl=reach + _LATENESS if reach else reach,
        source=FileSource(
            name=f"{layout.domain}_{layout.feature_version}",
            path=store.pattern(layout.domain, layout.feature_version),
            file_format=ParquetFormat(),
            timestamp_field="event_timestamp",
            created_timestamp_column=CREATED,
            description=f"Scored events of {layout.domain}.",
        ),
        description=f"Features of {layout.domain} about the {entity.name}: {layout.description}".rstrip(": "),
        tags=dict(tags),
    )


def _service(name: str, layout: Layout, views: Iterable[FeatureView], tags: Mapping[str, str]) -> FeatureService:
    from feast import FeatureService

    return FeatureService(
        name=name,
        features=[
            view[[field.name for field in view.features if field.name not in (CREATED, SEQUENCE)]] for view in views
        ],
        description=layout.description,
        tags=dict(tags),
    )
