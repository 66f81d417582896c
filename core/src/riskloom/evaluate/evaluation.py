"""Score labelled events by the kernel of the stream, and sum up how well the rule finds the bad ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from riskloom.discovery import InstalledDomain
from riskloom.errors import SettingsError
from riskloom.evaluate.files import SCHEMA_ID, LabelledFile
from riskloom.evaluate.generated import generate, require_label, source_span, span_of
from riskloom.evaluate.labels import Labels
from riskloom.evaluate.metrics import Bools, Curve, Floats
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.stream.batch import score_events, score_records

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from riskloom.stream.results import Scores

FALSE_RATE = 0.01
"""The share of ordinary events that may raise an alarm."""


@dataclass(frozen=True)
class Evaluation:
    """The events that count, with their scores, and what they show.

    Attributes:
        score: The score of each, shape (n,).
        pattern: The index of each event's pattern in `names`, -1 for ordinary ones, shape (n,).
        names: The patterns, the most frequent first.
        about: What was evaluated, for the report.
        dead_letters: How many events could not be scored.
    """

    score: Floats
    pattern: npt.NDArray[np.int64]
    names: tuple[str, ...]
    about: dict[str, Any]
    dead_letters: int = 0
    curve: Curve = field(init=False)

    def __post_init__(self) -> None:
        """Work the curve out once."""
        positive = self.pattern >= 0
        if not 0 < positive.sum() < len(positive):
            what = "no event" if not positive.any() else "every event"
            raise SettingsError(f"{what} of the {len(positive):,} that count is labelled: there is nothing to compare")
        object.__setattr__(self, "curve", Curve.of(self.score, positive))

    @property
    def threshold(self) -> float:
        """The score from which on an event is caught, with false alarms for 1 % of the ordinary ones."""
        return self.curve.threshold_at(FALSE_RATE)

    def of(self, name: str) -> Bools:
        """Which events belong to a pattern."""
        return np.asarray(self.pattern == self.names.index(name))

    def recall(self, chosen: Bools) -> float:
        """The share of some events that is caught."""
        return float((self.score[chosen] >= self.threshold).mean())

    def as_json(self) -> dict[str, Any]:
        """Sum up."""
        curve, bad = self.curve, self.pattern >= 0
        return {
            **self.about,
            "events": len(self.score),
            "labelled": int(bad.sum()),
            "dead_letters": self.dead_letters,
            "auc": round(curve.auc, 5),
            "average_precision": round(curve.average_precision, 5),
            "recall_at_1pct_fpr": round(self.recall(bad), 5),
            "threshold_at_1pct_fpr": self.threshold,
            "patterns": {name: round(self.recall(self.of(name)), 5) for name in self.names},
            "by_pattern": {name: self._by_pattern(name) for name in self.names},
        }

    def _by_pattern(self, name: str) -> dict[str, float]:
        own = self.of(name)
        kept = own | (self.pattern < 0)
        curve = Curve.of(self.score[kept], own[kept])
        return {
            "events": int(own.sum()),
            "auc": round(curve.auc, 5),
            "recall_at_1pct_fpr": round(self.recall(own), 5),
            "median_score": round(float(np.median(self.score[own])), 4),
        }


def evaluate_generated(
    spark: SparkSession,
    settings: Settings,
    installed: InstalledDomain,
    others: Sequence[InstalledDomain],
    *,
    events: int,
    seed: int,
    pattern_rate: float | None = None,
    days: float | None = None,
    warm_up_days: float | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Evaluate a domain's rule on generated events.

    Args:
        spark: A session of `riskloom.stream.batch.batch_session`.
        settings: Where the local files are.
        installed: The domain.
        others: Those that its features may name as sources.
        events: How many events count.
        seed: Of the generators.
        pattern_rate: The share of events in patterns. Default: the generator's own.
        days: As for `span_of`.
        warm_up_days: As for `span_of`.
        progress: Is told the stage, how many events it has done, and of how many.

    Raises:
        RiskloomError: If a generator or Spark fails, or the domain has no label.
    """
    require_label(installed)
    started = time.monotonic()
    named = {feature.source for feature in installed.domain.window_features} - {None, installed.name}
    sources = [other for other in others if other.name in named]
    span, labels = span_of(installed, events, days, warm_up_days), Labels()
    spans = {source.name: source_span(source, span) for source in sources}
    made = {
        installed.name: generate(installed, span, seed, pattern_rate, labels),
        **{source.name: generate(source, spans[source.name], seed, None) for source in sources},
    }
    total = span.events + sum(one.events for one in spans.values())
    domains = [installed.domain, *(source.domain for source in sources)]
    told = None if progress is None else lambda done: progress("scoring", done, total)
    with score_events(spark, settings, domains, made, progress=told) as scores:
        about = {
            "domain": installed.name,
            "rule_version": installed.domain.rule.version,
            "seed": seed,
            "days": round((span.last_ms - span.counts_ms) / 86_400_000, 3),
            "warm_up_days": round((span.counts_ms - span.first_ms) / 86_400_000, 3),
            "warm_up_events": span.history,
            "sources": {name: one.events for name, one in spans.items()},
        }
        return _summed_up(installed, scores, labels, about, started)


def evaluate_file(
    spark: SparkSession,
    settings: Settings,
    installed: InstalledDomain,
    path: Path,
    *,
    label: str | None = None,
    warm_up_days: float = 0.0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Evaluation:
    """Evaluate a domain's rule on labelled events of a file, each key's in the file's order.

    Args:
        spark: A session of `riskloom.stream.batch.batch_session`.
        settings: Where the local files are.
        installed: The domain.
        path: The file, of a format that `riskloom produce --input` takes.
        label: As for `LabelledFile`.
        warm_up_days: As for `LabelledFile`.
        progress: Is told the stage, how many events it has done, and of how many; 0 where that is not known.

    Raises:
        RiskloomError: If the file cannot be read or Spark fails.
    """
    started = time.monotonic()
    file = LabelledFile(installed, path, label, warm_up_days)
    schemas = {installed.domain.topic.name: RegisteredSchema(installed.domain.topic.name, SCHEMA_ID, 1)}
    told = None if progress is None else lambda done: progress("scoring", done, 0)
    with score_records(spark, settings, [installed.domain], schemas, file.records(), progress=told) as scores:
        about = {
            "domain": installed.name,
            "rule_version": installed.domain.rule.version,
            "input": str(path),
            "label": file.label,
            "warm_up_days": warm_up_days,
            "rejected": file.rejected,
        }
        return _summed_up(installed, scores, file.labels, about, started)


def _summed_up(
    installed: InstalledDomain, scores: Scores, labels: Labels, about: dict[str, Any], started: float
) -> Evaluation:
    kept = [
        batch.filter(pc.invert(batch.column("duplicate"))).select(["event_id", "score"])
        for batch in scores.batches(installed.name)
    ]
    dead = sum(letter["domain"] == installed.name for letter in scores.dead_letters())
    schema = pa.schema([scores.schema(installed.name).field(name) for name in ("event_id", "score")])
    table = pa.Table.from_batches(kept, schema=schema)
    patterns, counted = labels.look_up(table["event_id"])
    chosen = patterns.filter(pa.array(counted))
    found = sorted(pc.value_counts(chosen.drop_null()).to_pylist(), key=lambda one: (-one["counts"], one["values"]))
    names = tuple(one["values"] for one in found)
    index = pc.index_in(chosen, pa.array(names, pa.string())).fill_null(-1).to_numpy().astype(np.int64)
    about["seconds"] = round(time.monotonic() - started, 1)
    return Evaluation(table["score"].to_numpy()[counted], index, names, about, dead)
