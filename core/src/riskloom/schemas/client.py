"""The client of the schema registry: made of the settings, and its errors told in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from riskloom.errors import RegistryError, SettingsError
from riskloom.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import SchemaRegistryClient

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


@contextmanager
def told(client: SchemaRegistryClient) -> Iterator[None]:
    """Turn the client's errors into one that names the registry and the next command.

    Args:
        client: The client that is used in the block.

    Raises:
        RegistryError: If the registry cannot be reached, or answers with an error that nobody handled.
    """
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
