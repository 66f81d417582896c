"""What Feast is given: named, described and tagged by what is declared."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from riskloom.errors import FeatureError
from riskloom.features.layouts import Layouts
from riskloom.features.objects import feast_objects
from riskloom.features.offline import OfflineStore
from riskloom.features.repository import REDIS_VARIABLE, feast_redis, open_store
from riskloom.settings import Settings

REPO = Path(__file__).parents[3] / "feature_repo"


@pytest.fixture
def store(tmp_path):
    return OfflineStore(tmp_path / "store")


def by_name(objects):
    return {(type(one).__name__, one.name): one for one in objects}


def test_entities_views_and_services_are_made_of_a_declaration(store, domain):
    layouts = Layouts(store, [domain]).record()
    version = layouts[0].feature_version
    objects = by_name(feast_objects(store, layouts, {"payments": 7}))
    assert list(objects) == [
        ("Entity", "account"),
        ("Entity", "branch"),
        ("Entity", "country"),
        ("FeatureView", f"payments_account_{version}"),
        ("FeatureView", f"payments_branch_{version}"),
        ("FeatureService", f"payments_{version}"),
        ("FeatureService", "payments"),
    ]
    assert objects["Entity", "account"].join_key == "account_id"
    assert objects["Entity", "account"].description == "Who pays."
    view = objects["FeatureView", f"payments_account_{version}"]
    order = ["created_timestamp", "sequence"]
    assert [field.name for field in view.features] == ["payment_count_1hr", "mean_amount_24hr", *order]
    branch = objects["FeatureView", f"payments_branch_{version}"]
    assert [field.name for field in branch.features] == ["branch_count_1hr", *order]
    assert view.features[0].description == "Payments."
    assert view.features[0].tags == {"window": "1hr", "aggregate": "count"}
    assert timedelta(days=1) <= view.ttl < timedelta(days=1, hours=1)
    assert view.tags == {
        "domain": "payments",
        "feature_version": version,
        "since": layouts[0].since.isoformat(),
        "rule_version": "1",
        "schema_id": "7",
    }
    served = {
        feature.name
        for projection in objects["FeatureService", "payments"].feature_view_projections
        for feature in projection.features
    }
    assert served == {"payment_count_1hr", "mean_amount_24hr", "branch_count_1hr"}


def test_earlier_versions_keep_their_views_and_services(settings, store, domain):
    (before,) = Layouts(store, [domain]).record()
    changed = domain.model_copy(update={"count_late": False})
    layouts = Layouts(store, [changed])
    (after,) = layouts.record()
    feast = open_store(settings)
    feast.apply(feast_objects(store, layouts.all()))
    services = {one.name: one.tags["feature_version"] for one in feast.list_feature_services()}
    assert services == {
        "payments": after.feature_version,
        f"payments_{before.feature_version}": before.feature_version,
        f"payments_{after.feature_version}": after.feature_version,
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost", "localhost:6379"),
        ("redis://:secret@a.example:6380/2", "a.example:6380,db=2,password=secret"),
        ("rediss://me:p%40ss@a/0", "a:6379,db=0,username=me,password=p@ss,ssl=true"),
    ],
)
def test_an_address_of_redis_is_written_as_feast_reads_it(url, expected):
    assert feast_redis(url) == expected


def test_another_address_is_refused():
    with pytest.raises(FeatureError, match="RISKLOOM_REDIS_URL"):
        feast_redis("localhost:6379")


def test_a_repository_that_is_none_is_told(tmp_path):
    with pytest.raises(FeatureError, match=r"feature_store\.yaml"):
        open_store(Settings(home=tmp_path, feature_repo=tmp_path))


def test_the_repository_of_this_project_has_the_objects_of_all_domains(monkeypatch, tmp_path):
    from feast.repo_operations import parse_repo

    monkeypatch.setenv("RISKLOOM_HOME", str(tmp_path))
    monkeypatch.setenv(REDIS_VARIABLE, "localhost:6379")
    # As Feast's own command does.
    monkeypatch.chdir(REPO)
    monkeypatch.setattr("sys.path", [*sys.path, ""])
    found = parse_repo(REPO)
    assert {"user", "device", "merchant"} <= {one.name for one in found.entities}
    assert {"claims", "transactions", "iot"} <= {one.name for one in found.feature_services}
