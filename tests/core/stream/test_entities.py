"""Windows of another entity than the key's: the merchant of a payment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agreement import EPOCH
from histories import PYTHON, SCHEMA, drawn, histories
from scoring import Scorer, framed
from state_oracle import Oracle

from riskloom.domain import Entity, EventDomain, WindowFeature

USERS = 3
"""Few, so that every merchant sees several, and several see it."""
ENTITIES = (Entity(name="user", field="user"), Entity(name="merchant", field="merchant"))


def feature(aggregate: str, entity: str | None = "merchant", **parts: Any) -> WindowFeature:
    name = f"{entity or 'own'}_{aggregate}"
    return WindowFeature(name=name, aggregate=aggregate, entity=entity, **{"window": "1hr"} | parts)


OWN = [
    feature(aggregate, entity, **parts)
    for entity in ("merchant", "user", None)
    for aggregate, parts in [
        ("count", {}),
        ("sum", {"value": "amount"}),
        ("mean", {"value": "amount", "include_event": False}),
        ("distinct_count", {"value": "kind", "kind": "tumbling"}),
        ("time_since_last", {}),
        ("ewm_mean", {"value": "amount"}),
        ("run_length", {"value": "kind"}),
        ("duration", {"kind": "session"}),
    ]
]
OF_REFUNDS = [feature("max", entity, value="price", source="refund") for entity in ("merchant", "user")]
OF_PAYMENTS = [feature("last", value="amount", source="payment"), feature("count", default=7.0)]


def domains_of(payment: Any) -> list[EventDomain]:
    common = {"avro_schema": SCHEMA, "entities": ENTITIES}
    refunds = {"name": "refund", "topic": {"name": "refunds"}, "count_late": False}
    return [
        payment(**common, window_features=(*OWN, *OF_REFUNDS)),
        payment(**common, **refunds, window_features=tuple(OF_PAYMENTS)),
    ]


def test_windows_of_both_entities_agree_with_the_reference_in_the_order_of_their_sequences(
    scorer: Scorer, payment: Any
) -> None:
    domains = domains_of(payment)
    topics = {domain.name: domain.topic.name for domain in domains}
    schema_id = scorer.registry.add(SCHEMA)
    events: dict[tuple[str, str], dict[str, Any]] = {}
    for number, history in enumerate(drawn(histories(["payment", "refund"], repeats=False), 60)):
        for i, (domain, fields) in enumerate(history):
            of_these = {
                "id": f"{number}-{i}",
                "user": f"{number}-{i % USERS}",
                "merchant": fields["merchant"] and f"{number}-{fields['merchant']}",
            }
            events[domain, of_these["id"]] = fields | of_these
    outcome = scorer(domains, [(topics[name], framed(SCHEMA, schema_id, e)) for (name, _), e in events.items()])
    assert outcome.dead_letters == []
    scores = {(score["domain"], score["event_id"]): score for score in outcome.scores}
    assert scores.keys() == events.keys()

    seen = {identity: {} for identity in events}
    for entity in ("user", "merchant"):
        oracle = Oracle(domains, PYTHON)
        for identity in in_order(entity, list(scores.values())):
            expected = oracle.at(entity, identity[0], events[identity])
            assert expected is not None
            seen[identity] |= expected.features
            score = scores[identity]
            if entity == "user":
                found = score["sequence"], score["late"], score["duplicate"]
                assert found == (expected.sequence, expected.late, expected.duplicate)
            else:
                assert score["entity_sequences"] == {"merchant": expected.sequence}
                assert score["entity_ids"] == {"merchant": events[identity]["merchant"]}
    for identity, expected in seen.items():
        for name, value in expected.items():
            assert value.agrees(scores[identity]["features"][name]), (identity, name, value)


def in_order(entity: str, scores: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Name the events that an entity's states saw, in the order in which each of them did."""
    sequences = [score["entity_sequences"] | {"user": score["sequence"]} for score in scores]
    numbered = [(of[entity], score) for of, score in zip(sequences, scores, strict=True) if entity in of]
    numbered.sort(key=lambda pair: pair[0])
    return [(score["domain"], score["event_id"]) for _, score in numbered]


def test_an_event_without_a_merchant_has_the_defaults_of_its_features(scorer: Scorer, payment: Any) -> None:
    event = {"id": "1", "user": "u", "merchant": None, "ts": 0, "amount": 2.0, "price": None, "kind": None}
    records = [("refunds", framed(SCHEMA, scorer.registry.add(SCHEMA), event))]
    (score,) = scorer(domains_of(payment), records).scores
    assert score["features"] == {of.name: of.default for of in OF_PAYMENTS}
    assert (score["event_time"], score["sequence"], score["entity_sequences"]) == (EPOCH, 1, {})
    assert score["entity_ids"] == {}
