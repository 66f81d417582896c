import copy
import socket

import pytest

from riskloom.discovery import InstalledDomain
from riskloom.errors import RegistryError, SettingsError
from riskloom.schemas.registry import RegisteredSchema, fetch, register, register_all, registry_client, subjects
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings

SUBJECT = "payments-value"
SCHEMA = {
    "type": "record",
    "name": "Payment",
    "doc": "A payment.",
    "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Its id."},
        {"name": "amount", "type": "double"},
    ],
}


@pytest.fixture
def settings(registry):
    return Settings(registry_url=registry.url, registry_client={"retries.wait.ms": "1"})


@pytest.fixture
def client(settings):
    with registry_client(settings) as client:
        yield client


def test_a_schema_is_registered_once_backward_compatible_and_as_it_is_written(registry, client, settings):
    assert register(client, SUBJECT, SCHEMA) == RegisteredSchema(SUBJECT, schema_id=1, version=1)
    assert registry.levels == {SUBJECT: "BACKWARD"}
    posted = len(registry.requests)
    with registry_client(settings) as other:
        assert register(other, SUBJECT, SCHEMA) == RegisteredSchema(SUBJECT, schema_id=1, version=1)
    assert ("POST", f"/subjects/{SUBJECT}/versions") not in registry.requests[posted:]
    assert fetch(client, SUBJECT) == (RegisteredSchema(SUBJECT, 1, 1), SCHEMA)


def test_a_newer_schema_is_a_newer_version_and_the_older_one_stays(client):
    newer = copy.deepcopy(SCHEMA)
    newer["fields"].append({"name": "country", "type": "string", "default": ""})
    assert register(client, SUBJECT, SCHEMA).version == 1
    assert register(client, SUBJECT, newer) == RegisteredSchema(SUBJECT, schema_id=2, version=2)
    assert register(client, SUBJECT, SCHEMA).version == 1
    assert fetch(client, SUBJECT, 1)[1] == SCHEMA
    assert fetch(client, SUBJECT)[1] == newer


@pytest.mark.parametrize(
    ("before", "after"),
    [("NONE", "BACKWARD"), ("FORWARD", "BACKWARD"), ("FULL", "FULL"), ("BACKWARD_TRANSITIVE", "BACKWARD_TRANSITIVE")],
)
def test_a_stricter_level_of_the_subjects_own_is_kept(registry, client, before, after):
    registry.levels[SUBJECT] = before
    register(client, SUBJECT, SCHEMA)
    assert registry.levels[SUBJECT] == after


def test_a_race_with_another_registration_is_tried_again(registry, client):
    registry.races = 3
    assert register(client, SUBJECT, SCHEMA).version == 1
    assert registry.races == 0


def test_a_race_for_the_level_is_tried_again(registry, client):
    registry.level_races = 2
    register(client, SUBJECT, SCHEMA)
    assert registry.levels[SUBJECT] == "BACKWARD"
    assert registry.level_races == 0


def test_a_race_that_never_ends_is_told(registry, client):
    registry.races = 1000
    with pytest.raises(RegistryError, match="try again"):
        register(client, SUBJECT, SCHEMA)


def test_a_refusal_names_each_field_at_fault_the_rule_and_the_fix_and_asks_the_registry_nothing(registry, client):
    register(client, SUBJECT, SCHEMA)
    changed = copy.deepcopy(SCHEMA)
    changed["fields"][1]["type"] = "string"
    changed["fields"].append({"name": "country", "type": "string"})
    with pytest.raises(RegistryError) as caught:
        register(client, SUBJECT, changed)
    assert str(caught.value).splitlines() == [
        f"{SUBJECT}: the schema breaks BACKWARD, which is asked of version 2:",
        "  - version 1, backward: field 'amount': its type was double and became string (TYPE_MISMATCH); "
        "keep double; what is new can be a field of its own with a default",
        "  - version 1, backward: field 'country' was added without a default (READER_FIELD_MISSING_DEFAULT_VALUE); "
        'give `country` a default, such as "default": ""',
        "Mend it, and see what would be registered: riskloom schemas register --dry-run",
    ]
    assert registry.requests.count(("POST", f"/subjects/{SUBJECT}/versions")) == 1


def test_a_removed_field_is_named_where_the_subject_forbids_it(registry, client):
    registry.levels[SUBJECT] = "FULL"
    register(client, SUBJECT, SCHEMA)
    with pytest.raises(RegistryError, match=r"breaks FULL, .*\n.* field 'amount' was removed"):
        register(client, SUBJECT, {**SCHEMA, "fields": SCHEMA["fields"][:1]})


