import json
import socket

import pytest
from avro_pairs import at, enum, of, record
from click.testing import CliRunner

from riskloom.cli.schemas import schemas
from riskloom.errors import SettingsError
from riskloom.schemas.snapshots import write_snapshot


def run(*arguments):
    return CliRunner().invoke(schemas, [*map(str, arguments)])


@pytest.fixture
def folder(tmp_path, install, declare):
    """Snapshots of the installed domain: its schema, and before it one that it cannot read."""
    install.domain("acme-events", name="acme")
    now = declare().avro_schema
    write_snapshot(tmp_path / "schemas", "payments", 1, {**now, "fields": now["fields"][:-1]})
    write_snapshot(tmp_path / "schemas", "payments", 2, now)
    return tmp_path / "schemas"


@pytest.fixture
def files(tmp_path):
    def files(older, newer):
        paths = tmp_path / "old.avsc", tmp_path / "new.avsc"
        for path, schema in zip(paths, (older, newer), strict=True):
            path.write_text(schema if isinstance(schema, str) else json.dumps(schema))
        return paths

    return files


@pytest.mark.parametrize("level", ["BACKWARD", "full_transitive"])
def test_check_tells_what_the_schema_breaks_and_exits_with_1(folder, declare, level):
    lost = declare().avro_schema["fields"][-1]["name"]
    result = run("check", "--folder", folder, "--level", level)
    assert result.exit_code == 1
    assert f"payments: version 2, {level.upper()}: NOT compatible with version 1" in result.stdout
    assert f"backward: field '{lost}' was added without a default" in result.stdout
    assert "rule: a field of the reader that the writer does not have must have a default" in result.stdout
    assert f"fix:  give `{lost}` a default" in result.stdout


def test_check_as_json(folder, declare):
    lost = declare().avro_schema["fields"][-1]["name"]
    result = run("check", "--folder", folder, "--json")
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert (answer["compatible"], answer["against"]) == (False, "snapshots")
    (row,) = answer["domains"]
    (one,) = row.pop("incompatibilities")
    assert row == {
        "domain": "payments",
        "state": "unchanged",
        "version": 2,
        "level": "BACKWARD",
        "compared_with": [1],
        "compatible": False,
    }
    assert one["with_version"] == 1
    assert (one["path"], one["direction"]) == (lost, "backward")
    assert {"rule", "explanation", "message", "fix"} < set(one)


def test_check_of_what_is_compatible_exits_with_0(folder):
    result = run("check", "--folder", folder, "--level", "FORWARD")
    assert (result.exit_code, result.stdout) == (0, "payments: version 2, FORWARD: compatible with version 1\n")


def test_a_schema_without_a_snapshot_is_the_next_version(folder, declare):
    (folder / "payments" / "v2.avsc").unlink()
    result = run("check", "--folder", folder)
    assert result.exit_code == 1
    assert "payments: to be version 2, BACKWARD: NOT compatible with version 1" in result.stdout


def test_check_needs_no_registry(folder, monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    assert run("check", "--folder", folder, "--level", "FORWARD").exit_code == 0


def test_a_folder_without_snapshots_is_told(folder, tmp_path):
    result = run("check", "--folder", tmp_path / "other")
    assert isinstance(result.exception, SettingsError)
    assert "other/payments/v1.avsc" in str(result.exception)


def test_check_against_the_registry_takes_the_level_of_the_subject(folder, declare, registry):
    def check(*more):
        return run("check", "--against", "registry", "--registry-url", registry.url, *more)

    now = declare().avro_schema
    assert check().stdout == "payments: no version in the registry yet\n"
    registry.schemas = [json.dumps({**now, "fields": [*now["fields"], at("more", "int")]})]
    registry.subjects = {"payments-value": [1]}
    assert check().exit_code == 0
    registry.levels = {"payments-value": "FULL"}
    result = check()
    assert result.exit_code == 1
    assert "payments: to be version 2, FULL: NOT compatible with version 1" in result.stdout
    assert "forward: field 'more' was removed" in result.stdout
    assert check("--level", "BACKWARD").exit_code == 0


@pytest.mark.parametrize(
    ("older", "newer", "backward", "forward"),
    [
        (record(), of("int", default=1), True, True),
        (of("int"), of("long"), True, False),
        (record(), of("int"), False, True),
        (of("int"), of("string"), False, False),
        ("int", "long", True, False),
        (["null", "int"], ["int", "null"], True, True),
    ],
)
def test_diff_answers_for_any_two_files(files, older, newer, backward, forward):
    older, newer = (json.dumps(one) if isinstance(one, str) else one for one in (older, newer))
    result = run("diff", *files(older, newer), "--json")
    assert result.exit_code == 0, result.exception
    answer = json.loads(result.stdout)
    assert [answer[name] for name in ("backward", "forward", "full")] == [backward, forward, backward and forward]
    assert {reason.partition(":")[0] for reason in answer["reasons"]} == {
        name for name, fits in (("backward", backward), ("forward", forward)) if not fits
    }
    assert len(answer["reasons"]) == len(answer["incompatibilities"])


def test_diff_for_people(files):
    result = run("diff", *files(of(enum("A")), of(enum("A", "B"))))
    assert result.stdout.splitlines() == [
        "changed: field `a`: enum symbols added: B",
        "backward: yes  (the new schema reads records of the old one)",
        "forward:  no  (the old schema reads records of the new one)",
        "full:     no  (both)",
        "- forward: field 'a': the enum has got B, and in the older schema it has no default",
        "    rule: each symbol that was written must be one of the reader's, unless its enum has a default "
        "(MISSING_ENUM_SYMBOLS)",
        "    fix:  leave B out, or first give the enum a default in a version of its own",
    ]


def test_files_that_are_no_avro_schemas_are_told_together(files):
    result = run("diff", *files("{", record(at("a", "strin"), at("a", "int"))))
    assert isinstance(result.exception, SettingsError)
    text = str(result.exception)
    assert "old.avsc is not an Avro schema: line 1, column 2 is not JSON" in text
    assert "new.avsc is not an Avro schema:\n  - 'a' has the type 'strin'" in text
    assert "did you mean 'string'?" in text
    assert "the schema has the field 'a' twice" in text
