"""Check a whole declaration: its parts refer to each other by name, and every problem is told at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, get_args

from riskloom.avro import unusable
from riskloom.domain import AGGREGATES_OF, Aggregate, EventDomain, WindowFeature, window_length
from riskloom.expressions import problems_in
from riskloom.suggest import did_you_mean, listed
from riskloom.topics import DEAD_LETTERS_TOPIC, REPLAYS_TOPIC, SCORES_TOPIC

LONGEST_WINDOW = timedelta(days=30)
"""What the state is made for: a longer history belongs in the offline store."""

LONGEST_TOLERANCE = timedelta(hours=1)
"""The state keeps its tiles, and the ids to recognise duplicates by, for as much longer."""
MOST_SLIDES = 1000
"""Slides in a hopping window: each is a tile in the state."""

_OPTIONAL_VALUE = {"count", "duration", "is_new"}
_NO_VALUE = {"ratio", "time_since_last"}
_PAIR = {"sum_of_products", "correlation"}
_EVERY = set(get_args(Aggregate))
# By setting of a window feature, the aggregates that may have it and those that must.
_TAKES: dict[str, dict[str, set[str]]] = {
    "value": {"may": _EVERY - _NO_VALUE, "must": _EVERY - _NO_VALUE - _OPTIONAL_VALUE},
    "other": {"may": _PAIR, "must": _PAIR},
    "where": {"may": _EVERY, "must": {"ratio"}},
}
_NEED = {
    "value": "a value, the SQL of what to aggregate",
    "other": "other, the SQL of the second value",
    "where": "where, the SQL of the condition whose share it is",
}

# Working columns of the job start with it.
_OWN = "_riskloom"
_TIMES = {"timestamp-millis", "timestamp-micros"}
_KEYS = {"string", "int", "long"}


def problems_of(domain: EventDomain) -> list[str]:
    """Check a declaration by itself.

    Args:
        domain: The declaration.

    Returns:
        One line for each problem; empty when there is none.
    """
    problems = _schema_problems(domain.avro_schema)
    if problems:
        # Nothing that names a field can be checked without the fields.
        return problems
    fields = {field["name"]: field["type"] for field in domain.avro_schema["fields"]}
    return [
        *_topic_problems(domain),
        *_identity_problems(domain, fields),
        *_hindsight_problems(domain, fields),
        *_late_problems(domain.late_tolerance),
        *_generator_problems(domain.generator),
        *_feature_problems(domain, fields),
        *_rule_problems(domain, fields),
    ]


def problems_between(domain: EventDomain, installed: Iterable[EventDomain]) -> list[str]:
    """Check what a declaration says of other domains: the sources of its window features.

    A source that is not installed is no problem: its features then have their default.

    Args:
        domain: The declaration; `problems_of` finds nothing wrong with it.
        installed: The domains it runs with, of which the same is true; itself may be among them.

    Returns:
        One line for each problem; empty when there is none.
    """
    problems = []
    others = {other.name: other for other in installed if other.name != domain.name}
    for feature in domain.window_features:
        source = others.get(feature.source or "")
        if source is None:
            continue
        where = f"window feature {feature.name!r}: source {source.name!r}"
        entity = domain.entity_of(feature).name
        entities = [known.name for known in source.entities]
        if entity not in entities:
            problems.append(
                f"{where} has no entity {entity!r}{did_you_mean(entity, entities)}; it has {listed(entities)}"
            )
        fields = [field["name"] for field in source.avro_schema["fields"]]
        where = f"window feature {feature.name!r} of source {source.name!r}"
        problems += _window_sql_problems(feature, fields, source.hindsight, where)
    return problems


def _schema_problems(schema: dict[str, Any]) -> list[str]:
    from fastavro.schema import SchemaParseException, UnknownType, parse_schema

    if schema.get("type") != "record":
        return [f"avro_schema: must be a record, not {schema.get('type')!r}"]
    try:
        parse_schema(schema)
        names = [field["name"] for field in schema["fields"]]
    except (SchemaParseException, UnknownType, ValueError, TypeError) as error:
        return [f"avro_schema: not an Avro schema: {error or type(error).__name__}"]
    except KeyError as error:
        return [f"avro_schema: not an Avro schema: {error} is missing"]
    own = [
        f"field {name!r}: names that start with {_OWN} are riskloom's own" for name in names if name.startswith(_OWN)
    ]
    return [f"avro_schema: {problem}" for problem in (*_clashes("field", names), *own, *unusable(schema))]


def _topic_problems(domain: EventDomain) -> Iterator[str]:
    if domain.topic.name in {SCORES_TOPIC, DEAD_LETTERS_TOPIC, REPLAYS_TOPIC}:
        yield f"topic: {domain.topic.name!r} is riskloom's own"
    if domain.topic.retention <= timedelta(0):
        yield f"topic: retention must be more than nothing, not {domain.topic.retention}"


def _identity_problems(domain: EventDomain, fields: dict[str, Any]) -> Iterator[str]:
    """Check the fields that say which event it is, when it happened and whom it is about."""
    for setting, name in (("event_id", domain.event_id), ("event_time", domain.event_time), ("key", domain.key)):
        if name not in fields:
            yield f"{setting}: the schema has no field {name!r}{did_you_mean(name, fields)}"
    if domain.event_id in fields and _name_of(fields[domain.event_id]) != "string":
        found = _found(fields[domain.event_id])
        yield f"event_id: field {domain.event_id!r} must be a string that is never null{found}"
    if domain.event_time in fields and not _is_time(fields[domain.event_time]):
        yield (
            f"event_time: field {domain.event_time!r} must be a long of logical type timestamp-millis or "
            f"timestamp-micros that is never null{_found(fields[domain.event_time])}"
        )
    for entity in domain.entities:
        if entity.field not in fields:
            near = did_you_mean(entity.field, fields)
            yield f"entity {entity.name!r}: the schema has no field {entity.field!r}{near}"
        elif _name_of(_not_null(fields[entity.field])) not in _KEYS:
            found = _found(fields[entity.field])
            yield f"entity {entity.name!r}: field {entity.field!r} must be a string, int or long{found}"
    known = [entity.field for entity in domain.entities]
    if domain.key in fields and domain.key not in known:
        yield (
            f"key: {domain.key!r} is not the field of an entity{did_you_mean(domain.key, known)}; entities have "
            f"{listed(known)}"
        )
    yield from (f"entities: {problem}" for problem in _clashes("name", (entity.name for entity in domain.entities)))
    yield from (f"entities: {problem}" for problem in _clashes("field", known))


def _hindsight_problems(domain: EventDomain, fields: dict[str, Any]) -> Iterator[str]:
    """Check the fields that no expression may read."""
    named = [("label", domain.label)] if domain.label else []
    named += [("outcomes", name) for name in domain.outcomes]
    needed = {domain.event_id, domain.event_time, *(entity.field for entity in domain.entities)}
    for setting, name in named:
        if name not in fields:
            yield f"{setting}: the schema has no field {name!r}{did_you_mean(name, fields)}"
        elif name in needed:
            yield f"{setting}: field {name!r} says which event it is, when it was or whom it is about"
    if domain.label in fields and not _is_nullable_string(fields[domain.label]):
        yield f'label: field {domain.label!r} must be of type ["null", "string"]{_found(fields[domain.label])}'
    yield from (f"outcomes: {problem}" for problem in _clashes("field", (name for _, name in named)))


def _late_problems(tolerance: timedelta) -> Iterator[str]:
    if not timedelta(0) <= tolerance <= LONGEST_TOLERANCE:
        yield f"late_tolerance: must be from nothing to {LONGEST_TOLERANCE}, not {tolerance}"


def _generator_problems(generator: str) -> Iterator[str]:
    module = generator.partition(":")[0]
    try:
        found = find_spec(module)
    except Exception as error:  # a parent package is imported on the way, and may fail in any way
        yield f"generator: cannot find module {module!r}: {type(error).__name__}: {error}"
    else:
        if found is None:
            yield f"generator: there is no module {module!r}"


def _feature_problems(domain: EventDomain, fields: dict[str, Any]) -> Iterator[str]:
    names = domain.feature_names
    yield from (f"features: {problem}" for problem in _clashes("name", names))
    by_lower_case = {field.lower(): field for field in fields}
    for name in names:
        if name in by_lower_case:
            yield f"feature {name!r}: the event has a field {by_lower_case[name]!r}; a feature needs a name of its own"
    for window in domain.window_features:
        own = window.source in {None, domain.name}
        entities = [entity.name for entity in domain.entities]
        yield from _window_problems(window, entities, fields if own else None, domain.hindsight)
    known = [*fields, *(window.name for window in domain.window_features)]
    for derived in domain.derived_features:
        yield from (
            f"derived feature {derived.name!r}: {problem}"
            for problem in problems_in(derived.sql, known, domain.hindsight)
        )
        known.append(derived.name)


def _window_problems(
    feature: WindowFeature, entities: Sequence[str], fields: Collection[str] | None, hindsight: Collection[str]
) -> Iterator[str]:
    where = f"window feature {feature.name!r}"
    yield from (f"{where}: {problem}" for problem in _length_problems(feature))
    if feature.aggregate not in AGGREGATES_OF[feature.kind]:
        kinds = listed([kind for kind, aggregates in AGGREGATES_OF.items() if feature.aggregate in aggregates])
        yield f"{where}: {feature.aggregate} is not kept of {feature.kind} windows, only of {kinds}"
    if feature.entity is not None and feature.entity not in entities:
        near = did_you_mean(feature.entity, entities)
        yield f"{where}: the domain has no entity {feature.entity!r}{near}; it has {listed(entities)}"
    for setting, takes in _TAKES.items():
        given = getattr(feature, setting) is not None
        if given and feature.aggregate not in takes["may"]:
            yield f"{where}: {feature.aggregate} takes no {setting}"
        if not given and feature.aggregate in takes["must"]:
            yield f"{where}: {feature.aggregate} needs {_NEED[setting]}"
    if feature.aggregate == "time_since_last" and feature.include_event is False:
        yield f"{where}: time_since_last never includes the event: include_event=False changes nothing, leave it out"
    yield from _window_sql_problems(feature, fields, hindsight, where)


def _length_problems(feature: WindowFeature) -> Iterator[str]:
    try:
        window = window_length(feature.window)
        if window > LONGEST_WINDOW:
            yield f"window {feature.window!r} is longer than {LONGEST_WINDOW.days}d, the longest there is"
        slide = None if feature.slide is None else window_length(feature.slide)
    except (ValueError, OverflowError) as error:
        yield str(error)
        return
    if (slide is not None) != (feature.kind == "hopping"):
        yield f"a {feature.kind} window has no slide" if slide is not None else "a hopping window needs a slide"
    elif slide is not None and (window % slide or window // slide > MOST_SLIDES):
        yield f"window {feature.window!r} is not 1 to {MOST_SLIDES} times the slide {feature.slide!r}"


def _window_sql_problems(
    feature: WindowFeature, fields: Collection[str] | None, hindsight: Collection[str], where: str
) -> Iterator[str]:
    for setting, sql in (("value", feature.value), ("other", feature.other), ("where", feature.where)):
        if sql is not None:
            yield from (f"{where}: {setting}: {problem}" for problem in problems_in(sql, fields, hindsight))


def _rule_problems(domain: EventDomain, fields: dict[str, Any]) -> Iterator[str]:
    rule = domain.rule
    known = [*fields, *domain.feature_names]
    for term in rule.terms:
        yield from (f"rule: term {term.code}: {problem}" for problem in problems_in(term.sql, known, domain.hindsight))
    yield from (f"rule: {problem}" for problem in _clashes("code", (term.code for term in rule.terms)))
    yield from (f"rule: bands: {problem}" for problem in _clashes("level", (band.level for band in rule.bands)))
    yield from (f"rule: bands: {p}" for p in _clashes("threshold", (str(band.at_least) for band in rule.bands)))
    if 0.0 not in [band.at_least for band in rule.bands]:
        yield "rule: bands: one must start at 0.0, so that every score has a level"


def _clashes(what: str, names: Iterable[str]) -> Iterator[str]:
    """Name what is given twice; Spark's names are the same in either case of letters."""
    for name, count in Counter(name.lower() for name in names).items():
        if count > 1:
            yield f"{what} {name!r} is given {count} times"


def _name_of(avro: Any) -> Any:
    """Reduce `{"type": "string", ...}` to its type's name; a union stays a list."""
    while isinstance(avro, dict):
        avro = avro["type"]
    return avro


def _is_time(avro: Any) -> bool:
    return isinstance(avro, dict) and avro["type"] == "long" and avro.get("logicalType") in _TIMES


def _not_null(avro: Any) -> Any:
    if not isinstance(avro, list):
        return avro
    branches = [branch for branch in avro if branch != "null"]
    return branches[0] if len(branches) == 1 else avro


def _is_nullable_string(avro: Any) -> bool:
    return isinstance(avro, list) and len(avro) == 2 and {_name_of(branch) for branch in avro} == {"null", "string"}


def _found(avro: Any) -> str:
    return f"; it is {json.dumps(avro)}"
