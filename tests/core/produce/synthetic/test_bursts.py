"""Runs of events about one subject."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.produce.synthetic import BurstKind, Bursts, MixedBursts


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


def test_bursts_of_several_kinds_share_the_slots() -> None:
    kinds = [
        BurstKind(rate=0.05, subjects=10, length=(1, 1), gap_ms=0),
        BurstKind(rate=0.1, subjects=500, length=(3, 5), gap_ms=300),
        BurstKind(rate=0.0, subjects=10, length=(9, 9), gap_ms=10),
    ]
    bursts = MixedBursts(np.random.default_rng(2), kinds)
    taken = [bursts.take(batch * 10_000 + np.arange(1_000) * 10) for batch in range(60)]
    assert all((np.diff(burst.slot) > 0).all() for burst in taken)
    kind, number, subject, began = (
        np.concatenate([getattr(burst, name) for burst in taken]) for name in ("kind", "number", "subject", "began")
    )
    share = np.bincount(kind, minlength=3) / 60_000
    assert share.tolist() == pytest.approx([0.05, 0.1, 0.0], rel=0.1)
    assert subject[kind == 0].max() < 10 <= subject[kind == 1].max()
    for one in np.unique(number)[:300]:
        of_one = number == one
        assert len(set(zip(kind[of_one], subject[of_one], began[of_one], strict=True))) == 1


def test_kinds_of_bursts_leave_room_for_other_events() -> None:
    kinds = [BurstKind(rate=0.5, subjects=1, length=(1, 1), gap_ms=0)] * 2
    with pytest.raises(ValueError, match="not a share"):
        MixedBursts(np.random.default_rng(1), kinds)
