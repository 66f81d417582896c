import json

import pytest
from click.testing import CliRunner

from riskloom.cli.schemas import schemas
from riskloom.errors import RegistryError, SettingsError


@pytest.fixture
def run(registry, install, tmp_path):
    install.domain("acme-events", name="acme")

    def run(*arguments):
        return CliRunner().invoke(
            schemas, [*arguments, "--registry-url", registry.url, "--home", str(tmp_path / "home")]
        )

    return run


def test_register_says_what_is_registered_and_can_be_repeated(run):
    first = run("register")
    assert first.exit_code == 0, first.exception
    assert [line.split() for line in first.stdout.splitlines()] == [
        ["topic", "subject", "schema", "id", "version"],
        ["payments", "payments-value", "1", "1"],
        ["risk-scores", "risk-scores-value", "2", "1"],
        ["dead-letters", "dead-letters-value", "3", "1"],
    ]
    assert run("register").stdout == first.stdout


def test_register_as_json(run):
    assert json.loads(run("register", "--only", "acme", "--json").stdout)["registered"][0] == {
        "topic": "payments",
        "subject": "payments-value",
        "schema_id": 1,
        "version": 1,
    }


def test_list_says_every_subject(run):
    assert json.loads(run("list", "--json").stdout) == {"subjects": []}
    assert run("list").stdout == ""
    run("register")
    assert [line.split() for line in run("list").stdout.splitlines()][1:] == [
        ["dead-letters-value", "3", "1"],
        ["payments-value", "1", "1"],
        ["risk-scores-value", "2", "1"],
    ]


@pytest.mark.parametrize("name", ["payments", "payments-value"])
def test_show_finds_a_schema_by_domain_and_by_subject(run, name):
    run("register")
    result = run("show", name)
    heading, _, schema = result.stdout.partition("\n")
    assert heading == "payments-value, version 1, id 1"
    assert json.loads(schema)["name"] == "Payment"
    shown = json.loads(run("show", name, "--version", "1", "--json").stdout)
    assert (shown["subject"], shown["version"], shown["schema"]["name"]) == ("payments-value", 1, "Payment")


def test_show_of_what_is_not_there_is_told(run):
    result = run("show", "payments")
    assert isinstance(result.exception, RegistryError)
    assert "riskloom schemas register" in str(result.exception)
    run("register")
    result = run("show", "paymnets")
    assert isinstance(result.exception, SettingsError)
    assert "did you mean 'payments'" in str(result.exception)
    assert "has no version 9; it has 1" in str(run("show", "payments", "--version", "9").exception)
