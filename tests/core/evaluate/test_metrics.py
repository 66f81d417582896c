"""The areas against what they mean, counted pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.evaluate.metrics import Curve

_events = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]) | st.floats(0, 1), st.booleans()), min_size=2)
EVENTS = _events.filter(lambda events: len({positive for _, positive in events}) == 2)


def arrays(events: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in events]), np.array([positive for _, positive in events])


@given(EVENTS)
def test_auc_is_the_chance_to_rank_a_pair_rightly(events: list[tuple[float, bool]]) -> None:
    score, positive = arrays(events)
    above = score[positive][:, None] - score[~positive]
    assert Curve.of(score, positive).auc == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean())


@given(EVENTS)
def test_average_precision_adds_up_what_each_threshold_brings(events: list[tuple[float, bool]]) -> None:
    score, positive = arrays(events)
    expected, before = 0.0, 0.0
    for threshold in sorted(set(score), reverse=True):
        caught = score >= threshold
        recall = positive[caught].sum() / positive.sum()
        expected += (recall - before) * positive[caught].mean()
        before = recall
    assert Curve.of(score, positive).average_precision == pytest.approx(expected)


@given(EVENTS, st.floats(0, 1))
def test_the_threshold_is_the_lowest_with_no_more_false_alarms(events: list[tuple[float, bool]], rate: float) -> None:
    score, positive = arrays(events)
    threshold = Curve.of(score, positive).threshold_at(rate)
    allowed = [one for one in {*score, np.inf} if (score[~positive] >= one).mean() <= rate]
    assert threshold == min(allowed)


@pytest.mark.parametrize("positive", [[True, True], [False, False]])
def test_a_curve_needs_both(positive: list[bool]) -> None:
    with pytest.raises(ValueError, match="needs positive events and others"):
        Curve.of(np.array([0.1, 0.2]), np.array(positive))
