"""A domain that core has never heard of: written outside the repository, installed with pip, scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import riskloom
from consume import OUTPUTS, written_since
from installed import environment, install

from riskloom.offsets import end_offsets, total
from riskloom.schemas.registry import fetch, registry_client, subject_of
from riskloom.settings import Settings
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

PYPROJECT = """\
[project]
name = "riskloom-logins"
version = "2.1.0"
dependencies = ["riskloom", "numpy", "pyarrow"]

[project.entry-points.riskloom]
logins = "riskloom_logins.plugin"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""

SCHEMA = """\
{
  "type": "record",
  "name": "Login",
  "doc": "An attempt to log in.",
  "fields": [
    {"name": "login_id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Identifies the attempt."},
    {"name": "account", "type": "string", "doc": "The account that is logged in to."},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "When, UTC."},
    {"name": "succeeded", "type": "boolean", "doc": "Whether the password was right."},
    {"name": "country", "type": ["null", "string"], "doc": "Where it came from, if known.", "default": null},
    {"name": "distance_km", "type": "double", "doc": "From where the account was last used."}
  ]
}
"""

GENERATOR = '''\
"""Synthetic logins: now and then somebody guesses the passwords of a few accounts."""

import numpy as np

from riskloom.domain import load_schema
from riskloom.produce.synthetic import seeded, uuids
from riskloom.schemas.arrow import record_batch


class LoginGenerator:
    def __init__(self, seed):
        self._rng = seeded("logins", seed)
        self._schema = load_schema(__package__)

    def batch(self, times):
        rng, n = self._rng, len(times)
        guessed = rng.random(n) < 0.2
        account = np.where(guessed, rng.integers(0, 5, n), rng.integers(5, 500, n))
        return record_batch(
            self._schema,
            {
                "login_id": uuids(rng, n),
                "account": [f"account-{number}" for number in account],
                "at": times,
                "succeeded": np.where(guessed, rng.random(n) < 0.05, rng.random(n) < 0.97),
                "country": [None if far else "PT" for far in guessed],
                "distance_km": np.where(guessed, 4_000.0, 5.0) * rng.random(n),
            },
        )
'''

PLUGIN = '''\
"""The declaration of logins."""

from riskloom.domain import DerivedFeature, Entity, EventDomain, ScoringRule, Term, Topic, WindowFeature, load_schema
from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return EventDomain(
        name="logins",
        description="Logins, scored while they are tried.",
        topic=Topic(name="login-attempts", partitions=3),
        avro_schema=load_schema(__package__),
        event_id="login_id",
        event_time="at",
        key="account",
        entities=(Entity(name="account", field="account"),),
        generator="riskloom_logins.generator:LoginGenerator",
        window_features=(
            WindowFeature(name="login_count_5min", aggregate="count", window="5min"),
            WindowFeature(name="failure_count_5min", aggregate="count", window="5min", where="NOT succeeded"),
            WindowFeature(name="farthest_km_1hr", aggregate="max", window="1hr", value="distance_km"),
        ),
        derived_features=(DerivedFeature(name="failure_share", sql="failure_count_5min / login_count_5min"),),
        rule=ScoringRule(
            version="2025-10",
            terms=(
                Term(code="PASSWORD_GUESSING", sql="(failure_count_5min - 3) / 10 * failure_share", weight=0.7),
                Term(code="FAR_AWAY", sql="farthest_km_1hr > 1000", weight=0.2),
                Term(code="UNKNOWN_COUNTRY", sql="country IS NULL", weight=0.1),
            ),
        ),
    )
'''

FILES = {
    "pyproject.toml": PYPROJECT,
    "riskloom_logins/__init__.py": "",
    "riskloom_logins/schema.avsc": SCHEMA,
    "riskloom_logins/generator.py": GENERATOR,
    "riskloom_logins/plugin.py": PLUGIN,
}
FEATURES = {"login_count_5min", "failure_count_5min", "farthest_km_1hr", "failure_share"}


def test_an_installed_plugin_is_discovered_registered_produced_and_scored(settings: Settings, tmp_path: Path) -> None:
    ensure_topics(settings, [])
    python = environment(tmp_path / "environment")
    install(python, tmp_path / "riskloom-logins", FILES)

    listed = json.loads(riskloom(settings, "domains", "list", "--json", python=python).stdout)
    assert listed["problems"] == []
    found = {one["name"]: one for one in listed["domains"]}
    assert found.keys() == {"claims", "iot", "logins", "transactions"}
    assert (found["logins"]["distribution"], found["logins"]["version"]) == ("riskloom-logins", "2.1.0")

    begin = end_offsets(settings, OUTPUTS)
    asked = ("--only=logins", "--throughput=500", "--duration=4", "--json")
    report = json.loads(riskloom(settings, "produce", *asked, python=python).stdout)
    sent = report["total"]["sent"]
    assert report["domains"].keys() == {"logins"}
    assert report["total"]["acknowledged"] == sent > 0
    topic = end_offsets(settings, ["login-attempts"])["login-attempts"]
    assert (len(topic), total(topic)) == (3, sent)
    with registry_client(settings) as client:
        registered, schema = fetch(client, subject_of("login-attempts"))
    assert (registered.version, schema) == (1, json.loads(SCHEMA))

    checkpoint = str(tmp_path / "checkpoint")
    riskloom(
        settings,
        "run",
        "--only=logins",
        "--mode=available-now",
        "--materialize-every=off",
        f"--checkpoint={checkpoint}",
        python=python,
    )
    written = written_since(settings, begin)
    assert written.dead_letters == []
    assert len({score["event_id"] for score in written.scores}) == len(written.scores) == sent
    for score in written.scores:
        assert (score["domain"], score["entity"], score["rule_version"]) == ("logins", "account", "2025-10")
        assert score["schema_id"] == registered.schema_id
        features, reasons = score["features"], {reason["code"]: reason["weight"] for reason in score["reasons"]}
        assert features.keys() == FEATURES
        assert features["failure_share"] == features["failure_count_5min"] / features["login_count_5min"]
        assert ("FAR_AWAY" in reasons) == (features["farthest_km_1hr"] > 1000)
        assert ("PASSWORD_GUESSING" in reasons) == (features["failure_count_5min"] > 3)
        assert sum(reasons.values()) == pytest.approx(score["score"])
    riskiest = max(written.scores, key=lambda score: score["score"])
    assert riskiest["level"] == "critical"
    assert {"PASSWORD_GUESSING", "FAR_AWAY"} <= {reason["code"] for reason in riskiest["reasons"]}
