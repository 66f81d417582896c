"""Checks of what the kernel makes of the events: features, scores, reasons."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from riskloom.evaluate.metrics import Curve
from riskloom.expressions import column_names, parse
from riskloom.testing.subject import CheckFailure, Subject, failures

_CLOSE = 1e-9
FEWEST = 20
"""Events with and without a label, to tell their scores apart."""
_COIN = 0.5
_BETTER = 0.6
"""The area under the curve that a rule must reach: a coin has a half."""


def every_event_has_a_score(subject: Subject) -> str:
    """Every event gets a score, a number from 0 to 1, and a level of the rule's."""
    scored, n = subject.scored, subject.events.num_rows
    problems = []
    if scored.dead_letters:
        reasons = {(letter["reason"], letter["detail"]) for letter in scored.dead_letters}
        problems.append(f"{len(scored.dead_letters)} of {n} generated events got no score, but a dead letter:")
        problems += [f"  - {reason}: {detail}" for reason, detail in sorted(reasons)[:5]]
        problems.append("Write the SQL so that it has a value, or null, for every event.")
    elif scored.table.num_rows != n:
        problems.append(f"{n} generated events got {scored.table.num_rows} scores")
    score = scored.table["score"].to_numpy()
    outside = score[~((score >= 0) & (score <= 1))]
    if len(outside):
        problems.append(
            f"{len(outside)} scores are not from 0 to 1, such as {outside[0]}: weights must be above 0 and at most 1. "
            "model_copy(update=...) does not check them, Term(...) does."
        )
    levels = {band.level for band in subject.domain.rule.bands}
    strange = sorted(set(scored.table["level"].to_pylist()) - levels)
    problems += [f"level {level!r} is not one of the rule's bands" for level in strange]
    failures(problems)
    return f"{score.min():.2f} to {score.max():.2f}" if len(score) else ""


def reasons_add_up_to_the_score(subject: Subject) -> str:
    """The reasons that go with a score add up to it."""
    worst, of = 0.0, None
    fired: set[str] = set()
    for row in subject.scored.table.select(["event_id", "score", "reasons"]).to_pylist():
        fired |= {reason["code"] for reason in row["reasons"]}
        off = abs(math.fsum(reason["weight"] for reason in row["reasons"]) - row["score"])
        if not off <= worst:
            worst, of = off, row
    if of is not None and not worst <= _CLOSE:
        reasons = {reason["code"]: reason["weight"] for reason in of["reasons"]}
        raise CheckFailure(
            f"the reasons of event {of['event_id']} add up to {math.fsum(reasons.values())}, and its score is "
            f"{of['score']}: {reasons}. A weight must be above 0: a term that lowers a score is no reason for it. Take "
            "it into the SQL of the terms that it weakens."
        )
    silent = [term.code for term in subject.domain.rule.terms if term.code not in fired]
    return f"never given: {', '.join(silent)}" if silent else "each is given to some event"


def features_are_produced(subject: Subject) -> str:
    """Every declared feature comes with the score, as a number, and has a value for some events."""
    domain, names = subject.domain, list(subject.domain.feature_names)
    found = subject.scored.table["features"].combine_chunks()
    if not names:
        return "none declared"
    produced = [field.name for field in found.type]
    if produced != names:
        raise CheckFailure(f"the features {names} are declared, and {produced} came with the scores")
    excused = set(_without_source(subject))
    empty = [name for name in names if name not in excused and found.field(name).null_count == len(found)]
    problems = []
    derived = {feature.name: feature.sql for feature in domain.derived_features}
    for name in empty:
        sql = f", {derived[name]}" if name in derived else ""
        problems.append(
            f"feature {name!r} is null for all of {len(found)} generated events{sql}: a feature is a number, so text "
            "must be compared or measured; or no event makes it one, and the generator should"
        )
    failures(problems)
    return f"{len(names)} features" + (f", {len(excused)} of a domain that is not installed" if excused else "")


def _without_source(subject: Subject) -> Iterator[str]:
    """Name the features that have their default for want of a domain, and those computed from them."""
    absent, missing = subject.absent, set()
    missing |= {feature.name for feature in subject.domain.window_features if feature.source in absent}
    for derived in subject.domain.derived_features:
        if missing & set(column_names(parse(derived.sql))):
            missing.add(derived.name)
    yield from missing


def labelled_patterns_score_higher(subject: Subject) -> str:
    """Events of an injected pattern score higher than ordinary ones; the area under the ROC curve is reported."""
    domain, events = subject.domain, subject.events
    if domain.label is None:
        return "no label is declared"
    labelled = pc.is_valid(events[domain.label]).to_numpy()
    if min(labelled.sum(), (~labelled).sum()) < FEWEST:
        raise CheckFailure(
            f"label: {labelled.sum()} of {len(labelled)} generated events have a {domain.label!r}; at least {FEWEST} "
            f"must have one and {FEWEST} none, the ordinary ones. Take pattern_rate= in the generator's factory, and "
            "set the label of the events of a pattern."
        )
    scores = subject.scored.table
    of = dict(zip(scores["event_id"].to_pylist(), scores["score"].to_pylist(), strict=True))
    value = np.array([of.get(name, math.nan) for name in map(str, events[domain.event_id].to_pylist())])
    known = ~np.isnan(value)
    both = 0 < labelled[known].sum() < known.sum()
    area = Curve.of(value[known], labelled[known]).auc if both else math.nan
    if not area >= _BETTER:
        raise CheckFailure(
            f"label: events with a {domain.label!r} do not score higher than those without: AUC {area:.3f}, where a "
            f"coin has {_COIN} and {_BETTER} is asked for. Declare a feature that sees the pattern and a term that "
            "weighs it; `riskloom domains show` lists what there is."
        )
    return f"AUC {area:.3f}, {labelled.sum()} of {len(labelled)} events labelled"
