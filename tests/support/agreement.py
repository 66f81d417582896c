"""Score histories with the kernel and compare what comes out with what the reference expects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from scoring import Scorer, framed
from state_oracle import Fields, Oracle, Python

from riskloom.domain import EventDomain

EPOCH = datetime.fromtimestamp(0, UTC)

Score = dict[str, Any]


class Event(NamedTuple):
    """An event of a domain whose key is the field `user`."""

    domain: str
    fields: Fields


def of_users(histories: Iterable[Sequence[tuple[str, Fields]]]) -> dict[str, list[Event]]:
    """Give each history to a user of its own."""
    return {
        f"u{i}": [Event(domain, {**fields, "user": f"u{i}"}) for domain, fields in history]
        for i, history in enumerate(histories)
    }


def scored_by_user(
    scorer: Scorer, domains: Sequence[EventDomain], by_user: Mapping[str, Sequence[Event]]
) -> dict[str, list[Score]]:
    """Score all events in one batch; answer each user's scores in the order in which its state saw the events."""
    topics = {domain.name: domain.topic.name for domain in domains}
    schemas = {domain.name: (domain.avro_schema, scorer.registry.add(domain.avro_schema)) for domain in domains}
    events = [event for events in by_user.values() for event in events]
    outcome = scorer(domains, [(topics[name], framed(*schemas[name], fields)) for name, fields in events])
    assert outcome.dead_letters == []
    scores = defaultdict(list)
    for score in outcome.scores:
        scores[score["entity_id"]].append(score)
    assert {user: len(scores[user]) for user in by_user} == {user: len(events) for user, events in by_user.items()}
    return scores


def disagreements(oracle: Oracle, events: Sequence[Event], scores: Sequence[Score]) -> Iterator[str]:
    """Compare the scores of one user's events, given in order of arrival; say what differs and after which events."""
    for i, (event, score) in enumerate(zip(events, scores, strict=True)):
        domain = oracle.domains[event.domain]
        expected = oracle.score(event.domain, event.fields)
        of = score["domain"], score["event_id"], score["event_time"]
        wanted = event.domain, event.fields["id"], EPOCH + timedelta(milliseconds=event.fields["ts"])
        assert of == wanted, "scores are in order of arrival"
        wrong = [
            f"{name} is {score[name]}, not {getattr(expected, name)}"
            for name in ("late", "duplicate", "sequence")
            if score[name] != getattr(expected, name)
        ]
        assert score["features"].keys() == expected.features.keys() | {f.name for f in domain.derived_features}
        declared = {feature.name: feature for feature in domain.window_features}
        wrong += [
            f"{declared[name].model_dump(exclude_defaults=True)} is {score['features'][name]}, not {value}"
            for name, value in expected.features.items()
            if not value.agrees(score["features"][name])
        ]
        if wrong:
            history = "\n  ".join(f"{event.domain} {dict(event.fields)}" for event in events[: i + 1])
            yield f"{'; '.join(wrong)}\n  {history}"
            return  # what follows may differ because of it


def assert_agreement(
    scorer: Scorer, domains: Sequence[EventDomain], python: Python, by_user: Mapping[str, Sequence[Event]]
) -> None:
    """Hold the kernel to the reference over users' events, each user's in order of arrival."""
    scores = scored_by_user(scorer, domains, by_user)
    problems = [
        problem
        for user, events in by_user.items()
        for problem in disagreements(Oracle(domains, python), events, scores[user])
    ]
    assert not problems, "\n".join([f"{len(problems)} disagreements, such as", *problems[:20]])
