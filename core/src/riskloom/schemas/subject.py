"""One subject of the schema registry, as it is: its versions, its level, what it would take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from riskloom.errors import RegistryError
from riskloom.schemas.client import told
from riskloom.schemas.compatibility import Level
from riskloom.suggest import did_you_mean

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

BACKWARD: Final[tuple[Level, ...]] = ("BACKWARD", "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")
"""The levels under which the newest schema can read what any registered one wrote, or the one before it."""

_NOT_FOUND = {40401, 40402, 40403, 40408}


@dataclass(frozen=True)
class RegisteredSchema:
    """Where the registry keeps a schema."""

    subject: str
    schema_id: int
    """The id that each record carries in its header."""
    version: int
    """The schema's version within the subject, from 1."""


def subject_of(topic: str) -> str:
    """Name the subject that holds a topic's value schema."""
    return f"{topic}-value"


def fetch(
    client: SchemaRegistryClient, subject: str, version: int | Literal["latest"] = "latest"
) -> tuple[RegisteredSchema, dict[str, Any]]:
    """Read a registered schema.

    Args:
        client: A client of the registry.
        subject: The subject, such as `insurance-claims-value`.
        version: A version, from 1, or the latest.

    Returns:
        Where it is kept, and the Avro schema.

    Raises:
        RegistryError: If the registry cannot be reached or has no such subject or version.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    with told(client):
        try:
            found = client.get_version(subject, version)
        except SchemaRegistryError as error:
            if error.error_code not in _NOT_FOUND:
                raise
            raise _absent(client, subject, version) from None
    return _kept(found), json.loads(found.schema.schema_str or "null")


def schema_by_id(client: SchemaRegistryClient, schema_id: int) -> dict[str, Any] | None:
    """Read the schema that a record names in its header.

    Args:
        client: A client of the registry.
        schema_id: The id.

    Returns:
        The Avro schema, or None if the registry has none with this id.

    Raises:
        RegistryError: If the registry cannot be reached.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    with told(client):
        try:
            found = client.get_schema(schema_id)
        except SchemaRegistryError as error:
            if error.error_code not in _NOT_FOUND:
                raise
            return None
    try:
        schema = json.loads(found.schema_str or "null")
    except ValueError:
        return None
    return schema if isinstance(schema, dict) else None


def subjects(client: SchemaRegistryClient) -> list[str]:
    """List the registry's subjects, sorted.

    Raises:
        RegistryError: If the registry cannot be reached.
    """
    with told(client):
        return sorted(client.get_subjects())


def _absent(client: SchemaRegistryClient, subject: str, version: int | str) -> RegistryError:
    known = client.get_subjects()
    if subject in known:
        versions = ", ".join(str(number) for number in client.get_versions(subject))
        return RegistryError(f"{subject} has no version {version}; it has {versions}")
    return RegistryError(
        f"the registry has no subject {subject!r}{did_you_mean(subject, known)}\n"
        "See `riskloom schemas list`; `riskloom schemas register` registers those of the installed domains."
    )


def level_of(client: SchemaRegistryClient, subject: str) -> Level:
    """Answer what the subject asks of a new version, or will once something is registered: at least BACKWARD.

    Raises:
        RegistryError: If the registry cannot be reached.
    """
    with told(client):
        own = own_level(client, subject)
    return own if own in BACKWARD else "BACKWARD"


def own_level(client: SchemaRegistryClient, subject: str) -> str | None:
    """Answer the level that the registry has for the subject, or for all; None where it has neither.

    Raises:
        SchemaRegistryError: If the registry answers with another error.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    try:
        return client.get_compatibility(subject)
    except SchemaRegistryError as error:
        if error.error_code not in _NOT_FOUND:
            raise
        return None


def accepts(client: SchemaRegistryClient, subject: str, avro_schema: Mapping[str, Any]) -> bool:
    """Ask the registry itself whether a schema may be the subject's next version, by the level that it has now.

    Raises:
        RegistryError: If the registry cannot be reached.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    with told(client):
        try:
            return client.test_compatibility(subject, avro(avro_schema), normalize=True)
        except SchemaRegistryError as error:
            if error.error_code not in _NOT_FOUND:
                raise
            return True


def versions(client: SchemaRegistryClient, subject: str) -> dict[int, Any]:
    """Read all registered versions of a schema.

    Args:
        client: A client of the registry.
        subject: The subject, such as `insurance-claims-value`.

    Returns:
        The schemas as JSON gives them, by version, ascending; empty where the subject is not known.

    Raises:
        RegistryError: If the registry cannot be reached.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    with told(client):
        try:
            numbers = client.get_versions(subject)
        except SchemaRegistryError as error:
            if error.error_code not in _NOT_FOUND:
                raise
            return {}
        return {number: fetch(client, subject, number)[1] for number in sorted(numbers)}


def look_up(client: SchemaRegistryClient, subject: str, avro_schema: Mapping[str, Any]) -> RegisteredSchema | None:
    """Find where a schema is registered; None if it is not.

    Raises:
        RegistryError: If the registry cannot be reached.
    """
    from confluent_kafka.schema_registry import SchemaRegistryError

    with told(client):
        try:
            return _kept(client.lookup_schema(subject, avro(avro_schema), normalize_schemas=True))
        except SchemaRegistryError as error:
            if error.error_code not in _NOT_FOUND:
                raise
            return None


def avro(avro_schema: Mapping[str, Any]) -> Schema:
    """Wrap an Avro schema as the client takes it."""
    from confluent_kafka.schema_registry import Schema

    return Schema(json.dumps(avro_schema), "AVRO")


def _kept(found: Any) -> RegisteredSchema:
    return RegisteredSchema(found.subject, found.schema_id, found.version)
