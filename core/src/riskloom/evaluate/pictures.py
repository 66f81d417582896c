"""A picture of an evaluation: what is caught at what price, and where the scores of each pattern lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from riskloom.evaluate.evaluation import FALSE_RATE, Evaluation
from riskloom.evaluate.metrics import Curve
from riskloom.plots import figure

_BINS = np.linspace(0, 1, 26)


def plot_evaluation(file: Path, found: Evaluation) -> None:
    """Draw the ROC curve of each pattern, precision by recall, and the scores by pattern.

    Args:
        file: Where to; its suffix says the format.
        found: The evaluation.
    """
    summary = found.as_json()
    with figure(file, 3, sharey=False) as ((roc, pr, scores),):
        ordinary = found.pattern < 0
        for name in found.names:
            own = found.of(name)
            curve = Curve.of(found.score[own | ordinary], own[own | ordinary])
            roc.plot(curve.false_rate, curve.recall, label=f"{name}: {curve.auc:.3f}")
            scores.hist(found.score[own], _BINS, density=True, histtype="step", label=name)
        roc.plot(found.curve.false_rate, found.curve.recall, color="black", label=f"all: {found.curve.auc:.3f}")
        roc.axvline(FALSE_RATE, color="grey", linestyle=":")
        roc.set(title="area under the curve", xlabel="false alarms, share of ordinary events", ylabel="recall")
        roc.set(xscale="symlog", xlim=(0, 1), ylim=(0, 1.02))
        roc.set_xscale("symlog", linthresh=FALSE_RATE / 10)
        roc.legend(loc="lower right")
        pr.plot(found.curve.recall, found.curve.precision, color="black")
        title = f"average precision {summary['average_precision']:.3f}, patterns {(~ordinary).mean():.1%} of events"
        pr.set(title=title, xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        scores.hist(found.score[ordinary], _BINS, density=True, color="lightgrey", label="ordinary")
        scores.axvline(found.threshold, color="grey", linestyle=":")
        scores.set(title=f"{summary['domain']}, rule {summary['rule_version']}", xlabel="score", yscale="log")
        scores.set(ylabel="density")
        scores.legend(loc="upper center", ncols=2)
