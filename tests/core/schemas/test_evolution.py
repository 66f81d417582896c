import pytest
from avro_pairs import at, of, record

from riskloom.schemas.evolution import judge

A, B, C = record(), of("int", default=0), record(at("a", "int", default=0), at("b", "int"))


def test_a_first_schema_has_nothing_to_fit():
    verdict = judge(C, {}, "FULL_TRANSITIVE")
    assert (verdict.state, verdict.version, verdict.compared, verdict.compatible) == ("first", 1, [], True)


def test_a_new_schema_is_compared_with_the_last_one():
    verdict = judge(C, {1: A, 2: B}, "BACKWARD")
    assert (verdict.state, verdict.version, verdict.compared) == ("changed", 3, [2])
    assert [one.path for one in verdict.conflicts[2]] == ["b"]
    assert judge(C, {1: A, 2: B}, "BACKWARD_TRANSITIVE").compared == [1, 2]


def test_a_schema_that_is_kept_already_is_compared_with_those_before_it():
    verdict = judge(C, {1: A, 2: B, 3: C}, "BACKWARD_TRANSITIVE")
    assert (verdict.state, verdict.version, verdict.compared) == ("unchanged", 3, [1, 2])
    assert not verdict.compatible


@pytest.mark.parametrize("level", ["BACKWARD", "BACKWARD_TRANSITIVE"])
def test_going_back_to_an_older_schema_is_a_new_version(level):
    verdict = judge(A, {1: A, 2: C}, level)
    assert (verdict.state, verdict.version) == ("changed", 3)
    assert 2 in verdict.compared
