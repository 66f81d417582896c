"""Members that report in turns, and episodes in what they report."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.produce.synthetic import Episodes, Turns


@given(
    weights=st.lists(st.integers(1, 5), min_size=1, max_size=20),
    sizes=st.lists(st.integers(0, 60), max_size=6),
    seed=st.integers(0, 20),
)
def test_everybody_reports_as_often_as_its_weight(weights: list[int], sizes: list[int], seed: int) -> None:
    turns, whole = (Turns(np.random.default_rng(seed), np.array(weights)) for _ in range(2))
    taken = [turns.take(size) for size in sizes]
    member, report = whole.take(3 * sum(weights))
    assert np.bincount(member).tolist() == [3 * weight for weight in weights]
    for one in range(len(weights)):
        assert report[member == one].tolist() == list(range(3 * weights[one]))
    if taken:  # in parts it is the same
        parts = [np.concatenate(part) for part in zip(*taken, strict=True)]
        again = Turns(np.random.default_rng(seed), np.array(weights)).take(sum(sizes))
        assert [part.tolist() for part in parts] == [part.tolist() for part in again]


def test_turns_are_evenly_spread() -> None:
    member, _ = Turns(np.random.default_rng(1), np.array([1, 2, 4] * 50)).take(350 * 4)
    for one in range(150):
        gaps = np.diff(np.flatnonzero(member == one))
        assert gaps.max() < 1.5 * gaps.min()


@given(length=st.tuples(st.integers(1, 6), st.integers(0, 9)), rate=st.floats(0, 0.25), key=st.integers(0, 2**63))
def test_an_episode_is_a_stretch_of_one_members_reports(length: tuple[int, int], rate: float, key: int) -> None:
    least, most = length[0], length[0] + length[1]
    reports = np.arange(200)
    episode = Episodes(key, rate=rate, length=(least, most)).at(np.full(200, 3), reports)
    assert ((episode.length >= least) & (episode.length <= most)).all()
    for block in np.unique(episode.block[episode.inside])[1:-1]:  # the first and the last may be cut off
        here = reports[episode.inside & (episode.block == block)]
        assert len(here) == episode.length[here[0]]
        assert episode.step[here].tolist() == list(range(len(here)))
        assert (np.diff(here) == 1).all()


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.3])
def test_episodes_have_their_rate(rate: float) -> None:
    member, report = (grid.ravel() for grid in np.mgrid[0:2_000, 0:500])
    share = Episodes(5, rate=rate, length=(10, 30)).at(member, report).inside.mean()
    assert share == pytest.approx(rate, rel=0.05, abs=1e-9)


def test_episodes_need_room() -> None:
    with pytest.raises(ValueError, match="not a share"):
        Episodes(1, rate=1.0, length=(2, 3))
    with pytest.raises(ValueError, match="no room between episodes of up to 30"):
        Episodes(1, rate=0.6, length=(20, 30))
