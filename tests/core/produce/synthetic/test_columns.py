"""Columns drawn at random."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskloom.produce.synthetic import choose, divided, lists, pick, population, rest, same, seeded, text, uuids


def test_uuids_are_random_and_of_version_4() -> None:
    made = [UUID(text) for text in uuids(np.random.default_rng(1), 1_000).to_pylist()]
    assert len(set(made)) == 1_000
    assert {made_id.version for made_id in made} == {4}
    assert {made_id.variant for made_id in made} == {"specified in RFC 4122"}


def test_uuids_keep_their_leading_zeros() -> None:
    made = uuids(np.random.default_rng(1), 5_000).to_pylist()
    assert all(str(UUID(text)) == text for text in made)


def test_equal_seeds_of_two_generators_differ() -> None:
    assert seeded("claims", 1).random() == seeded("claims", 1).random()
    assert seeded("claims", 1).random() != seeded("iot", 1).random()


@given(st.lists(st.floats(0, 10), min_size=1, max_size=8).filter(lambda weights: sum(weights) > 0.01))
def test_pick_never_takes_what_weighs_nothing(weights: list[float]) -> None:
    uniform = np.linspace(0, 1, 200, endpoint=False)
    chosen = pick(uniform, weights)
    assert ((chosen >= 0) & (chosen < len(weights))).all()
    assert all(weights[index] > 0 for index in chosen)


def test_pick_by_row_uses_each_choice_its_own_weights() -> None:
    uniform = np.array([0.0, 0.49, 0.51, 0.999, 0.0, 0.999])
    row = np.array([0, 0, 0, 0, 1, 1])
    assert pick(uniform, [[1, 1, 0], [0, 0, 5]], row).tolist() == [0, 0, 1, 1, 2, 2]


def test_pick_by_row_agrees_with_pick_of_that_row() -> None:
    rng = np.random.default_rng(2)
    weights, uniform = rng.random((24, 7)), rng.random(5_000)
    row = rng.integers(0, 24, 5_000)
    chosen = pick(uniform, weights, row)
    for index in range(24):
        assert (chosen[row == index] == pick(uniform[row == index], weights[index])).all()
        assert (chosen[row == index] == pick(uniform[row == index], weights, row[row == index])).all()


def test_pick_by_row_of_nothing_is_nothing() -> None:
    nothing = np.empty(0)
    assert len(pick(nothing, [[1, 1], [1, 2]], nothing.astype(np.int64))) == 0


@given(st.lists(st.integers(-(2**60), 2**60)), st.integers(1, 2**31))
def test_division_with_a_rest_is_that_of_divmod(numbers: list[int], by: int) -> None:
    whole = np.array(numbers, dtype=np.int64)
    quotients, rests = divided(whole, by)
    assert quotients.tolist() == [number // by for number in numbers]
    assert rests.tolist() == rest(whole, by).tolist() == [number % by for number in numbers]


def test_choose_draws_by_weight() -> None:
    drawn = choose(np.random.default_rng(3), ("a", "b"), 1_000, weights=(0, 1))
    assert drawn.to_pylist() == ["b"] * 1_000


def test_text_puts_nulls_where_told() -> None:
    index, null = np.array([1, 0, 1]), np.array([False, True, False])
    assert text(("a", "b"), index, null=null).to_pylist() == ["b", None, "b"]
    assert text(population("users", 3), np.array([2])).to_pylist() == [population("users", 3)[2].as_py()]


def test_a_string_is_repeated() -> None:
    assert same("Zürich", 3).to_pylist() == ["Zürich"] * 3
    assert same("", 2).to_pylist() == ["", ""]
    assert same("USD", 0).to_pylist() == []


def test_lists_hold_what_was_chosen() -> None:
    chosen = np.array([[True, False, True], [False, False, False], [False, True, False]])
    assert lists(("x", "y", "z"), chosen).to_pylist() == [["x", "z"], [], ["y"]]
