"""`riskloom features` with the domains replaced, and no server."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from payments import payments

from riskloom.cli.features import features
from riskloom.domain import WindowFeature
from riskloom.errors import FeatureError
from riskloom.features.layouts import Layouts
from riskloom.features.offline import OfflineStore

_PAYMENTS = payments("payments")
COUNT = WindowFeature(name="payment_count_1hr", aggregate="count", window="1hr")
DOMAIN = replace(_PAYMENTS, domain=_PAYMENTS.domain.model_copy(update={"window_features": (COUNT,)}))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setattr("riskloom.discovery.discover", lambda only, without: [DOMAIN])
    monkeypatch.setenv("RISKLOOM_HOME", str(tmp_path))
    # Nobody listens there.
    monkeypatch.setenv("RISKLOOM_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("RISKLOOM_REGISTRY_URL", "http://127.0.0.1:1")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(features, arguments)

    return run


@pytest.fixture
def store(tmp_path: Path) -> OfflineStore:
    return OfflineStore(tmp_path / "offline_store")


def test_what_is_applied_is_told_also_without_a_registry(command, store):
    result = command("apply", "--json")
    assert result.exit_code == 0, result.output
    assert "schema ids are left out" in result.stderr
    (layout,) = Layouts(store, [DOMAIN.domain]).current()
    kinds = {(one["kind"], one["name"]) for one in json.loads(result.stdout)["applied"]}
    assert {("service", "payments"), ("service", f"payments_{layout.feature_version}")} < kinds


def test_every_version_is_listed_the_current_one_marked(command, store):
    before = DOMAIN.domain.model_copy(update={"count_late": False})
    (earlier,) = Layouts(store, [before]).record()
    found = json.loads(command("list", "--json").stdout)["versions"]
    assert [(one["current"], one["feature_version"] == earlier.feature_version) for one in found] == [
        (True, False),
        (False, True),
    ]
    assert found[1]["service"] == f"payments_{earlier.feature_version}"
    assert earlier.feature_version in command("list").output


def test_a_domain_is_shown_in_any_of_its_versions(command, store):
    before = DOMAIN.domain.model_copy(update={"count_late": False})
    (earlier,) = Layouts(store, [before]).record()
    shown = command("show", "payments", "--version", earlier.feature_version, "--json")
    assert json.loads(shown.stdout)["feature_version"] == earlier.feature_version
    table = command("show", "payments").output
    assert all(one.name in table for one in earlier.features)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("show", "payment"), "did you mean 'payments'"),
        (("show", "payments", "--version", "00000000"), "payments has no version '00000000'"),
    ],
)
def test_what_is_not_there_is_told(command, arguments, text):
    result = command(*arguments)
    assert isinstance(result.exception, FeatureError)
    assert text in str(result.exception)


@pytest.mark.parametrize("entity", ["nothing", "nobody:1", "user:"])
def test_an_entity_that_cannot_be_is_refused_with_those_that_can(command, entity):
    result = command("get", entity)
    assert result.exit_code == 2
    assert ":ID" in result.output


def test_a_store_that_cannot_be_reached_is_told(command):
    key = DOMAIN.domain.key_entity.name
    result = command("get", f"{key}:1")
    assert isinstance(result.exception, FeatureError)
    assert "RISKLOOM_REDIS_URL" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--from", "yesterday", "--to", "2026-01-02"), "'yesterday' is not a time such as 2026-11-26"),
        (("--from", "2026-01-02"), "--to"),
    ],
)
def test_a_span_that_cannot_be_read_is_refused(command, arguments, text):
    result = command("materialize", *arguments)
    assert result.exit_code == 2
    assert text in result.output
