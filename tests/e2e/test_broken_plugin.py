"""A plugin whose import fails: every command says whose it is, and the others run without it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from command import riskloom
from consume import OUTPUTS, decoded, records_since, written_since
from installed import environment, install

from riskloom.discovery import discover
from riskloom.domain import EventDomain
from riskloom.offsets import end_offsets
from riskloom.settings import Settings
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

PYPROJECT = """\
[project]
name = "riskloom-parcels"
version = "0.9"

[project.entry-points.riskloom]
parcels = "riskloom_parcels.plugin"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""
FILES = {
    "pyproject.toml": PYPROJECT,
    "riskloom_parcels/__init__.py": "",
    "riskloom_parcels/plugin.py": "import parcel_tracking_of_another_company\n",
}
OTHERS = ("claims", "iot", "transactions")


@pytest.fixture(scope="module")
def domains(settings: Settings) -> dict[str, EventDomain]:
    """The domains that are not broken, by topic; their topics exist."""
    found = discover(only=OTHERS)
    ensure_topics(settings, found)
    return {installed.domain.topic.name: installed.domain for installed in found}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the broken plugin."""
    folder = tmp_path_factory.mktemp("broken")
    python = environment(folder / "environment")
    install(python, folder / "riskloom-parcels", FILES)
    return python


def test_the_list_of_domains_names_the_distribution_and_shows_the_others(
    settings: Settings, domains: Mapping[str, EventDomain], python: Path
) -> None:
    listed = riskloom(settings, "domains", "list", "--json", python=python, exits=3)
    answer = json.loads(listed.stdout)
    assert {one["topic"] for one in answer["domains"]} == domains.keys()
    (problem,) = answer["problems"]
    for text in (problem, listed.stderr):
        assert "riskloom-parcels 0.9" in text
        assert "parcel_tracking_of_another_company" in text
    assert "--without parcels" in listed.stderr


@pytest.mark.parametrize("command", ["produce --duration=1", "run --mode=available-now"])
def test_a_command_that_needs_all_domains_stops_and_names_the_distribution(
    settings: Settings, python: Path, tmp_path: Path, command: str
) -> None:
    # Servers that nobody reaches: the plugin is told of before anything is started or sent.
    nowhere = Settings(home=tmp_path, bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:1")
    said = riskloom(nowhere, *command.split(), python=python, exits=3).stderr
    assert "riskloom-parcels 0.9" in said
    assert "parcel_tracking_of_another_company" in said
    assert "--without parcels" in said
    assert "Traceback" not in said


def test_the_others_are_produced_and_scored_without_it(
    settings: Settings, domains: Mapping[str, EventDomain], python: Path, tmp_path: Path
) -> None:
    before, begin = end_offsets(settings, domains), end_offsets(settings, OUTPUTS)
    asked = ("--without=parcels", "--throughput=500", "--duration=3", "--json")
    report = json.loads(riskloom(settings, "produce", *asked, python=python).stdout)
    sent = {name: delivery["sent"] for name, delivery in report["domains"].items()}
    assert sent.keys() == {domain.name for domain in domains.values()}
    assert min(sent.values()) > 0
    produced = _identities(domains, records_since(settings, before))
    assert Counter(name for name, _ in produced) == sent

    checkpoint = str(tmp_path / "checkpoint")
    riskloom(
        settings,
        "run",
        "--without=parcels",
        "--mode=available-now",
        "--materialize-every=off",
        f"--checkpoint={checkpoint}",
        python=python,
    )
    # The servers are shared, and a job without a checkpoint scores all that their topics hold.
    written = written_since(settings, begin)
    assert produced <= {(score["domain"], score["event_id"]) for score in written.scores}


def _identities(domains: Mapping[str, EventDomain], records: Iterable[Any]) -> set[tuple[str, str]]:
    """Tell the domain and the event id of each record."""
    found = ((domains[record.topic()], record.value()) for record in records)
    return {(domain.name, str(decoded(domain.avro_schema, value)[domain.event_id])) for domain, value in found}
