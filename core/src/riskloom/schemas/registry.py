"""The schema registry: one subject for each topic, backward compatible, registered before anything is published."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from riskloom.errors import RegistryError, SettingsError
from riskloom.schemas.compatibility import unreadable
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings
from riskloom.suggest import did_you_mean
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

    from riskloom.discovery import InstalledDomain

_NUMBERS = {
    "timeout",
    "cache.capacity",
    "cache.latest.ttl.sec",
    "max.retries",
    "retries.wait.ms",
    "retries.max.wait.ms",
}
# A registry that does not answer is told of within seconds, not after the client's own half a minute.
_DEFAULTS = {"timeout": 10, "max.retries": 2, "retries.wait.ms": 200}
# The levels under which the newest schema can read what any registered one wrote, or the one before it.
_BACKWARD = {"BACKWARD", "BACKWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE"}
_NOT_FOUND = {40401, 40402, 40403, 40408}
_CONFLICT = 409
_RACE_ATTEMPTS = 8


@dataclass(frozen=True)
class RegisteredSchema:
    """Where the registry keeps a schema."""

    subject: str
    schema_id: int
    """The id that each record carries in its header."""
    version: int
    """The schema's version within the subject, from 1."""


class _Refused(RegistryError):
    """One schema was refused: the others may still be fine."""


def registry_client(settings: Settings) -> SchemaRegistryClient:
    """Make a client of the registry; it connects on use.

    Args:
        settings: `registry_url` and `registry_client`, which may hold credentials and TLS files.

    Raises:
        SettingsError: If a client property is unknown or has a value that cannot be used.
    """
    from confluent_kafka.schema_registry import SchemaRegistryClient

    given = {name: int(v) if name in _NUMBERS and v.isdigit() else v for name, v in settings.registry_client.items()}
    try:
        return SchemaRegistryClient({"url": settings.registry_url, **_DEFAULTS, **given})
    except (ValueError, TypeError, OSError) as error:
        raise SettingsError(
            f"the schema registry's client cannot be made: {error}\n"
            "Mend RISKLOOM_REGISTRY_URL or RISKLOOM_REGISTRY_CLIENT."
        ) from None


def subject_of(topic: str) -> str:
    """Name the subject that holds a topic's value schema."""
    return f"{topic}-value"


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
        RegistryError: If the registry cannot be reached, or refuses: then with its reason and the field at fault.
    """
    from confluent_kafka.schema_registry import Schema, SchemaRegistryError

    schema = Schema(json.dumps(avro_schema), "AVRO")
    with _told(client):
        _require_backward(client, subject)
        found = _look_up(client, subject, schema)
        for attempt in range(_RACE_ATTEMPTS):
            if found is not None:
                return found
            try:
                client.register_schema(subject, schema, normalize_schemas=True)
            except SchemaRegistryError as error:
                if not _exists(error):
                    raise _refusal(client, subject, avro_schema, error) from None
                time.sleep(0.05 * (attempt + 1))
            found = _look_up(client, subject, schema)
        raise _Refused(
            f"{subject}: the registry said {_RACE_ATTEMPTS} times that it exists, yet it does not; try again"
        )


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
    schemas = {installed.domain.topic.name: installed.domain.avro_schema for installed in domains}
    schemas |= {SCORES_TOPIC: RISK_SCORE_SCHEMA, DEAD_LETTERS_TOPIC: DEAD_LETTER_SCHEMA}
    registered, refusals = {}, []
    with registry_client(settings) as client:
        for topic, schema in schemas.items():
            try:
                registered[topic] = register(client, subject_of(topic), schema)
            except _Refused as refusal:
                refusals.append(str(refusal))
    if refusals:
        raise RegistryError("\n".join(refusals))
    return registered


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

    with _told(client):
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

    with _told(client):
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
    with _told(client):
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


def _require_backward(client: SchemaRegistryClient, subject: str) -> None:
    from confluent_kafka.schema_registry import SchemaRegistryError

    for attempt in range(_RACE_ATTEMPTS):
        try:
            level = client.get_compatibility(subject)
        except SchemaRegistryError as error:
            if error.error_code not in _NOT_FOUND:
                raise
            level = "NONE"
        if level in _BACKWARD:
            return
        try:
            client.set_compatibility(subject, "BACKWARD")
            return
        except SchemaRegistryError as error:
            if not _exists(error) or attempt == _RACE_ATTEMPTS - 1:
                raise
            time.sleep(0.05 * (attempt + 1))


def _look_up(client: SchemaRegistryClient, subject: str, schema: Any) -> RegisteredSchema | None:
    from confluent_kafka.schema_registry import SchemaRegistryError

    try:
        return _kept(client.lookup_schema(subject, schema, normalize_schemas=True))
    except SchemaRegistryError as error:
        if error.error_code not in _NOT_FOUND:
            raise
        return None


def _exists(error: Any) -> bool:
    """Say whether another process was quicker to make the same thing, at this moment."""
    return error.http_status_code == _CONFLICT and "already exists" in error.error_message


def _kept(found: Any) -> RegisteredSchema:
    return RegisteredSchema(found.subject, found.schema_id, found.version)


def _refusal(client: SchemaRegistryClient, subject: str, schema: Mapping[str, Any], error: Any) -> RegistryError:
    """Say why a schema was refused: the fields at fault, the registry's own words and what to do."""
    if error.http_status_code != _CONFLICT:
        return _Refused(f"{subject}: the registry refused the schema: {error.error_message}")
    latest, registered = fetch(client, subject)
    kept = {field["name"] for field in schema["fields"]}
    faults = unreadable(registered, schema) or [
        f"field {field['name']!r} was removed" for field in registered["fields"] if field["name"] not in kept
    ]
    listed = "".join(f"\n  - {fault}" for fault in faults)
    return _Refused(
        f"{subject}: the schema does not fit version {latest.version}, which is registered:{listed}\n"
        f"The registry says: {error.error_message}\n"
        f"Give what is new a default and keep what was there; see: riskloom schemas show {subject}"
    )


@contextmanager
def _told(client: SchemaRegistryClient) -> Iterator[None]:
    """Turn the client's errors into one that names the registry and the next command."""
    from confluent_kafka.schema_registry import SchemaRegistryError
    from httpx2 import TransportError

    url = re.sub(r"//[^/@]*@", "//", client.config()["url"])  # type: ignore[no-untyped-call]
    try:
        yield
    except TransportError as error:
        raise RegistryError(
            f"the schema registry at {url} cannot be reached: {error}\n"
            "Start the local stack with `riskloom up`, or point RISKLOOM_REGISTRY_URL at your registry."
        ) from None
    except SchemaRegistryError as error:
        raise RegistryError(
            f"the schema registry at {url} answers: {error.error_message} (HTTP {error.http_status_code})\n"
            "Is the address right, with its path, and may this user do it? See RISKLOOM_REGISTRY_URL and "
            "RISKLOOM_REGISTRY_CLIENT."
        ) from None
