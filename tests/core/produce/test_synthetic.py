"""The pieces that generators share."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.produce.synthetic import (
    CITIES,
    Bursts,
    Clock,
    choose,
    homes,
    lists,
    pick,
    population,
    seeded,
    text,
    trait,
    uuids,
)


def test_uuids_are_random_and_of_version_4() -> None:
    made = [UUID(text) for text in uuids(np.random.default_rng(1), 1_000).to_pylist()]
    assert len(set(made)) == 1_000
    assert {made_id.version for made_id in made} == {4}
    assert {made_id.variant for made_id in made} == {"specified in RFC 4122"}


def test_uuids_keep_their_leading_zeros() -> None:
    made = uuids(np.random.default_rng(1), 5_000).to_pylist()
    assert all(str(UUID(text)) == text for text in made)


def test_a_population_is_the_same_everywhere() -> None:
    assert population("users", 2).to_pylist() == [
        "969cf0d1-470b-8c11-b7d6-6e7cefa02a69",
        "d7c77f1d-7539-818a-ba11-4456ab11e3f7",
    ]


def test_a_larger_population_begins_with_a_smaller_one() -> None:
    large = population("users", 1_000)
    assert large.slice(0, 10).equals(population("users", 10))
    assert len(set(large.to_pylist())) == 1_000
    assert not set(large.to_pylist()) & set(population("devices", 1_000).to_pylist())


def test_a_trait_is_uniform_and_lasting() -> None:
    numbers = trait("users/wealth", 10_000)
    assert 0 <= numbers.min() < 0.01
    assert 0.99 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02
    assert (numbers[:10] == trait("users/wealth", 10)).all()


def test_homes_follow_the_weights_of_the_cities() -> None:
    counts = np.bincount(homes("users", 50_000), minlength=len(CITIES))
    assert counts.min() > 0
    assert counts.argmax() == np.argmax([city.weight for city in CITIES])


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


def test_choose_draws_by_weight() -> None:
    drawn = choose(np.random.default_rng(3), ("a", "b"), 1_000, weights=(0, 1))
    assert drawn.to_pylist() == ["b"] * 1_000


def test_text_puts_nulls_where_told() -> None:
    index, null = np.array([1, 0, 1]), np.array([False, True, False])
    assert text(("a", "b"), index, null=null).to_pylist() == ["b", None, "b"]
    assert text(population("users", 3), np.array([2])).to_pylist() == [population("users", 3)[2].as_py()]


def test_lists_hold_what_was_chosen() -> None:
    chosen = np.array([[True, False, True], [False, False, False], [False, True, False]])
    assert lists(("x", "y", "z"), chosen).to_pylist() == [["x", "z"], [], ["y"]]


def test_a_clock_shows_local_time() -> None:
    new_year_utc = np.array([0, 0])
    places = [city.name for city in CITIES]
    clock = Clock.at(new_year_utc, np.array([places.index("New York, NY"), places.index("Los Angeles, CA")]))
    assert clock.hour.tolist() == [19, 16]
    assert clock.month.tolist() == [11, 11]


@pytest.mark.parametrize("rate", [-0.1, 1.0, 2.0])
def test_bursts_refuse_a_rate_that_is_no_share(rate: float) -> None:
    with pytest.raises(ValueError, match="not a share"):
        Bursts(np.random.default_rng(1), rate=rate, subjects=5, length=(2, 3), gap_ms=1)


@given(
    sizes=st.lists(st.integers(0, 200), min_size=1, max_size=12),
    rate=st.floats(0, 0.9),
    step_ms=st.integers(0, 5_000),
    seed=st.integers(0, 50),
)
def test_bursts_take_each_slot_once_and_count_down(sizes: list[int], rate: float, step_ms: int, seed: int) -> None:
    bursts = Bursts(np.random.default_rng(seed), rate=rate, subjects=3, length=(2, 5), gap_ms=800)
    now = 1_700_000_000_000
    for size in sizes:
        times = now + np.arange(size) * step_ms
        now += size * step_ms
        burst = bursts.take(times)
        assert (np.diff(burst.slot) > 0).all()
        assert ((burst.slot >= 0) & (burst.slot < size)).all()
        assert ((burst.subject >= 0) & (burst.subject < 3)).all()
        length = burst.step + burst.left + 1
        assert ((length >= 2) & (length <= 5)).all()
        assert (burst.step >= 0).all()
        assert (burst.left >= 0).all()


def test_a_burst_is_whole_and_in_order_across_batches() -> None:
    bursts = Bursts(np.random.default_rng(4), rate=0.002, subjects=1_000_000, length=(6, 6), gap_ms=2_000)
    steps: dict[int, list[int]] = {}
    for batch in range(200):
        burst = bursts.take(batch * 1_000 + np.arange(100) * 10)
        for subject, step in zip(burst.subject.tolist(), burst.step.tolist(), strict=True):
            steps.setdefault(subject, []).append(step)
    whole = [taken for taken in steps.values() if len(taken) == 6]
    assert len(whole) > 3
    assert all(taken == list(range(len(taken))) for taken in steps.values())
