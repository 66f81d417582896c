import copy
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain import Band, DerivedFeature, Entity, ScoringRule, Term, Topic, WindowFeature
from riskloom.validation import problems_between, problems_of


def _window(**settings):
    return {"window_features": (WindowFeature(**{"name": "x", "aggregate": "count", "window": "1hr"} | settings),)}


def _derived(*sqls):
    return {"derived_features": tuple(DerivedFeature(name=f"d{i}", sql=sql) for i, sql in enumerate(sqls))}


def _rule(*sqls, **settings):
    terms = tuple(Term(code=f"T{i}", sql=sql, weight=0.5) for i, sql in enumerate(sqls or ["amount"]))
    return {"rule": ScoringRule(**{"version": "1", "terms": terms} | settings)}


_ALONE = {"window_features": (), "derived_features": ()} | _rule()
_TERM = Term(code="SAME", sql="amount", weight=0.5)


def test_a_sound_declaration_has_no_problems(declare):
    assert problems_of(declare()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"event_id": "payment"}, "event_id: the schema has no field 'payment'; did you mean 'payment_id'?"),
        ({"event_id": "amount"}, "event_id: field 'amount' must be a string that is never null; it is \"double\""),
        (
            {"event_id": "country"},
            'event_id: field \'country\' must be a string that is never null; it is ["null", "string"]',
        ),
        ({"event_time": "paid"}, "event_time: the schema has no field 'paid'; did you mean 'paid_at'?"),
        (
            {"event_time": "amount"},
            "event_time: field 'amount' must be a long of logical type timestamp-millis or timestamp-micros that is "
            'never null; it is "double"',
        ),
        ({"key": "country"}, "key: 'country' is not the field of an entity; entities have 'account_id', 'branch'"),
        (
            {"entities": (Entity(name="account", field="account_id"), Entity(name="sum", field="amount"))},
            "entity 'sum': field 'amount' must be a string, int or long; it is \"double\"",
        ),
        (
            {"entities": (Entity(name="account", field="account_id"), Entity(name="account", field="branch"))},
            "entities: name 'account' is given 2 times",
        ),
        (
            {"entities": (Entity(name="account", field="account_id"), Entity(name="owner", field="account_id"))},
            "entities: field 'account_id' is given 2 times",
        ),
        ({"topic": Topic(name="risk-scores")}, "topic: 'risk-scores' is riskloom's own"),
        (
            {"topic": Topic(name="a", retention=timedelta(0))},
            "topic: retention must be more than nothing, not 0:00:00",
        ),
        ({"generator": "sound_domian:make"}, "generator: there is no module 'sound_domian'"),
        (
            {"generator": "not_there.generator:make"},
            "generator: cannot find module 'not_there.generator': ModuleNotFoundError: No module named 'not_there'",
        ),
        (
            _ALONE | _window(window="1h"),
            "window feature 'x': window '1h' is not a whole number and a unit of s, min, hr, d, such as 5min or 24hr",
        ),
        (_ALONE | _window(window="31d"), "window feature 'x': window '31d' is longer than 30d, the longest there is"),
        (_ALONE | _window(window="9" * 12 + "d"), "window feature 'x': "),
        (
            _ALONE | _window(aggregate="mean"),
            "window feature 'x': mean needs a value, the SQL of what to aggregate",
        ),
        (_ALONE | _window(where="contry = 'SE'"), "window feature 'x': where: unknown column 'contry'; did you mean"),
        (_ALONE | _window(source="payments", where="nothing_like > 1"), "window feature 'x': where: unknown column"),
        (
            _ALONE | _window(source="elsewhere", where="a +"),
            "window feature 'x': where: not an SQL expression (something is missing, at character 3, near '+'): a +",
        ),
        (_ALONE | _derived("d1 + 1", "amount"), "derived feature 'd0': unknown column 'd1'"),
        (_ALONE | _derived("d0 + 1"), "derived feature 'd0': unknown column 'd0'"),
        (_ALONE | _rule("amonut > 1"), "rule: term T0: unknown column 'amonut'; did you mean 'amount'?"),
        (_rule(terms=(_TERM, _TERM)), "rule: code 'same' is given 2 times"),
        (_rule(bands=(Band(level="low", at_least=0.1),)), "rule: bands: one must start at 0.0, so that every score"),
        (
            _rule(bands=(Band(level="low", at_least=0), Band(level="low", at_least=0.5))),
            "rule: bands: level 'low' is given 2 times",
        ),
        (
            _rule(bands=(Band(level="low", at_least=0), Band(level="high", at_least=0))),
            "rule: bands: threshold '0.0' is given 2 times",
        ),
        (
            _rule() | _derived("amount", "amount") | _window(name="d1"),
            "features: name 'd1' is given 2 times",
        ),
        (
            _ALONE | _window(name="amount"),
            "feature 'amount': the event has a field 'amount'; a feature needs a name of its own",
        ),
        ({"avro_schema": {"type": "enum", "name": "E", "symbols": []}}, "avro_schema: must be a record, not 'enum'"),
        ({"avro_schema": {}}, "avro_schema: must be a record, not None"),
        ({"avro_schema": {"type": "record", "name": "R"}}, "avro_schema: not an Avro schema: 'fields' is missing"),
        (
            {"avro_schema": {"type": "record", "name": "R", "fields": [{"name": "a", "type": "strnig"}]}},
            "avro_schema: not an Avro schema: strnig",
        ),
        ({"avro_schema": {"type": "record", "name": "R", "fields": [{"type": "int"}]}}, "avro_schema: not an Avro"),
        ({"avro_schema": {"type": "record", "name": "R", "fields": 3}}, "avro_schema: not an Avro schema: "),
        (
            {
                "avro_schema": {
                    "type": "record",
                    "name": "R",
                    "fields": [{"name": "a", "type": "int"}, {"name": "A", "type": "int"}],
                }
            },
            "avro_schema: field 'a' is given 2 times",
        ),
        (
            {"avro_schema": {"type": "record", "name": "R", "fields": [{"name": "_riskloom_x", "type": "int"}]}},
            "avro_schema: field '_riskloom_x': names that start with _riskloom are riskloom's own",
        ),
    ],
)
def test_a_problem_is_told(declare, changes, problem):
    problems = problems_of(declare(**changes))
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)