def test_a_transitive_level_looks_at_every_version(registry, client):
    registry.levels[SUBJECT] = "BACKWARD_TRANSITIVE"
    country = {"name": "country", "type": "string"}
    register(client, SUBJECT, SCHEMA)
    register(client, SUBJECT, {**SCHEMA, "fields": [*SCHEMA["fields"], {**country, "default": ""}]})
    third = {**SCHEMA, "fields": [*SCHEMA["fields"], country]}
    with pytest.raises(RegistryError, match="version 1, backward: field 'country' was added without a default"):
        register(client, SUBJECT, third)
    registry.levels[SUBJECT] = "BACKWARD"
    assert register(client, SUBJECT, third).version == 3


def test_what_the_registry_alone_refuses_is_told_in_its_words(registry, client):
    register(client, SUBJECT, SCHEMA)
    registry.incompatible = True
    with pytest.raises(RegistryError, match="refused the schema: Incompatible artifact: something at /fields/1"):
        register(client, SUBJECT, {**SCHEMA, "doc": "Another."})


def test_a_schema_that_is_not_avro_is_told_with_its_problems(client):
    register(client, SUBJECT, SCHEMA)
    with pytest.raises(RegistryError, match=r"is not an Avro schema:\n  - 'x' has the type 'strin'"):
        register(client, SUBJECT, {**SCHEMA, "fields": [{"name": "x", "type": "strin"}]})


def test_all_topics_are_registered_with_those_of_riskloom_itself(registry, settings, declare):
    installed = InstalledDomain(declare(), "payments", "1.0", "payments")
    registered = register_all(settings, [installed])
    assert {topic: schema.subject for topic, schema in registered.items()} == {
        "payments": "payments-value",
        "risk-scores": "risk-scores-value",
        "dead-letters": "dead-letters-value",
    }
    assert register_all(settings, [installed]) == registered
    with registry_client(settings) as client:
        assert subjects(client) == ["dead-letters-value", "payments-value", "risk-scores-value"]
        assert fetch(client, "risk-scores-value")[1] == RISK_SCORE_SCHEMA
        assert fetch(client, "dead-letters-value")[1] == DEAD_LETTER_SCHEMA


def test_all_refusals_are_told_at_once(registry, settings, declare):
    register_all(settings, [InstalledDomain(declare(), "payments", "1.0", "payments")])
    schema = copy.deepcopy(declare().avro_schema)
    schema["fields"].append({"name": "x", "type": "int"})
    changed = InstalledDomain(declare(avro_schema=schema), "payments", "1.0", "payments")
    other = InstalledDomain(declare(avro_schema=schema, topic={"name": "other"}), "other", "1.0", "other")
    registry.subjects["other-value"] = [1]
    with pytest.raises(RegistryError) as caught:
        register_all(settings, [changed, other])
    assert "payments-value: the schema breaks BACKWARD" in str(caught.value)
    assert "other-value: the schema breaks BACKWARD" in str(caught.value)


def test_a_subject_that_is_not_there_is_told_with_the_close_match(client):
    register(client, SUBJECT, SCHEMA)
    with pytest.raises(RegistryError, match="no subject 'payment-value'; did you mean 'payments-value'"):
        fetch(client, "payment-value")
    with pytest.raises(RegistryError, match="payments-value has no version 3; it has 1"):
        fetch(client, SUBJECT, 3)


def test_an_answer_that_is_no_registrys_is_told_with_the_address(registry, client):
    registry.status = 403
    with pytest.raises(
        RegistryError, match=rf"{registry.url} answers: no \(HTTP 403\)\n.*\n?.*RISKLOOM_REGISTRY_CLIENT"
    ):
        register(client, SUBJECT, SCHEMA)


def test_a_registry_that_is_down_is_told_with_the_address_and_what_to_do():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        settings = Settings(registry_url=url, registry_client={"retries.wait.ms": "1"})
        with pytest.raises(RegistryError, match=rf"{url} cannot be reached: .*\n.*riskloom up"):
            register_all(settings, [])


def test_credentials_are_sent_and_not_told(registry):
    settings = Settings(registry_url=registry.url, registry_client={"basic.auth.user.info": "anna:secret"})
    registry.status = 401
    with registry_client(settings) as client, pytest.raises(RegistryError) as caught:
        subjects(client)
    assert registry.headers["Authorization"].startswith("Basic ")
    assert "secret" not in str(caught.value)
    settings = Settings(registry_url=registry.url.replace("//", "//anna:secret@"))
    with registry_client(settings) as client, pytest.raises(RegistryError) as caught:
        subjects(client)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "properties",
    [{"no.such.property": "x"}, {"ssl.ca.location": "/not/there.pem"}, {"basic.auth.user.info": "no-colon"}],
)
def test_a_client_property_that_cannot_be_used_is_told(properties):
    with pytest.raises(SettingsError, match="RISKLOOM_REGISTRY_CLIENT"):
        registry_client(Settings(registry_url="http://127.0.0.1:1", registry_client=properties))
