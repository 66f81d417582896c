"""Whose Feast repository is opened, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from riskloom.errors import FeatureError
from riskloom.features.repository import open_store
from riskloom.settings import Settings

REPO = """
project: mine
provider: local
registry: registry.db
entity_key_serialization_version: 3
online_store:
    type: {online}
"""


def opened(folder: Path, online: str) -> str:
    (folder / "feature_store.yaml").write_text(REPO.format(online=online))
    return open_store(Settings(home=folder / "home", feature_repo=folder)).project


def test_a_users_repository_is_opened(tmp_path: Path) -> None:
    assert opened(tmp_path, "redis\n    skip_dedup: true") == "mine"
    assert opened(tmp_path, "sqlite\n    path: online.db") == "mine"


def test_redis_must_take_the_second_row_of_a_time(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"feature_store\.yaml: online_store needs `skip_dedup: true`"):
        opened(tmp_path, "redis")


def test_a_folder_without_a_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=f"{tmp_path}/feature_store.yaml"):
        open_store(Settings(home=tmp_path / "home", feature_repo=tmp_path))
