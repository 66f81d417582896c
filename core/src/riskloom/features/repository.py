"""The Feast repository: where its registry is, and which stores it uses. Without one of the user's, riskloom's own."""

from __future__ import annotations

import gc
import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from riskloom.errors import FeatureError
from riskloom.settings import Settings

if TYPE_CHECKING:
    from feast import FeatureStore

REDIS_VARIABLE = "RISKLOOM_FEAST_REDIS"
"""What a repository's yaml may name for the address of Redis, as Feast writes it."""
_PROJECT = "riskloom"
_KEPT = timedelta(days=32)
"""How long Redis keeps an entity after its last event was stored: no window is longer than 30 days."""
_MISSING = "Feast is not installed: pip install 'riskloom[features]'"


def open_store(settings: Settings) -> FeatureStore:
    """Open the feature store.

    Args:
        settings: `feature_repo` is the folder of a `feature_store.yaml`; without it, Redis and Parquet, with a registry
            in the home folder.

    Raises:
        FeatureError: If Feast is not installed, or the repository cannot be used.
    """
    os.environ.setdefault(REDIS_VARIABLE, feast_redis(settings.redis_url))
    try:
        from feast import FeatureStore, RepoConfig
        from feast.errors import FeastError
    except ModuleNotFoundError:
        raise FeatureError(_MISSING) from None
    # What Feast and its libraries made while they were imported stays. Without this every full garbage collection walks
    # it: a pause of 150 ms, between one read in a hundred.
    gc.freeze()
    try:
        if (repo := settings.feature_repo) is not None:
            store = FeatureStore(repo_path=str(repo))
            online = store.config.online_store
            if online.type == "redis" and not online.skip_dedup:
                raise ValueError(
                    "online_store needs `skip_dedup: true`: without it Feast leaves out the second of two rows of one "
                    "event time, and not the older"
                )
            return store
        folder = settings.home_dir / "features"
        folder.mkdir(parents=True, exist_ok=True)
        return FeatureStore(
            config=RepoConfig(
                project=_PROJECT,
                provider="local",
                registry=str(folder / "registry.db"),
                online_store={
                    "type": "redis",
                    "connection_string": feast_redis(settings.redis_url),
                    "skip_dedup": True,
                    "key_ttl_seconds": int(_KEPT.total_seconds()),
                },
                offline_store={"type": "riskloom.features.asof.AsofOfflineStore"},
                entity_key_serialization_version=3,
                repo_path=folder,
            )
        )
    except (FeastError, FileNotFoundError, ValueError) as error:
        where = f"{repo}/feature_store.yaml" if repo else "riskloom's own repository"
        raise FeatureError(f"the Feast repository cannot be used: {where}: {error}") from None


def feast_redis(url: str) -> str:
    """Write a Redis URL as Feast's connection string.

    Raises:
        FeatureError: If it is not an address of Redis.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise FeatureError(f"RISKLOOM_REDIS_URL {url!r} is not redis://HOST:PORT/DB or rediss://...")
    options: Mapping[str, str] = {
        "db": parts.path.strip("/"),
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "ssl": "true" if parts.scheme == "rediss" else "",
        **dict(parse_qsl(parts.query)),
    }
    given = [f"{name}={value}" for name, value in options.items() if value]
    return ",".join([f"{parts.hostname}:{parts.port or 6379}", *given])
