"""Hold the scores of `kinds` to their sequence numbers: replayed in that order, everything comes out once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import Producer
from kinds import DOMAINS, PYTHON, Event
from scoring import Scorer, framed
from state_oracle import Expected, Oracle

from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings

Score = dict[str, Any]
Identity = tuple[str, str, bool]
"""Domain and event id, and whether it is a repeat of one that was counted."""

STORE = {
    (name, feature.name)
    for name, installed in DOMAINS.items()
    for feature in installed.domain.window_features
    if feature.entity == "store"
}
"""Domain and name of the features of stores."""


def send(settings: Settings, schemas: Mapping[str, RegisteredSchema], events: Iterable[Event]) -> None:
    """Send events, keyed by customer, in this order."""
    producer = Producer(settings.kafka(acks="all"))
    for event in events:
        domain = DOMAINS[event.domain].domain
        value = framed(domain.avro_schema, schemas[domain.topic.name].schema_id, event.fields)
        producer.produce(domain.topic.name, value, event.fields["customer"])
        producer.poll(0)
    assert producer.flush(30) == 0


def identity(score: Score) -> Identity:
    return score["domain"], score["event_id"], score["duplicate"]


def last_scores(scores: Iterable[Score]) -> dict[Identity, Score]:
    """Keep the last score of each: a job that was killed writes some once more, and its state is that of the last."""
    return {identity(score): score for score in scores}


def identities(events: Iterable[Event]) -> set[Identity]:
    """Say what must be scored of events of which those that were sent twice are known as such."""
    seen: set[Identity] = set()
    for event in events:
        seen.add((*event.identity, (*event.identity, False) in seen))
    return seen


def kept_for_customer(score: Score) -> Score:
    """Choose what of a score depends on its customer's events alone."""
    kept = {name: value for name, value in score.items() if name not in ("scored_at", "schema_id", "entity_sequences")}
    return kept | {"features": _features(score, of_stores=False)}


def kept_for_store(score: Score) -> Score:
    """Choose what of a score depends on its store's events alone."""
    kept = {name: score[name] for name in ("domain", "event_id", "entity_sequences")}
    return kept | {"features": _features(score, of_stores=True)}


def _features(score: Score, of_stores: bool) -> dict[str, Any]:
    features = {name: v for name, v in score["features"].items() if ((score["domain"], name) in STORE) is of_stores}
    # NaN, which a derived feature of one may be, equals itself here.
    return {name: "NaN" if v != v else v for name, v in features.items()}


def by_customer(scores: Iterable[Score]) -> list[Score]:
    """Sort scores so that each customer's are in the order in which its state saw the events."""
    # A repeat has the sequence number of the event before it.
    return sorted(scores, key=lambda score: (score["entity_id"], score["sequence"], score["duplicate"]))


def by_store(scores: Iterable[Score], events: Mapping[tuple[str, str], Event]) -> list[Score]:
    """Sort scores so that each store's are in the order in which its state saw the events; others come first."""

    def place(score: Score) -> tuple[str, int, bool]:
        store = events[score["domain"], score["event_id"]].fields["store"]
        return store or "", score["entity_sequences"].get("store", 0), score["duplicate"]

    return sorted(scores, key=place)


def replayed(scorer: Scorer, scores: Sequence[Score], events: Mapping[tuple[str, str], Event]) -> list[Score]:
    """Score the events of some scores once more, in their order, with the kernel in a batch; answer in any order."""
    domains = [installed.domain for installed in DOMAINS.values()]
    ids = {domain.name: scorer.registry.add(domain.avro_schema) for domain in domains}
    records = []
    for score in scores:
        domain = DOMAINS[score["domain"]].domain
        fields = events[domain.name, score["event_id"]].fields
        records.append((domain.topic.name, framed(domain.avro_schema, ids[domain.name], fields)))
    outcome = scorer(domains, records)
    assert outcome.dead_letters == []
    return outcome.scores


def expectations(
    scores: Iterable[Score], events: Mapping[tuple[str, str], Event], entity: str
) -> dict[Identity, Expected]:
    """Expect what each score says, by the reference; given in the order in which the entity saw them."""
    oracle = Oracle([installed.domain for installed in DOMAINS.values()], PYTHON)
    found = {}
    for score in scores:
        expected = oracle.at(entity, score["domain"], events[score["domain"], score["event_id"]].fields)
        if expected is not None:
            found[identity(score)] = expected
    return found


def disagreements(scores: Iterable[Score], events: Mapping[tuple[str, str], Event], entity: str) -> Iterator[str]:
    """Compare scores, given in the order in which the entity saw their events, with the reference."""
    oracle = Oracle([installed.domain for installed in DOMAINS.values()], PYTHON)
    for score in scores:
        name = score["domain"]
        if entity not in {one.name for one in DOMAINS[name].domain.entities}:
            continue
        expected = oracle.at(entity, name, events[name, score["event_id"]].fields)
        if expected is None:
            continue
        for feature, value in expected.features.items():
            if not value.agrees(score["features"][feature]):
                yield f"{identity(score)}: {feature} is {score['features'][feature]}, not {value}"
        if entity == "store":
            found = {"sequence": score["entity_sequences"]["store"]}
        else:
            found = {flag: score[flag] for flag in ("late", "duplicate", "sequence")}
        for flag, value in found.items():
            if value != getattr(expected, flag):
                yield f"{identity(score)}: {flag} is {value}, not {getattr(expected, flag)}"