def test_all_problems_are_told(declare):
    domain = declare(event_id="x", event_time="y", generator="z:z", **(_ALONE | _rule("a", "b + c")))
    assert len(problems_of(domain)) == 6


def test_a_schema_with_no_fields_to_name_is_not_checked_further(declare):
    assert len(problems_of(declare(avro_schema={"type": "record", "name": "R", "fields": []}, event_id="x"))) >= 1


def test_microseconds_and_a_nullable_key_are_fine(declare, monkeypatch):
    schema = copy.deepcopy(declare().avro_schema)
    for field in schema["fields"]:
        if field["name"] == "paid_at":
            field["type"]["logicalType"] = "timestamp-micros"
    assert problems_of(declare(avro_schema=schema, key="branch")) == []


def test_checking_does_not_change_the_schema(declare):
    before = copy.deepcopy(declare().avro_schema)
    problems_of(declare())
    assert declare().avro_schema == before


@given(window=st.from_regex(r"[0-9]{1,4}(s|min|hr|d)", fullmatch=True))
def test_a_window_is_good_or_told(window):
    from riskloom.validation import _length_problems

    feature = WindowFeature(name="x", aggregate="count", window=window)
    number, unit = int(window.rstrip("sminhrd")), window.lstrip("0123456789")
    seconds = number * {"s": 1, "min": 60, "hr": 3600, "d": 86400}[unit]
    fine = 0 < seconds <= 30 * 86400 and window[0] != "0"
    assert (list(_length_problems(feature)) == []) is fine


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        ({"kind": "hopping"}, "a hopping window needs a slide"),
        ({"kind": "tumbling", "slide": "1min"}, "a tumbling window has no slide"),
        ({"kind": "hopping", "slide": "7min"}, "window '1hr' is not 1 to 1000 times the slide '7min'"),
        ({"kind": "hopping", "slide": "1s"}, "window '1hr' is not 1 to 1000 times the slide '1s'"),
        ({"kind": "hopping", "slide": "1h"}, "window '1h' is not a whole number and a unit"),
        ({"aggregate": "duration"}, "duration is not kept of rolling windows, only of 'session'"),
        (
            {"aggregate": "run_length", "value": "amount", "kind": "session"},
            "run_length is not kept of session windows",
        ),
        ({"entity": "acount"}, "the domain has no entity 'acount'; did you mean 'account'?"),
        ({"aggregate": "ratio"}, "ratio needs where"),
        ({"aggregate": "ratio", "where": "amount > 1", "value": "amount"}, "ratio takes no value"),
        ({"aggregate": "correlation", "value": "amount"}, "correlation needs other"),
        ({"other": "amount"}, "count takes no other"),
        ({"aggregate": "distinct_count"}, "distinct_count needs a value"),
        ({"aggregate": "time_since_last", "include_event": False}, "time_since_last never includes the event"),
        ({"aggregate": "sum_of_products", "value": "amount", "other": "amuont"}, "other: unknown column 'amuont'"),
    ],
)
def test_a_window_feature_that_cannot_be_kept_is_told(declare, feature, problem):
    declared = WindowFeature(**({"name": "x", "aggregate": "count", "window": "1hr"} | feature))
    problems = problems_of(declare(**(_ALONE | {"window_features": (declared,)})))
    assert any(f"window feature 'x': {problem}" in one for one in problems), problems


