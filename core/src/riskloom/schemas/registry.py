"""The schema registry: one subject for each topic, backward compatible, registered before anything is published."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from riskloom.errors import RegistryError
from riskloom.schemas.client import registry_client, told
from riskloom.schemas.compatibility import Level, conflicts, listing
from riskloom.schemas.parse import NotAvro
from riskloom.schemas.subject import (
    BACKWARD,
    RegisteredSchema,
    avro,
    fetch,
    look_up,
    own_level,
    schema_by_id,
    subject_of,
    subjects,
    versions,
)
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

    from riskloom.discovery import InstalledDomain

__all__ = [
    "RefusedSchema",
    "RegisteredSchema",
    "fetch",
    "register",
    "register_all",
    "registry_client",
    "require_fit",
    "schema_by_id",
    "schemas_by_topic",
    "subject_of",
    "subjects",
]

T = TypeVar("T")

_CONFLICT = 409
_RACE_ATTEMPTS = 8


class RefusedSchema(RegistryError):
    """One schema was refused: the others may still be fine."""


def register(client: SchemaRegistryClient, subject: str, avro_schema: Mapping[str, Any]) -> RegisteredSchema:
    """Register a schema, unless it is registered already, and make the subject backward compatible.

    A subject that has a stricter level of its own, such as FULL, keeps it. The schema is kept as it is written, with
    its documentation and logical types.

    Args:
        client: A client of the registry.
        subject: The subject, such as `insurance-claims-value`.
        avro_schema: The Avro record schema.

    Returns:
        The schema's id and version. Processes that register one schema at the same moment get one id, but a registry
        may keep it as two versions.

    Raises:
        RegistryError: If the registry cannot be reached, or the schema breaks the subject's level: then with each
            field at fault, the rule and the fix.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    def attempt() -> RegisteredSchema | None:
        if found := look_up(client, subject, avro_schema):
            return found
        require_fit(client, subject, avro_schema, level)
        try:
            client.register_schema(subject, avro(avro_schema), normalize_schemas=True)
        except SchemaRegistryError as error:
            if _exists(error):
                raise
            raise RefusedSchema(f"{subject}: the registry refused the schema: {error.error_message}") from None
        return look_up(client, subject, avro_schema)

    with told(client):
        level: Level = _raced(subject, lambda: _require_backward(client, subject))
        return _raced(subject, attempt)


def register_all(settings: Settings, domains: Sequence[InstalledDomain]) -> dict[str, RegisteredSchema]:
    """Register the schemas of the domains' topics, of the scores and of the dead letters.

    Args:
        settings: Where the registry is.
        domains: The domains whose schemas are to be registered.

    Returns:
        What was registered, by topic.

    Raises:
        RegistryError: If the registry cannot be reached, or refuses schemas: all refusals are listed.
    """
    registered, refusals = {}, []
    with registry_client(settings) as client:
        for topic, schema in schemas_by_topic(domains).items():
            try:
                registered[topic] = register(client, subject_of(topic), schema)
            except RefusedSchema as refusal:
                refusals.append(str(refusal))
    if refusals:
        raise RegistryError("\n".join(refusals))
    return registered


def schemas_by_topic(domains: Sequence[InstalledDomain]) -> dict[str, Mapping[str, Any]]:
    """Collect what a job's topics hold: the schemas of the domains, of the scores and of the dead letters."""
    schemas = {installed.domain.topic.name: installed.domain.avro_schema for installed in domains}
    return schemas | {SCORES_TOPIC: RISK_SCORE_SCHEMA, DEAD_LETTERS_TOPIC: DEAD_LETTER_SCHEMA}


def require_fit(client: SchemaRegistryClient, subject: str, avro_schema: Mapping[str, Any], level: Level) -> None:
    """Refuse a schema that breaks the subject's level, in words that its author knows.

    The registry would refuse most of them, too, and name a place in the JSON. A few it would take: it does not compare
    the precision and scale of decimals.

    Args:
        client: A client of the registry.
        subject: The subject, such as `insurance-claims-value`.
        avro_schema: The Avro record schema, which is not registered yet.
        level: The subject's level.

    Raises:
        RefusedSchema: With each field at fault, the rule and the fix.
    """
    kept = versions(client, subject)
    try:
        found = conflicts(avro_schema, kept, level)
    except NotAvro as error:
        raise RefusedSchema(f"{subject}: this schema or a registered version of it is {error}") from None
    if found:
        raise RefusedSchema(
            f"{subject}: the schema breaks {level}, which is asked of version {max(kept) + 1}:{listing(found)}\n"
            f"Mend it, and see what would be registered: riskloom schemas register --dry-run"
        )


def _require_backward(client: SchemaRegistryClient, subject: str) -> Level:
    level = own_level(client, subject)
    if level in BACKWARD:
        return level
    client.set_compatibility(subject, "BACKWARD")
    return "BACKWARD"


def _raced(subject: str, attempt: Callable[[], T | None]) -> T:
    """Try until there is an answer: another process may be making the same thing at this moment.

    Args:
        subject: What is made.
        attempt: Answers None, or an error that says that it exists, where another process was quicker.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    for number in range(_RACE_ATTEMPTS):
        try:
            answer = attempt()
        except SchemaRegistryError as error:
            if not _exists(error):
                raise
            answer = None
        if answer is not None:
            return answer
        time.sleep(0.05 * (number + 1))
    raise RefusedSchema(f"{subject}: the registry said {number + 1} times that it exists, yet it does not; try again")


def _exists(error: Any) -> bool:
    """Say whether another process was quicker to make the same thing, at this moment."""
    return error.http_status_code == _CONFLICT and "already exists" in error.error_message
