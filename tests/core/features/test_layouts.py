"""Versions of features: written down once, readable for as long as their rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from riskloom.domain import DerivedFeature, Entity, WindowFeature
from riskloom.features.layouts import Layouts, layout_of
from riskloom.features.offline import OfflineStore, offline_schema

HOUR = WindowFeature(name="count_1hr", aggregate="count", window="1hr")
DAY = WindowFeature(name="count_24hr", aggregate="count", window="24hr")
OF_BRANCH = WindowFeature(name="branch_mean", aggregate="ewm_mean", window="10min", value="amount", entity="branch")


@pytest.fixture
def store(tmp_path: Path) -> OfflineStore:
    return OfflineStore(tmp_path / "store")


def test_a_version_keeps_the_time_at_which_it_was_first_seen(store, declare):
    (first,) = Layouts(store, [declare()]).record()
    (again,) = Layouts(store, [declare(description="In other words.")]).record()
    assert (again.feature_version, again.since) == (first.feature_version, first.since)
    assert again.description == "In other words."


def test_a_changed_definition_is_a_version_beside_the_earlier_one(store, declare):
    (before,) = Layouts(store, [declare(window_features=(HOUR,), derived_features=())]).record()
    changed = Layouts(store, [declare(window_features=(HOUR, DAY), derived_features=())])
    (after,) = changed.record()
    assert after.feature_version != before.feature_version
    assert changed.all() == [after, before]
    assert before.schema.names[-1:] == ["count_1hr"]


def test_the_versions_of_domains_that_are_not_installed_are_known(store, declare):
    (gone,) = Layouts(store, [declare(name="refunds")]).record()
    assert gone in Layouts(store, [declare()]).all()


def test_looking_writes_nothing(store, declare, tmp_path):
    Layouts(store, [declare()]).all()
    assert not (tmp_path / "store").exists()


def test_a_layout_has_the_columns_of_the_rows(declare):
    domain = declare(
        entities=(Entity(name="account", field="account_id"), Entity(name="branch", field="branch")),
        window_features=(HOUR, OF_BRANCH, DAY),
        derived_features=(
            DerivedFeature(name="share", sql="count_1hr / count_24hr"),
            DerivedFeature(name="twice", sql="2 * share + amount"),
        ),
    )
    layout = layout_of(domain, datetime(2026, 1, 1, tzinfo=UTC))
    assert layout.schema == offline_schema(domain)
    assert [one.name for one in layout.of("branch")] == ["branch_mean"]
    assert {one.name: one.reads for one in layout.features if one.window is None} == {
        "share": ("count_1hr", "count_24hr"),
        "twice": ("count_1hr", "count_24hr"),
    }
    assert layout.reach("account") == timedelta(days=1)
    # Ten half-lives.
    assert layout.reach("branch") == timedelta(minutes=100)
