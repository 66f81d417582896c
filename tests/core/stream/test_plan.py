"""The plan: what is kept for the features, and under which ids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from riskloom.domain import DerivedFeature, Entity, EventDomain, ScoringRule, Term, Topic, WindowFeature
from riskloom.schemas.registry import RegisteredSchema
from riskloom.settings import Settings
from riskloom.stream.plan import job_plan
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC


def plan_of(*domains: EventDomain, **settings: Any) -> dict[str, Any]:
    topics = [*(domain.topic.name for domain in domains), SCORES_TOPIC, DEAD_LETTERS_TOPIC]
    schemas = {topic: RegisteredSchema(f"{topic}-value", 10 + i, 1) for i, topic in enumerate(topics)}
    return job_plan(Settings(**settings), domains, schemas)


def window(name: str, aggregate: Any = "sum", length: str = "1hr", **more: Any) -> WindowFeature:
    value = None if aggregate == "count" else "amount"
    return WindowFeature(**{"name": name, "aggregate": aggregate, "window": length, "value": value} | more)


def series_ids(payment: Any, *features: WindowFeature) -> list[int]:
    (domain,) = plan_of(payment(window_features=features))["domains"]
    return [series["id"] for series in domain["series"]]


def test_features_of_one_measure_share_a_series(payment: Any) -> None:
    features = (window("a"), window("b", "mean"), window("c", "max"), window("d", "stddev"))
    (domain,) = plan_of(payment(window_features=features))["domains"]
    (series,) = domain["series"]
    assert series == {
        "id": series["id"],
        "operator": 0,
        "kind": "tiles",
        "window_ms": 3_600_000,
        "tiles": 60,
        "late_tolerance_ms": 120_000,
        "measure": "CAST((amount) AS DOUBLE)",
        "other": None,
        "columns": ["max", "squares", "sum"],
    }
    assert [(f["name"], f["aggregate"], f["series"]) for f in domain["features"]] == [
        (name, how, series["id"]) for name, how in (("a", "sum"), ("b", "mean"), ("c", "max"), ("d", "stddev"))
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"length": "24hr"},
        {"value": "amount * 2"},
        {"where": "amount > 1"},
        {"aggregate": "count"},
    ],
)
def test_another_measure_or_window_is_another_series(payment: Any, other: dict[str, Any]) -> None:
    assert len(set(series_ids(payment, window("a"), window("b", **other)))) == 2


def test_a_window_written_in_another_unit_is_the_same_series(payment: Any) -> None:
    assert len(series_ids(payment, window("a", length="1hr"), window("b", length="60min"))) == 1


def test_a_count_needs_no_column(payment: Any) -> None:
    (domain,) = plan_of(payment(window_features=(window("n", "count", where="amount > 5"),)))["domains"]
    (series,) = domain["series"]
    assert series["measure"] == "CASE WHEN amount > 5 THEN CAST(1 AS DOUBLE) END"
    assert series["columns"] == []


def test_the_id_of_a_series_never_changes(payment: Any) -> None:
    # Checkpoints hold it: another value here forgets every window of every running job.
    assert series_ids(payment, window("any_name")) == [323257210]


def test_the_id_tells_what_is_kept_and_nothing_else(payment: Any) -> None:
    (alone,) = series_ids(payment, window("a"))
    assert series_ids(payment, window("renamed", description="other", default=5.0)) == [alone]
    assert series_ids(payment, window("a"), window("b", "mean")) == [alone]
    assert series_ids(payment, window("b", "min"), window("a")) == series_ids(payment, window("a"), window("b", "min"))
    assert series_ids(payment, window("a"), window("b", "max")) != [alone]


def test_a_series_belongs_to_the_domain_whose_events_it_measures(payment: Any) -> None:
    claim = payment(name="claim", topic=Topic(name="claims"))
    pay = payment(window_features=(window("claimed", source="claim"), window("claims", "count", source="claim")))
    plan = {domain["name"]: domain for domain in plan_of(claim, pay)["domains"]}
    assert plan["payment"]["series"] == []
    assert [series["id"] for series in plan["claim"]["series"]] == [f["series"] for f in plan["payment"]["features"]]


def test_a_domain_that_comes_leaves_the_series_of_the_others(payment: Any) -> None:
    pay = payment(window_features=(window("a"), window("b", "mean")))
    reader = payment(
        name="claim",
        topic=Topic(name="claims"),
        window_features=(window("most", "max", source="payment"), window("all", source="payment")),
    )
    (alone,) = plan_of(pay)["domains"]
    together = plan_of(pay, reader)["domains"][0]
    assert [feature["series"] for feature in together["features"]] == [f["series"] for f in alone["features"]]
    assert [series["columns"] for series in together["series"]] == [["sum"], ["max", "sum"]]


def test_a_feature_of_a_domain_that_is_not_installed_has_no_series(payment: Any) -> None:
    features = (window("sum", source="claim"), window("mean", "mean", source="claim"), window("own"))
    (domain,) = plan_of(payment(window_features=features))["domains"]
    assert [f["series"] is None for f in domain["features"]] == [True, True, False]
    assert len(domain["series"]) == 1


@pytest.mark.parametrize(
    ("aggregate", "declared", "default"),
    [
        ("count", None, 0.0),
        ("sum", None, 0.0),
        ("mean", None, None),
        ("min", None, None),
        ("max", None, None),
        ("stddev", None, None),
        ("count", -1.0, -1.0),
        ("sum", 0.0, 0.0),
        ("mean", 0.0, 0.0),
    ],
)
def test_the_value_of_an_empty_window(
    payment: Any, aggregate: str, declared: float | None, default: float | None
) -> None:
    (domain,) = plan_of(payment(window_features=(window("f", aggregate, default=declared),)))["domains"]
    assert domain["features"][0]["default_value"] == default


def test_the_plan_names_topics_schemas_and_registry(payment: Any) -> None:
    domain = payment()
    plan = plan_of(
        domain, registry_url="http://a:1,http://b:2", registry_client={"basic.auth.user.info": "user:secret"}
    )
    assert plan["registry"] == {
        "urls": ["http://a:1", "http://b:2"],
        "options": {"basic.auth.user.info": "user:secret"},
        "schemas": {10: json.dumps(domain.avro_schema)},
    }
    assert plan["scores"] == {"topic": "risk-scores", "schema_id": 11}
    assert plan["dead_letters"] == {"topic": "dead-letters", "schema_id": 12}


def test_the_plan_of_a_domain_is_in_the_order_of_its_declaration(payment: Any) -> None:
    domain = payment(
        window_features=(window("w"),),
        derived_features=(DerivedFeature(name="d", sql="w + 1"),),
        rule=ScoringRule(
            version="3",
            terms=(Term(code="B", sql="d", weight=0.5, description="why b"), Term(code="A", sql="w", weight=0.5)),
        ),
    )
    (plan,) = plan_of(domain)["domains"]
    assert (plan["name"], plan["topic"], plan["rule_version"]) == ("payment", "payments", "3")
    assert (plan["event_id"], plan["event_time"]) == ("id", "ts")
    assert plan["visits"] == [{"operator": 0, "entity": "user", "field": "user"}]
    assert (plan["late_tolerance_ms"], plan["count_late"], plan["deduplicate"]) == (120_000, True, True)
    assert plan["feature_columns"] == ["w", "d"]
    assert [(reason["code"], reason["description"]) for reason in plan["reasons"]] == [("B", "why b"), ("A", "")]
    made = [column["name"] for stage in plan["stages"] for column in stage]
    assert made[0] == "d"
    assert {plan["score_column"], plan["level_column"], *(r["column"] for r in plan["reasons"])} <= set(made)
    assert json.loads(plan["reader_schema"]) == domain.avro_schema


MERCHANT = Entity(name="merchant", field="kind")
USER = Entity(name="user", field="user")


def test_a_further_entity_has_an_operator_before_the_keys(payment: Any) -> None:
    features = (window("own"), window("at_merchant", entity="merchant"))
    plan = plan_of(payment(entities=(USER, MERCHANT), window_features=features))
    (domain,) = plan["domains"]
    assert plan["entities"] == ["merchant"]
    assert domain["visits"] == [
        {"operator": 0, "entity": "merchant", "field": "kind"},
        {"operator": 1, "entity": "user", "field": "user"},
    ]
    assert [feature["operator"] for feature in domain["features"]] == [1, 0]
    assert sorted(series["operator"] for series in domain["series"]) == [0, 1]


def test_a_domain_passes_the_operators_that_it_feeds_or_reads_and_no_others(payment: Any) -> None:
    pay = payment(entities=(USER, MERCHANT), window_features=(window("seen", entity="merchant", source="till"),))
    till = payment(name="till", topic=Topic(name="tills"), key="kind", entities=(MERCHANT,))
    other = payment(name="other", topic=Topic(name="others"))
    plan = {domain["name"]: domain for domain in plan_of(pay, till, other)["domains"]}
    assert [visit["entity"] for visit in plan["payment"]["visits"]] == ["merchant", "user"]
    # It is the till's key, and yet another state: that of the operator which the payments' windows are read from.
    assert [visit["operator"] for visit in plan["till"]["visits"]] == [0, 1]
    assert [visit["operator"] for visit in plan["other"]["visits"]] == [1]


def test_a_source_keyed_by_something_else_feeds_the_entity_in_an_operator_of_its_own(payment: Any) -> None:
    by_merchant = payment(name="till", topic=Topic(name="tills"), key="kind", entities=(MERCHANT, USER))
    plan = plan_of(payment(window_features=(window("seen", source="till"),)), by_merchant)
    assert plan["entities"] == ["user"]
    assert [visit["operator"] for visit in plan["domains"][0]["visits"]] == [0, 1]


def test_offsets_to_emit_from_are_part_of_the_plan(payment: Any) -> None:
    schemas = {t: RegisteredSchema(t, 1, 1) for t in ("payments", SCORES_TOPIC, DEAD_LETTERS_TOPIC)}
    plan = job_plan(Settings(), [payment()], schemas, {"payments": {0: 17}})
    assert plan["emit_from"] == {"payments": {0: 17}}
