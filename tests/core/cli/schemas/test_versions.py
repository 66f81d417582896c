import json

import pytest
from click.testing import CliRunner

from riskloom.cli.schemas import schemas
from riskloom.errors import SettingsError
from riskloom.schemas.snapshots import read_snapshots, write_snapshot


@pytest.fixture
def folder(tmp_path, install):
    install.domain("acme-events", name="acme")
    return tmp_path / "schemas"


@pytest.fixture
def now(declare):
    return declare().avro_schema


@pytest.fixture
def run(folder):
    def run(*arguments):
        return CliRunner().invoke(schemas, [*map(str, arguments), "--folder", str(folder)])

    return run


def test_snapshot_writes_what_is_new_once(run, folder, now):
    assert run("snapshot").stdout == f"payments: {folder / 'payments' / 'v1.avsc'} written\n"
    assert read_snapshots(folder, "payments") == {1: now}
    assert run("snapshot").stdout == "payments: version 1, unchanged\n"


def test_snapshot_writes_a_compatible_change_as_the_next_version(run, folder, now):
    older = {**now, "fields": [*now["fields"], {"name": "more", "type": "int"}]}
    write_snapshot(folder, "payments", 1, older)
    written = str(folder / "payments" / "v2.avsc")
    assert json.loads(run("snapshot", "--json").stdout) == {
        "snapshots": [{"domain": "payments", "version": 2, "written": written, "incompatible": False}]
    }
    assert read_snapshots(folder, "payments") == {1: older, 2: now}


def test_snapshot_refuses_an_incompatible_change(run, folder, now):
    write_snapshot(folder, "payments", 1, {**now, "fields": [*now["fields"], {"name": "more", "type": "int"}]})
    result = run("snapshot", "--level", "FULL")
    assert result.exit_code == 1
    assert "payments: the schema breaks FULL, which is asked of version 2:" in result.stderr
    assert "version 1, forward: field 'more' was removed" in result.stderr
    assert "keep `more`" in result.stderr
    assert list(read_snapshots(folder, "payments")) == [1]
    assert json.loads(run("snapshot", "--level", "FULL", "--json").stdout)["snapshots"][0]["incompatible"] is True


def test_history_says_what_each_version_changed_and_allows(run, folder, now):
    first = {**now, "fields": now["fields"][:-1]}
    last = now["fields"][-1]["name"]
    write_snapshot(folder, "payments", 1, first)
    write_snapshot(folder, "payments", 2, now)
    lines = run("history", "payments").stdout.splitlines()
    assert lines[0] == "version 1"
    assert lines[1] == f"  - {len(first['fields'])} fields"
    assert lines[2] == "version 2: forward"
    assert lines[3].startswith(f"  - field `{last}` added: ")
    assert lines[4:] == ["The installed schema is version 2."]
    answer = json.loads(run("history", "payments", "--json").stdout)
    assert (answer["domain"], answer["from"], answer["installed"]) == (
        "payments",
        "snapshots",
        {"state": "unchanged", "version": 2},
    )
    assert [(row["version"], row["backward"], row["forward"]) for row in answer["versions"]] == [
        (1, None, None),
        (2, False, True),
    ]


def test_history_says_when_the_schema_is_newer(run):
    assert run("history", "payments").stdout.splitlines() == [
        "The installed schema is to be version 1. See: riskloom schemas snapshot --help"
    ]


def test_history_of_the_registry(run, registry, now):
    registry.schemas, registry.subjects = [json.dumps(now)], {"payments-value": [1]}
    result = run("history", "payments", "--from", "registry", "--registry-url", registry.url, "--json")
    assert json.loads(result.stdout)["installed"] == {"state": "unchanged", "version": 1}


def test_a_domain_that_is_not_there_is_told_with_the_close_match(run):
    result = run("history", "paymnets")
    assert isinstance(result.exception, SettingsError)
    assert "did you mean 'payments'" in str(result.exception)
