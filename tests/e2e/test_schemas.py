import copy
import json
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from click.testing import CliRunner

from riskloom.cli.schemas import schemas
from riskloom.errors import RegistryError
from riskloom.schemas.registry import fetch, register, registry_client
from riskloom.schemas.subject import accepts, level_of, versions
from riskloom.schemas.topics import RISK_SCORE_SCHEMA

pytestmark = pytest.mark.e2e

SCHEMA = {
    "type": "record",
    "name": "Payment",
    "doc": "A payment.",
    "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Its id."},
        {"name": "paid_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "amount", "type": "double"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["card", "cash"]}},
    ],
}


@pytest.fixture
def subject():
    return f"payments-{uuid4().hex}-value"


@pytest.fixture
def client(settings):
    with registry_client(settings) as client:
        yield client


def _changed(change):
    schema = copy.deepcopy(SCHEMA)
    change(schema["fields"])
    return schema


def test_a_schema_is_kept_as_it_is_written_and_registered_once(settings, client, subject):
    first = register(client, subject, SCHEMA)
    with registry_client(settings) as other:
        assert register(other, subject, SCHEMA) == first
        assert fetch(other, subject) == (first, SCHEMA)
        assert other.get_compatibility(subject) == "BACKWARD"


def test_a_compatible_schema_is_a_new_version_with_its_own_id(client, subject):
    newer = _changed(lambda fields: fields.append({"name": "country", "type": ["null", "string"], "default": None}))
    first, second = register(client, subject, SCHEMA), register(client, subject, newer)
    assert (first.version, second.version) == (1, 2)
    assert first.schema_id != second.schema_id
    assert register(client, subject, SCHEMA) == first


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda fields: fields.append({"name": "x", "type": "int"}), "field 'x' was added without a default"),
        (lambda fields: fields[2].update(type="string"), "field 'amount': its type was double and became string"),
        (
            lambda fields: fields[3]["type"]["symbols"].remove("cash"),
            "field 'kind': the enum has lost cash and has no default",
        ),
    ],
)
def test_an_incompatible_schema_is_refused_with_the_reason_and_the_field_at_fault(client, subject, change, fault):
    register(client, subject, SCHEMA)
    with pytest.raises(RegistryError) as caught:
        register(client, subject, _changed(change))
    assert fault in str(caught.value)
    assert "breaks BACKWARD" in str(caught.value)
    assert fetch(client, subject)[0].version == 1


def test_a_decimal_of_another_scale_is_refused_though_the_registry_would_take_it(client, subject):
    def amount(scale):
        decimal = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": scale}
        return _changed(lambda fields: fields[2].update(type=decimal))

    register(client, subject, amount(2))
    assert accepts(client, subject, amount(4))
    with pytest.raises(RegistryError, match=r"it was decimal\(10, 2\) and became decimal\(10, 4\)"):
        register(client, subject, amount(4))


def test_a_subject_whose_level_is_full_refuses_what_older_readers_cannot_read(client, subject):
    register(client, subject, SCHEMA)
    client.set_compatibility(subject, "FULL")
    with pytest.raises(RegistryError, match=r"breaks FULL, .*\n.* forward: field 'amount' was removed"):
        register(client, subject, _changed(lambda fields: fields.pop(2)))
    assert level_of(client, subject) == "FULL"
    assert versions(client, subject) == {1: SCHEMA}


def test_racing_first_registrations_get_one_id(settings, client, subject):
    def race(_):
        with registry_client(settings) as client:
            return register(client, subject, SCHEMA).schema_id

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(race, range(8))) == {register(client, subject, SCHEMA).schema_id}


def test_the_command_registers_the_installed_domains_and_can_be_repeated(settings):
    def run(*arguments):
        result = CliRunner().invoke(schemas, [*arguments, "--json", "--registry-url", settings.registry_url])
        assert result.exit_code == 0, result.exception
        return json.loads(result.stdout)

    registered = run("register")["registered"]
    assert [entry["topic"] for entry in registered] == [
        "insurance-claims",
        "iot-telemetry",
        "financial-transactions",
        "risk-scores",
        "dead-letters",
    ]
    assert run("register")["registered"] == registered
    assert {entry["subject"] for entry in registered} <= {entry["subject"] for entry in run("list")["subjects"]}
    assert {entry["action"] for entry in run("register", "--dry-run")["would"]} == {"keep"}
    checked = run("check", "--against", "registry")
    assert [(row["state"], row["version"], row["level"]) for row in checked["domains"]] == [
        ("unchanged", 1, "BACKWARD")
    ] * 3
    assert run("history", "claims", "--from", "registry")["installed"] == {"state": "unchanged", "version": 1}
    assert run("show", "risk-scores-value")["schema"] == RISK_SCORE_SCHEMA
    assert run("show", "claims")["schema"]["fields"][0]["type"] == {"type": "string", "logicalType": "uuid"}