@pytest.mark.parametrize(
    "feature",
    [
        {"kind": "hopping", "slide": "5min"},
        {"kind": "tumbling", "aggregate": "distinct_count", "value": "amount"},
        {"kind": "session", "aggregate": "is_new"},
        {"entity": "branch", "aggregate": "last", "value": "amount", "include_event": False},
        {"aggregate": "correlation", "value": "amount", "other": "amount * 2"},
        {"aggregate": "time_since_last", "where": "amount > 5"},
        {"aggregate": "ewm_mean", "value": "amount"},
    ],
)
def test_every_kind_of_window_can_be_declared(declare, feature):
    declared = WindowFeature(**({"name": "x", "aggregate": "count", "window": "1hr"} | feature))
    assert problems_of(declare(**(_ALONE | {"window_features": (declared,)}))) == []


@pytest.mark.parametrize(("seconds", "fine"), [(-1, False), (0, True), (3600, True), (3601, False)])
def test_a_late_tolerance_is_from_nothing_to_an_hour(declare, seconds, fine):
    problems = problems_of(declare(late_tolerance=timedelta(seconds=seconds)))
    assert any(problem.startswith("late_tolerance: ") for problem in problems) is not fine


class TestBetween:
    def _payments(self, declare, **settings):
        return declare(**(_ALONE | _window(source="claims", value="claimed", aggregate="sum") | settings))

    def _claims(self, declare, **settings):
        schema = copy.deepcopy(declare().avro_schema)
        schema["fields"].append({"name": "claimed", "type": "double"})
        changes = {"name": "claims", "topic": Topic(name="claims"), "avro_schema": schema}
        return declare(**(changes | settings))

    def test_a_source_that_fits_is_fine(self, declare):
        payments = self._payments(declare)
        assert problems_of(payments) == []
        assert problems_between(payments, [payments, self._claims(declare)]) == []

    def test_a_source_that_is_not_installed_is_fine(self, declare):
        payments = self._payments(declare)
        assert problems_between(payments, [payments]) == []

    def test_a_column_that_the_source_has_not_is_told(self, declare):
        problems = problems_between(self._payments(declare), [self._claims(declare, avro_schema=declare().avro_schema)])
        assert problems == ["window feature 'x' of source 'claims': value: unknown column 'claimed'"]

    def test_a_source_about_something_else_is_told(self, declare):
        claims = self._claims(declare, key="branch", entities=(Entity(name="branch", field="branch"),))
        problems = problems_between(self._payments(declare), [claims])
        assert problems == ["window feature 'x': source 'claims' has no entity 'account'; it has 'branch'"]

    def test_a_source_with_another_key_is_fine_when_it_has_the_entity(self, declare):
        assert problems_between(self._payments(declare), [self._claims(declare, key="branch")]) == []


_AFTERWARDS = "is known only afterwards: no feature and no rule may read a label or an outcome"


def test_no_expression_reads_a_label_or_an_outcome(declare):
    hidden = {"label": "country", "outcomes": ("tags", "place")}
    assert problems_of(declare(**hidden)) == [
        f"window feature 'foreign_amount_24hr': where: field 'country' {_AFTERWARDS}",
        f"rule: term ABROAD: field 'tags' {_AFTERWARDS}",
        f"rule: term ABROAD: field 'country' {_AFTERWARDS}",
        f"rule: term FAST: field 'place' {_AFTERWARDS}",
    ]
    assert problems_of(declare(**hidden, **_ALONE)) == []
    assert problems_of(declare(**hidden, **_ALONE | _derived("size(tags)"))) == [
        f"derived feature 'd0': field 'tags' {_AFTERWARDS}"
    ]


def test_no_feature_of_another_domain_reads_them(declare):
    source = declare(name="orders", outcomes=("amount",), **_ALONE | _rule("1"))
    reader = declare(**_ALONE | _window(aggregate="sum", value="amount", source="orders"))
    assert problems_of(reader) == problems_of(source) == []
    assert problems_between(reader, [reader, source]) == [
        f"window feature 'x' of source 'orders': value: field 'amount' {_AFTERWARDS}"
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"label": "contry"}, "label: the schema has no field 'contry'; did you mean 'country'?"),
        ({"label": "amount"}, 'label: field \'amount\' must be of type ["null", "string"]; it is "double"'),
        ({"label": "branch"}, "label: field 'branch' says which event it is, when it was or whom it is about"),
        ({"outcomes": ("amout",)}, "outcomes: the schema has no field 'amout'; did you mean 'amount'?"),
        (
            {"outcomes": ("paid_at",)},
            "outcomes: field 'paid_at' says which event it is, when it was or whom it is about",
        ),
        ({"label": "country", "outcomes": ("country",)}, "outcomes: field 'country' is given 2 times"),
    ],
)
def test_labels_and_outcomes_name_fields_of_the_right_sort(declare, changes, problem):
    assert problem in problems_of(declare(**changes, **_ALONE))
