import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from riskloom.domain import EventGenerator, Term, Topic, WindowFeature, load_schema, window_length


@pytest.mark.parametrize(
    ("window", "length"),
    [
        ("30s", timedelta(seconds=30)),
        ("5min", timedelta(minutes=5)),
        ("1hr", timedelta(hours=1)),
        ("24hr", timedelta(days=1)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_window_has_the_length_it_says(window, length):
    assert window_length(window) == length


@pytest.mark.parametrize("window", ["", "5", "min", "0min", "-1d", "1.5hr", "5 min", "1h", "5MIN", "01d", "1d1hr"])
def test_another_text_is_no_window(window):
    with pytest.raises(ValueError, match="not a whole number and a unit of s, min, hr, d"):
        window_length(window)


@given(count=st.integers(1, 10_000))
def test_units_agree(count):
    assert window_length(f"{60 * count}s") == window_length(f"{count}min")
    assert window_length(f"{24 * count}hr") == window_length(f"{count}d")


def test_a_topic_keeps_seven_days_by_default():
    assert Topic(name="events").retention == timedelta(days=7)


def test_a_declaration_does_not_change(declare):
    with pytest.raises(ValidationError, match="frozen"):
        declare().name = "other"


@pytest.mark.parametrize(
    ("part", "settings"),
    [
        (Topic, {"name": "no spaces"}),
        (Topic, {"name": "x" * 250}),
        (Term, {"code": "lower", "sql": "a", "weight": 1}),
        (Term, {"code": "A", "sql": "a", "weight": 0}),
        (Term, {"code": "A", "sql": "a", "weight": 1.1}),
        (WindowFeature, {"name": "1st", "aggregate": "count", "window": "1hr"}),
        (WindowFeature, {"name": "a", "aggregate": "median", "window": "1hr"}),
        (WindowFeature, {"name": "a", "aggregate": "count", "window": "1hr", "unknown": 1}),
    ],
)
def test_a_part_that_cannot_be_is_refused(part, settings):
    with pytest.raises(ValidationError):
        part(**settings)


def test_a_declaration_needs_entities_and_terms(declare):
    with pytest.raises(ValidationError, match="at least 1 item"):
        declare(entities=())
    with pytest.raises(ValidationError, match="at least 1 item"):
        declare(rule={"version": "1", "terms": ()})


def test_the_key_entity_is_the_one_whose_field_is_the_key(declare):
    assert declare().key_entity.name == "account"
    assert declare(key="branch").key_entity.name == "branch"


def test_features_are_named_in_the_order_of_computing(declare):
    assert declare().feature_names == (
        "payment_count_1hr",
        "foreign_amount_24hr",
        "share_abroad",
        "share_abroad_percent",
    )


def test_the_schema_as_json_keeps_everything(declare):
    assert json.loads(declare().avro_json) == declare().avro_schema
    assert '": ' not in declare().avro_json


def test_a_schema_is_read_from_package_data():
    assert load_schema("riskloom.schemas", "avsc/dead-letter.avsc")["name"] == "DeadLetter"


def test_a_generator_is_known_by_its_method():
    class Generator:
        def batch(self, times):
            return times

    assert isinstance(Generator(), EventGenerator)
    assert not isinstance(object(), EventGenerator)
