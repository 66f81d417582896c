"""The job's plan: what the installed domains declare, as the JSON that the JVM kernel executes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from riskloom.domain import EventDomain, WindowFeature, window_length
from riskloom.rules import LEVEL, SCORE, reason_column, scoring_stages
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

LATE_TOLERANCE = timedelta(minutes=2)
"""How far behind its key's newest event of the domain an event may be before it is flagged late."""

_COLUMNS = {"count": (), "sum": ("sum",), "mean": ("sum",), "min": ("min",), "max": ("max",), "stddev": ("squares",)}


def job_plan(
    settings: Settings, domains: Sequence[EventDomain], schemas: Mapping[str, RegisteredSchema]
) -> dict[str, Any]:
    """Write the plan of the job over some domains.

    Args:
        settings: Where the schema registry is.
        domains: The domains of the job.
        schemas: The registered schema of each domain's topic and of those that the job writes, by topic name.

    Returns:
        The plan, ready for `json.dumps`; the fields are those of JobPlan.java.
    """
    by_name = {domain.name: domain for domain in domains}
    series = _series(by_name)
    return {
        "registry": {
            "urls": settings.registry_url.split(","),
            "options": dict(settings.registry_client),
            "schemas": {schemas[domain.topic.name].schema_id: json.dumps(domain.avro_schema) for domain in domains},
        },
        "scores": {"topic": SCORES_TOPIC, "schema_id": schemas[SCORES_TOPIC].schema_id},
        "dead_letters": {"topic": DEAD_LETTERS_TOPIC, "schema_id": schemas[DEAD_LETTERS_TOPIC].schema_id},
        "late_tolerance_ms": _ms(LATE_TOLERANCE),
        "domains": [_domain(domain, by_name, series) for domain in domains],
    }


def _domain(domain: EventDomain, by_name: Mapping[str, EventDomain], series: Mapping[_Key, set[str]]) -> dict[str, Any]:
    return {
        "name": domain.name,
        "topic": domain.topic.name,
        "reader_schema": json.dumps(domain.avro_schema),
        "event_id": domain.event_id,
        "event_time": domain.event_time,
        "key": domain.key,
        "entity": domain.key_entity.name,
        "rule_version": domain.rule.version,
        "series": [_series_json(key, columns) for key, columns in series.items() if key[0] == domain.name],
        "features": [_feature(feature, domain, by_name, series) for feature in domain.window_features],
        "stages": [[{"name": name, "sql": sql} for name, sql in stage.items()] for stage in scoring_stages(domain)],
        "feature_columns": list(domain.feature_names),
        "reasons": [
            {"code": term.code, "description": term.description, "column": reason_column(i)}
            for i, term in enumerate(domain.rule.terms)
        ],
        "score_column": SCORE,
        "level_column": LEVEL,
    }


_Key = tuple[str, str, int]
"""A series: its source domain, its measure in SQL, its window in milliseconds."""


def _series(domains: Mapping[str, EventDomain]) -> dict[_Key, set[str]]:
    """Collect the series of all window features, each with the columns that its tiles need."""
    series: dict[_Key, set[str]] = {}
    for domain in domains.values():
        for feature in domain.window_features:
            if (feature.source or domain.name) in domains:
                series.setdefault(_key(feature, domain), set()).update(_COLUMNS[feature.aggregate])
    return series


def _key(feature: WindowFeature, domain: EventDomain) -> _Key:
    value = f"CAST(({feature.value}) AS DOUBLE)" if feature.value else "CAST(1 AS DOUBLE)"
    measure = f"CASE WHEN {feature.where} THEN {value} END" if feature.where else value
    return feature.source or domain.name, measure, _ms(window_length(feature.window))


def _series_id(key: _Key, columns: set[str]) -> int:
    """Name a series for the state: the same at every start, another when what is kept differs."""
    text = "\0".join([*map(str, key), *sorted(columns)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big", signed=True)


def _series_json(key: _Key, columns: set[str]) -> dict[str, Any]:
    kept = {name: name in columns for name in ("sum", "squares", "min", "max")}
    return {"id": _series_id(key, columns), "window_ms": key[2], "measure": key[1], **kept}


def _feature(
    feature: WindowFeature, domain: EventDomain, by_name: Mapping[str, EventDomain], series: Mapping[_Key, set[str]]
) -> dict[str, Any]:
    key = _key(feature, domain)
    default = 0.0 if feature.default is None and feature.aggregate in ("count", "sum") else feature.default
    return {
        "name": feature.name,
        "series": _series_id(key, series[key]) if key in series else None,
        "aggregate": feature.aggregate,
        "default_value": default,
    }


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
