"""Where the servers are and how clients talk to them: one frozen object, read from the environment.

Every setting is an environment variable with the prefix `RISKLOOM_`. The addresses default to those of the local
stack when one is running from `home` (`riskloom up` writes them to `stack.json`), else to the servers' usual ports.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableSetting

from riskloom.errors import SettingsError

STACK_FILE = "stack.json"


class _RunningStack(PydanticBaseSettingsSource):
    """The addresses that `riskloom up` wrote, below the environment and above the defaults."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Answer nothing: the file is read whole by `__call__`."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        home = Path(self.current_state.get("home") or Settings.model_fields["home"].default).expanduser()
        try:
            addresses = json.loads((home / STACK_FILE).read_text("utf-8"))["addresses"]
        except (OSError, ValueError, KeyError):
            return {}
        return {name: value for name, value in addresses.items() if name in Settings.model_fields}


class Settings(BaseSettings):
    """Addresses and client options. Secrets belong in the environment, never in a file of the project."""

    model_config = SettingsConfigDict(env_prefix="RISKLOOM_", frozen=True, extra="forbid")

    home: Path = Path("~/.riskloom")
    """Folder of the local stack's data, logs and state, and of the job's checkpoints."""
    bootstrap_servers: str = "127.0.0.1:9092"
    """Kafka's bootstrap servers."""
    registry_url: str = "http://127.0.0.1:8081"
    """The schema registry's Confluent-compatible address."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """Redis, the online feature store."""
    offline_store: str | None = None
    """Folder of the offline feature store: a path, or an address such as `s3://bucket/features`."""
    feature_repo: Path | None = None
    """Folder of a `feature_store.yaml` of Feast's; without it, Redis and Parquet as set here."""
    kafka_client: dict[str, str] = Field(default_factory=dict)
    """librdkafka properties for every Python client, as JSON: TLS and SASL among them."""
    kafka_spark: dict[str, str] = Field(default_factory=dict)
    """Java Kafka client properties for the Spark job, as JSON, without the `kafka.` prefix."""
    registry_client: dict[str, str] = Field(default_factory=dict)
    """Schema registry client properties, as JSON, such as `basic.auth.user.info` or `ssl.ca.location`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, running local stack, defaults."""
        return init_settings, env_settings, _RunningStack(settings_cls)

    @property
    def home_dir(self) -> Path:
        """`home` with `~` expanded."""
        return self.home.expanduser()

    @property
    def offline_store_root(self) -> str:
        """`offline_store`, by default a folder in `home`."""
        return self.offline_store or str(self.home_dir / "offline_store")

    def kafka(self, **extra: Any) -> dict[str, Any]:
        """Build the configuration of a confluent-kafka client.

        Args:
            extra: librdkafka properties with `_` for `.`; they win over `kafka_client`.
        """
        own = {name.replace("_", "."): value for name, value in extra.items()}
        return {"bootstrap.servers": self.bootstrap_servers, **self.kafka_client, **own}


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment.

    Args:
        overrides: Values that win over the environment; None means not given.

    Raises:
        SettingsError: If a value cannot be used; the text names each setting at fault.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except UnreadableSetting as error:
        name = str(error).partition('field "')[2].partition('"')[0].upper()
        raise SettingsError(
            f'settings that cannot be used:\n  - RISKLOOM_{name}: not JSON, such as {{"security.protocol": "SSL"}}'
        ) from None
    except ValidationError as error:
        listed = "\n".join(f"  - RISKLOOM_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"settings that cannot be used:\n{listed}") from None
