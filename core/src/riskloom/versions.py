"""The version of a domain's features: by content, so that what is defined alike is called alike everywhere."""

from __future__ import annotations

import hashlib
import json

from riskloom.domain import Entity, EventDomain

_DIGITS = 8


def feature_version(domain: EventDomain) -> str:
    """Name what the domain's features mean: 8 hex digits of a digest of everything that changes a value.

    Descriptions, the rule and its weights are not part of it; a rule has a version of its own.
    """
    definition = {
        "key": domain.key,
        "entities": {entity.name: entity.field for entity in feature_entities(domain)},
        "late": [domain.late_tolerance.total_seconds(), domain.count_late, domain.deduplicate],
        "windows": [feature.model_dump(exclude={"description"}) for feature in domain.window_features],
        "derived": [feature.model_dump(exclude={"description"}) for feature in domain.derived_features],
    }
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:_DIGITS]


def feature_entities(domain: EventDomain) -> tuple[Entity, ...]:
    """List the entities that the domain has features of: that of its key first, then the others as declared."""
    named = {feature.entity for feature in domain.window_features}
    others = (entity for entity in domain.entities if entity.name in named and entity != domain.key_entity)
    return domain.key_entity, *others
