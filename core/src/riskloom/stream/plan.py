"""The job's plan: what the installed domains declare, as the JSON that the JVM kernel executes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from riskloom.domain import EventDomain, WindowFeature
from riskloom.offsets import Offsets
from riskloom.rules import LEVEL, SCORE, reason_column, scoring_stages
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.stream.series import Series, series_of
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC
from riskloom.versions import feature_version


def job_plan(
    settings: Settings,
    domains: Sequence[EventDomain],
    schemas: Mapping[str, RegisteredSchema],
    emit_from: Offsets | None = None,
    entities: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write the plan of the job over some domains.

    Args:
        settings: Where the schema registry is.
        domains: The domains of the job.
        schemas: The registered schema of each domain's topic and of those that the job writes, by topic name.
        emit_from: Records below these offsets update the windows and write nothing.
        entities: Those that have an operator of their own, in this order, as a checkpoint's state has them; without it
            those that some window needs.

    Returns:
        The plan, ready for `json.dumps`; the fields are those of JobPlan.java.
    """
    kept = kept_series(domains)
    entities = further_entities(kept) if entities is None else list(entities)
    return {
        "registry": {
            "urls": settings.registry_url.split(","),
            "options": dict(settings.registry_client),
            "schemas": {schemas[domain.topic.name].schema_id: json.dumps(domain.avro_schema) for domain in domains},
        },
        "scores": {"topic": SCORES_TOPIC, "schema_id": schemas[SCORES_TOPIC].schema_id},
        "dead_letters": {"topic": DEAD_LETTERS_TOPIC, "schema_id": schemas[DEAD_LETTERS_TOPIC].schema_id},
        "entities": entities,
        "domains": [_domain(domain, domains, kept, entities) for domain in domains],
        "emit_from": {topic: dict(offsets) for topic, offsets in (emit_from or {}).items()},
    }


def read_series(domain: EventDomain, domains: Iterable[EventDomain]) -> dict[str, Series]:
    """Find the series that each window feature of a domain is read from.

    Features of the domain that need the same measure share a series. What other domains read makes no difference: a
    domain that comes or goes leaves the series of the others, and so their state, as they are.

    Args:
        domain: The domain that declares the features.
        domains: All domains of the job.

    Returns:
        By feature; one whose source is not among the domains is left out.
    """
    sources = {source.name: source for source in domains}
    own = {
        feature.name: series_of(feature, domain, sources[feature.source or domain.name])
        for feature in domain.window_features
        if (feature.source or domain.name) in sources
    }
    shared: dict[tuple[Any, ...], Series] = {}
    for series in own.values():
        shared[series.key] = shared[series.key].merged(series) if series.key in shared else series
    return {name: shared[series.key] for name, series in own.items()}


def kept_series(domains: Sequence[EventDomain]) -> dict[str, list[Series]]:
    """Collect what is kept of the events of each domain: every series that a window feature of any domain reads."""
    kept: dict[str, dict[int, Series]] = {domain.name: {} for domain in domains}
    for domain in domains:
        for series in read_series(domain, domains).values():
            kept[series.source][series.id] = series
    return {name: list(series.values()) for name, series in kept.items()}


def further_entities(kept: Mapping[str, Sequence[Series]]) -> list[str]:
    """Name the entities that have an operator of their own, before that of the keys."""
    return sorted({one.entity for series in kept.values() for one in series if one.entity is not None})


def _domain(
    domain: EventDomain, domains: Sequence[EventDomain], kept: Mapping[str, list[Series]], entities: Sequence[str]
) -> dict[str, Any]:
    # The key's operator is the last one.
    operator = {None: len(entities)} | {name: i for i, name in enumerate(entities)}
    read = read_series(domain, domains)
    features = [_feature(feature, read.get(feature.name), operator) for feature in domain.window_features]
    series = [one.as_json(operator[one.entity]) for one in kept[domain.name]]
    passed = {part["operator"] for part in (*features, *series)}
    fields = {entity.name: entity.field for entity in domain.entities}
    return {
        "name": domain.name,
        "topic": domain.topic.name,
        "reader_schema": json.dumps(domain.avro_schema),
        "event_id": domain.event_id,
        "event_time": domain.event_time,
        "late_tolerance_ms": _ms(domain.late_tolerance),
        "count_late": domain.count_late,
        "deduplicate": domain.deduplicate,
        "rule_version": domain.rule.version,
        "visits": [
            *(_visit(operator[name], name, fields[name]) for name in entities if operator[name] in passed),
            _visit(len(entities), domain.key_entity.name, domain.key),
        ],
        "series": series,
        "features": features,
        "stages": [[{"name": name, "sql": sql} for name, sql in stage.items()] for stage in scoring_stages(domain)],
        "feature_columns": list(domain.feature_names),
        "reasons": [
            {"code": term.code, "description": term.description, "column": reason_column(i)}
            for i, term in enumerate(domain.rule.terms)
        ],
        "score_column": SCORE,
        "level_column": LEVEL,
        "feature_version": feature_version(domain),
    }


def _visit(operator: int, entity: str, field: str) -> dict[str, Any]:
    return {"operator": operator, "entity": entity, "field": field}


def _feature(feature: WindowFeature, series: Series | None, operator: Mapping[str | None, int]) -> dict[str, Any]:
    return {
        "name": feature.name,
        "operator": operator[series.entity if series else None],
        "series": series.id if series else None,
        "aggregate": feature.aggregate,
        "include_event": feature.include_event and feature.aggregate != "time_since_last",
        "default_value": feature.value_when_empty,
    }


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
