"""Random numbers that are looked up."""

from __future__ import annotations

import numpy as np

from riskloom.produce.synthetic import hashed, key_of


def test_looked_up_numbers_do_not_hang_on_what_else_is_asked() -> None:
    member, day = np.arange(1_000), np.arange(1_000) // 7 - 50
    whole = hashed(9, member, day)
    assert (hashed(9, member[300:310], day[300:310]) == whole[300:310]).all()
    assert (hashed(10, member, day) != whole).all()
    assert (hashed(9, day, member) != whole).mean() > 0.99


def test_looked_up_numbers_are_uniform_and_unrelated() -> None:
    index = np.arange(200_000)
    numbers = hashed(3, index, 4)
    assert 0 <= numbers.min() <= numbers.max() < 1
    counts = np.bincount((numbers * 20).astype(int), minlength=20)
    assert abs(counts - 10_000).max() < 500  # five standard deviations
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.01
    assert abs(np.corrcoef(numbers, hashed(3, index, 5))[0, 1]) < 0.01
    assert not np.isin(hashed(4, index, 4), numbers).any()


def test_a_key_is_drawn_from_the_source() -> None:
    assert key_of(np.random.default_rng(1)) == key_of(np.random.default_rng(1)) != key_of(np.random.default_rng(2))
