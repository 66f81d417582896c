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


def test_a_dry_run_says_what_would_be_registered_and_changes_nothing(run, registry):
    first = run("register", "--dry-run")
    assert [line.split() for line in first.stdout.splitlines()] == [
        ["topic", "subject", "action", "version", "level"],
        ["payments", "payments-value", "register", "1", "BACKWARD"],
        ["risk-scores", "risk-scores-value", "register", "1", "BACKWARD"],
        ["dead-letters", "dead-letters-value", "register", "1", "BACKWARD"],
    ]
    assert (registry.subjects, registry.levels) == ({}, {})
    run("register")
    assert {row["action"] for row in json.loads(run("register", "--dry-run", "--json").stdout)["would"]} == {"keep"}


def test_a_dry_run_exits_as_registering_would(run, registry):
    other = {"type": "record", "name": "Payment", "fields": [{"name": "amount", "type": "string"}]}
    registry.schemas, registry.subjects = [json.dumps(other)], {"payments-value": [1]}
    result = run("register", "--dry-run", "--json")
    assert result.exit_code == RegistryError.exit_code == 5
    row = json.loads(result.stdout)["would"][0]
    assert (row["action"], row["version"]) == ("refuse", 2)
    assert "field 'amount': its type was string and became double (TYPE_MISMATCH)" in row["reason"]
    assert row["reason"] in result.stderr
    assert str(run("register").exception) == row["reason"]


def test_a_dry_run_asks_the_registry_too(run, registry):
    run("register")
    registry.schemas[0] = json.dumps(json.loads(registry.schemas[0]) | {"doc": "Another."})
    registry.incompatible = True
    result = run("register", "--dry-run")
    assert result.exit_code == 5
    assert "payments-value: the registry says that the schema is not compatible" in result.stderr


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
