import pytest
from avro_pairs import at, enum, fixed, map_of, of, record
from avro_schemas import pairs
from hypothesis import HealthCheck, given, settings

from riskloom.schemas.changes import changes

INNER = record(at("x", "int"), name="Inner")


@pytest.mark.parametrize(
    ("older", "newer", "change"),
    [
        (record(), of("int"), "field `a` added: int"),
        (record(), of(["null", "int"], default=None), "field `a` added: null or int, default null"),
        (of("int"), record(), "field `a` removed: int"),
        (of("int"), record(at("b", "int", aliases=["a"])), "field `b` was called `a`"),
        (of("int"), of("long"), "field `a`: int became long"),
        (of("long"), of({"type": "long", "logicalType": "uuid"}), "field `a`: long became long (uuid)"),
        (of("int", default=1), of("int", default=2), "field `a`: default 1 became default 2"),
        (of("int"), of("int", default=2), "field `a`: no default became default 2"),
        (of(["null", "int"]), of(["null", "string"]), "field `a`: null or int became null or string"),
        (of(enum("A", "B")), of(enum("B")), "field `a`: enum symbols removed: A"),
        (of(enum("A")), of(enum("A", default="A")), "field `a`: default symbol none became A"),
        (of(fixed(1)), of(fixed(2)), "field `a`: fixed F of 1 bytes became fixed F of 2 bytes"),
        (record(name="A"), record(name="B"), "the schema: record A is now called B"),
        (of({"type": "array", "items": "int"}), of({"type": "array", "items": "long"}), "field `a[]`: int became long"),
        (
            of(map_of(INNER)),
            of(map_of(record(name="Inner"))),
            "field `a{}.x` removed: int",
        ),
        (of("int"), of("int", doc="x"), "documentation, aliases or the order of fields"),
    ],
)
def test_a_change_is_told(older, newer, change):
    assert changes(older, newer) == [change]


def test_every_change_is_told_in_order():
    older = record(at("a", "int"), at("b", INNER), at("c", "Inner"))
    newer = record(at("b", record(name="Inner")), at("c", "Inner"), at("d", "int"))
    assert changes(older, newer) == ["field `b.x` removed: int", "field `d` added: int", "field `a` removed: int"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(pair=pairs())
def test_there_are_changes_where_schemas_differ(pair):
    older, newer = pair
    assert changes(older, older) == []
    assert bool(changes(older, newer)) is (older != newer)
