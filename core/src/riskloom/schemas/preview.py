"""What `riskloom schemas register` would do, found out without changing anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from riskloom.schemas.client import registry_client
from riskloom.schemas.compatibility import Level
from riskloom.schemas.registry import RefusedSchema, require_fit, schemas_by_topic
from riskloom.schemas.subject import accepts, level_of, look_up, subject_of, versions
from riskloom.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

    from riskloom.discovery import InstalledDomain


@dataclass(frozen=True)
class Preview:
    """What would become of one topic's schema."""

    topic: str
    subject: str
    action: Literal["keep", "register", "refuse"]
    """`keep`: it is registered already."""
    version: int
    """The version that it has, or would get."""
    level: Level
    """What the subject asks of a new version."""
    reason: str
    """Why it would be refused; empty otherwise."""


def preview(settings: Settings, domains: Sequence[InstalledDomain]) -> list[Preview]:
    """Say what registering the schemas of the domains, the scores and the dead letters would do.

    Args:
        settings: Where the registry is.
        domains: The domains whose schemas would be registered.

    Raises:
        RegistryError: If the registry cannot be reached.
    """
    with registry_client(settings) as client:
        return [_preview(client, topic, schema) for topic, schema in schemas_by_topic(domains).items()]


def _preview(client: SchemaRegistryClient, topic: str, schema: Mapping[str, Any]) -> Preview:
    subject = subject_of(topic)
    level = level_of(client, subject)
    if kept := look_up(client, subject, schema):
        return Preview(topic, subject, "keep", kept.version, level, "")
    reason = ""
    try:
        require_fit(client, subject, schema, level)
    except RefusedSchema as refusal:
        reason = str(refusal)
    else:
        if not accepts(client, subject, schema):
            reason = f"{subject}: the registry says that the schema is not compatible with those it keeps"
    version = max(versions(client, subject), default=0) + 1
    return Preview(topic, subject, "refuse" if reason else "register", version, level, reason)
