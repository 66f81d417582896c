import pytest
from avro_pairs import PAIRS
from avro_schemas import pairs, schemas, with_default
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from java_avro import java_avro
from py4j.protocol import Py4JJavaError

from riskloom.schemas.compatibility import incompatibilities

_few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@pytest.fixture(scope="module")
def java(tmp_path_factory):
    with java_avro(tmp_path_factory.mktemp("home")) as java:
        yield java


def ours(older, newer):
    return tuple(not incompatibilities(older, newer, [direction]) for direction in ("backward", "forward"))


def test_the_table_is_of_different_pairs_and_both_answers():
    assert len({pair.name for pair in PAIRS}) == len(PAIRS) >= 60
    assert {(pair.backward, pair.forward) for pair in PAIRS} == {(a, b) for a in (True, False) for b in (True, False)}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_specification_is_followed(pair):
    assert ours(pair.older, pair.newer) == (pair.backward, pair.forward)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_avro_for_java_agrees_but_where_the_table_says_why_not(java, pair):
    try:
        found = java.reads(pair.older, pair.newer), java.reads(pair.newer, pair.older)
    except Py4JJavaError:
        found = None
    assert found == pair.answer_of("java")


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_decoder_reads_what_is_said_to_be_readable(java, pair):
    assert not pair.backward or java.decodes(pair.older, pair.newer)
    assert not pair.forward or java.decodes(pair.newer, pair.older)


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if "java" not in pair.differs], ids=lambda pair: pair.name)
def test_the_rules_have_the_names_of_avro_for_java(java, pair):
    for written, read in ((pair.older, pair.newer), (pair.newer, pair.older)):
        named = {one.rule for one in incompatibilities(written, read, ["backward"])}
        theirs = java.rules(written, read)
        # It says of a union that no branch fits, we say why the one that was meant does not.
        assert named == theirs or theirs == {"MISSING_UNION_BRANCH"}


@_few
@given(pair=pairs())
def test_avro_for_java_agrees_on_any_change(java, pair):
    older, newer = pair
    assert ours(older, newer) == (java.reads(older, newer), java.reads(newer, older))


@_few
@given(schema=schemas())
def test_a_schema_is_compatible_with_itself(schema):
    assert incompatibilities(schema, schema) == []


@_few
@given(pair=pairs())
def test_backward_is_forward_the_other_way_round(pair):
    older, newer = pair
    assert ours(older, newer) == ours(newer, older)[::-1]
    rules = [
        {(one.path, one.rule) for one in incompatibilities(a, b, [direction])}
        for a, b, direction in ((older, newer, "backward"), (newer, older, "forward"))
    ]
    assert rules[0] == rules[1]


@_few
@given(schema=schemas(), field=schemas().map(lambda record: {"name": "added", "type": {**record, "name": "Added"}}))
def test_a_field_with_a_default_may_come_and_go(schema, field):
    # Types of the field that the schema has as well would be defined twice.
    field["type"]["fields"] = [f for f in field["type"]["fields"] if isinstance(f["type"], str)]
    newer = {**schema, "fields": [*schema["fields"], with_default(field)]}
    assert incompatibilities(schema, newer) == incompatibilities(newer, schema) == []


@_few
@given(schema=schemas(), avro=st.sampled_from(["null", "int", "string"]))
def test_a_field_without_a_default_may_only_be_removed(schema, avro):
    newer = {**schema, "fields": [*schema["fields"], {"name": "added", "type": avro}]}
    assert [(one.path, one.direction) for one in incompatibilities(schema, newer)] == [("added", "backward")]
    assert [(one.path, one.direction) for one in incompatibilities(newer, schema)] == [("added", "forward")]
