from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.dlq.places import Place, Places

places = st.builds(Place, st.sampled_from(["a", "b-topic", "/data/rows.csv"]), st.integers(-1, 3), st.integers(0, 9))


@given(st.lists(places, max_size=40), places)
def test_it_is_a_set(added: list[Place], other: Place) -> None:
    with Places() as found:
        model: set[Place] = set()
        for place in added:
            assert found.add(place) is (place not in model)
            model.add(place)
        assert (other in found) is (other in model)


@given(places)
def test_a_place_is_one_word(place: Place) -> None:
    assert Place.parse(str(place)) == place


def test_another_word_is_no_place() -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Place.parse("nothing")
