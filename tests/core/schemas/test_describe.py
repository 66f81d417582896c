import pytest

from riskloom.schemas.describe import type_in_words

_ENUM = {"type": "enum", "name": "E", "symbols": ["auto", "home"]}


@pytest.mark.parametrize(
    ("avro", "words"),
    [
        ("double", "double"),
        ({"type": "string"}, "string"),
        ({"type": "string", "logicalType": "uuid"}, "string (uuid)"),
        (["null", {"type": "long", "logicalType": "timestamp-millis"}], "long (timestamp-millis) or null"),
        (["int", "string"], "int or string"),
        ({"type": "array", "items": "string"}, "list of string"),
        ({"type": "map", "values": ["null", "double"]}, "map of double or null"),
        (_ENUM, "one of auto, home"),
        (["null", _ENUM], "one of auto, home or null"),
        ({"type": "fixed", "name": "F", "size": 4}, "4 bytes"),
        (
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": _ENUM}]},
            "record (a int, b one of auto, home)",
        ),
    ],
)
def test_a_type_is_said_in_words(avro, words):
    assert type_in_words(avro) == words
