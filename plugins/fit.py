"""Fit the weights of a rule on generated events, and print them. Run: `uv run python plugins/fit.py transactions`.

The value of each term is read from the kernel's own scores: a rule in which every term weighs 1/n gives it as a reason.
The search begins with the weights that are there, and looks for a high recall of every pattern at 1 % false alarms,
above all of the one that is found worst. The weights are scaled so that 1 % of the ordinary events score 0.42 or
more, and rounded into `scoring.py` by hand. `riskloom domains evaluate` measures them with another seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from riskloom.discovery import discover
from riskloom.domain import EventDomain
from riskloom.evaluate.generated import generate, source_span, span_of
from riskloom.evaluate.labels import Labels
from riskloom.evaluate.metrics import Curve
from riskloom.settings import load_settings
from riskloom.stream.batch import batch_session, score_events

Floats = npt.NDArray[np.float64]
ALARM = 0.42  # the score that 1 % of the ordinary events reach: then 0.5 % of them are at the level high


def evenly(domain: EventDomain) -> EventDomain:
    """Give every term the same weight, so small that no sum is cut."""
    terms = domain.rule.terms
    even = tuple(term.model_copy(update={"weight": 1 / len(terms)}) for term in terms)
    return domain.model_copy(update={"rule": domain.rule.model_copy(update={"terms": even})})


def values(name: str, events: int, seed: int, home: Path | None) -> tuple[Floats, npt.NDArray[np.str_]]:
    """Score events; answer the value of each term, shape (n, terms), and the patterns, empty for ordinary ones."""
    installed = discover((name,))[0]
    domain = evenly(installed.domain)
    named = {feature.source for feature in domain.window_features}
    sources = [one for one in discover() if one.name in named - {name}]
    span, labels = span_of(installed, events, None, None), Labels()
    made = {domain.name: generate(installed, span, seed, None, labels)}
    made |= {one.name: generate(one, source_span(one, span), seed, None) for one in sources}
    codes = {term.code: i for i, term in enumerate(domain.rule.terms)}
    settings = load_settings(home=home)
    parts, ids = [], []
    with (
        batch_session(settings) as spark,
        score_events(spark, settings, [domain, *(one.domain for one in sources)], made) as scores,
    ):
        for batch in scores.batches(domain.name):
            ids.append(batch.column("event_id"))
            reasons = batch.column("reasons")
            row = np.repeat(np.arange(batch.num_rows), reasons.value_lengths().to_numpy())
            flat = reasons.flatten()
            term = np.array([codes[code] for code in flat.field("code").to_pylist()], dtype=np.int64)
            part = np.zeros((batch.num_rows, len(codes)))
            part[row, term] = flat.field("weight").to_numpy() * len(codes)
            parts.append(part)
    patterns, counted = labels.look_up(pa.chunked_array(ids))
    return np.concatenate(parts)[counted], np.array(patterns.fill_null("").to_pylist())[counted]


def recalls(x: Floats, pattern: npt.NDArray[np.str_], weights: Floats) -> tuple[Floats, float]:
    """Answer the recall of each pattern at 1 % false alarms, and the score from which on there is an alarm."""
    score = x @ weights
    threshold = Curve.of(score, pattern != "").threshold_at(0.01)
    caught = score >= threshold
    return np.array([caught[pattern == name].mean() for name in np.unique(pattern) if name]), threshold


def fit(x: Floats, pattern: npt.NDArray[np.str_], weights: Floats, rounds: int) -> Floats:
    """Search for weights with a high recall of every pattern, changing some at random and keeping the best."""
    rng = np.random.default_rng(0)
    best = -1.0
    for _ in range(rounds):
        some = rng.random(len(weights)) < 0.3
        tried = weights * np.exp(0.3 * rng.standard_normal(len(weights)) * some) if best >= 0 else weights
        found, _ = recalls(x, pattern, tried)
        worth = found.min() + 0.5 * found.mean()
        if worth > best:
            weights, best = tried, worth
    return weights


def main() -> None:
    """Fit, and print the weights and what they reach on the events they were fitted with."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("domain")
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=4_000)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    x, pattern = values(given.domain, given.events, given.seed, given.home)
    terms = discover((given.domain,))[0].domain.rule.terms
    weights = fit(x, pattern, np.array([term.weight for term in terms]), given.rounds)
    weights *= ALARM / recalls(x, pattern, weights)[1]
    score = np.minimum(x @ weights, 1.0)
    curve = Curve.of(score, pattern != "")
    for term, weight, mean in zip(terms, weights, x[pattern == ""].mean(axis=0), strict=True):
        print(f"{term.code:22} {weight:.3f}   mean over ordinary events {mean:.4f}")
    print(f"auc {curve.auc:.4f}  average precision {curve.average_precision:.4f}")
    threshold = curve.threshold_at(0.01)
    for name in np.unique(pattern):
        own = pattern == name
        means = " ".join(f"{value:.2f}" for value in x[own].mean(axis=0))
        print(f"{name or 'ordinary':20} {own.sum():7} caught {(score[own] >= threshold).mean():.3f}   {means}")


if __name__ == "__main__":
    main()
