"""What a ranking of events is worth: areas under curves, and what is caught at a number of false alarms.

All take scores, shape (n,), and whether each event is positive, shape (n,). Events with the same score are taken
together: no order among them is made up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Curve:
    """What is caught as the threshold falls: an event is caught whose score is at least the threshold.

    Attributes:
        threshold: The different scores, descending, after infinity: shape (k + 1,).
        recall: The share of positive events that are caught at each.
        false_rate: The share of the others that are.
        precision: The share of those caught that are positive; 1 where none is caught.
    """

    threshold: Floats
    recall: Floats
    false_rate: Floats
    precision: Floats

    @classmethod
    def of(cls, score: Floats, positive: Bools) -> Curve:
        """Work the curve out.

        Raises:
            ValueError: If all events are positive, or none.
        """
        positives = int(positive.sum())
        if not 0 < positives < len(positive):
            raise ValueError("a curve needs positive events and others")
        order = np.argsort(-score, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
        caught = positive[order].cumsum()[ends]
        taken = ends + 1
        return cls(
            threshold=np.concatenate([[np.inf], score[order][ends]]),
            recall=np.concatenate([[0.0], caught / positives]),
            false_rate=np.concatenate([[0.0], (taken - caught) / (len(score) - positives)]),
            precision=np.concatenate([[1.0], caught / taken]),
        )

    @property
    def auc(self) -> float:
        """The chance that a positive event scores above another one, a tie counting half."""
        return float(np.sum(np.diff(self.false_rate) * (self.recall[1:] + self.recall[:-1])) / 2)

    @property
    def average_precision(self) -> float:
        """The mean precision over the recall, each weighted with the recall that it adds."""
        return float(np.sum(np.diff(self.recall) * self.precision[1:]))

    def threshold_at(self, false_rate: float) -> float:
        """Find the lowest threshold at which no more than a share of the ordinary events is caught."""
        return float(self.threshold[np.searchsorted(self.false_rate, false_rate, side="right") - 1])
