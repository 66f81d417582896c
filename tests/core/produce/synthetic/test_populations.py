"""Fixed populations."""

from __future__ import annotations

import numpy as np

from riskloom.produce.synthetic import members, population, text, trait


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


def test_members_are_looked_up_in_the_population() -> None:
    index, null = np.array([7, 0, 7, 99]), np.array([False, True, False, False])
    users = population("users", 100)
    assert members("users", 100, index).equals(text(users, index))
    assert members("users", 100, index, null=null).to_pylist() == text(users, index, null=null).to_pylist()
    assert members("users", 100, index, null=null).null_count == 1
    assert members("users", 100, index[:0]).to_pylist() == []


def test_a_trait_is_uniform_and_lasting() -> None:
    numbers = trait("users/wealth", 10_000)
    assert 0 <= numbers.min() < 0.01
    assert 0.99 < numbers.max() < 1
    assert abs(numbers.mean() - 0.5) < 0.02
    assert (numbers[:10] == trait("users/wealth", 10)).all()
