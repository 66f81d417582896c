"""The registry's verdict on every pair of schemas: the same as ours, but for what the table says."""

from uuid import uuid4

import pytest
from avro_pairs import PAIRS

from riskloom.errors import RegistryError
from riskloom.schemas.client import registry_client
from riskloom.schemas.subject import accepts, avro

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def client(settings):
    with registry_client(settings) as client:
        yield client


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_registry_agrees_but_where_the_table_says_why_not(client, pair):
    subject = f"pair-{uuid4().hex}-value"
    client.set_compatibility(subject, "BACKWARD")
    client.register_schema(subject, avro(pair.older), normalize_schemas=True)

    def answer(level):
        client.set_compatibility(subject, level)
        return accepts(client, subject, pair.newer)

    expected = pair.answer_of("registry")
    if expected is None:
        with pytest.raises(RegistryError, match="invalid Avro schema"):
            answer("BACKWARD")
    else:
        assert (answer("BACKWARD"), answer("FORWARD")) == expected
