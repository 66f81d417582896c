import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.expressions import column_names, parse, problems_in

COLUMNS = ["amount", "country", "tags", "readings", "place", "timestamp", "date", "type"]


@pytest.mark.parametrize(
    "sql",
    [
        "amount",
        "amount > 1 AND country <=> 'SE' OR country IN ('NO', 'DK') AND NOT country LIKE 'F%'",
        "CASE country WHEN 'SE' THEN 1 ELSE amount / 2 END",
        "CASE WHEN amount > 1 THEN 1D ELSE 2L END",
        "CAST(amount AS BIGINT) + amount::double % 3",
        "hour(timestamp) BETWEEN 1 AND 5 OR dayofweek(date) = 7 OR type = 'a'",
        "readings['temperature'] + element_at(readings, 'x') + readings.pressure",
        "place.latitude + place.inner.deep",
        "exists(tags, tag -> tag = country)",
        "size(filter(tags, tag -> tag LIKE 'a%')) / greatest(size(tags), 1)",
        "aggregate(map_values(readings), 0D, (sum, x) -> sum + x)",
        "forall(tags, tag -> tag <> 'x') AND array_contains(tags, 'a') AND tags[0] = 'b'",
        "map_filter(readings, (name, value) -> value > amount)",
        "coalesce(nullif(amount, 0), least(1, log1p(amount)), if(country IS NULL, 1, 0))",
        "timestamp > date '2024-01-01' + interval 1 day",
        "`amount` > 1 -- as a comment",
        "true",
    ],
)
def test_expressions_over_one_event_are_fine(sql):
    assert problems_in(sql, COLUMNS) == []


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("amout", "unknown column 'amout'; did you mean 'amount'?"),
        ("Amount", "unknown column 'Amount'; did you mean 'amount'?"),
        ("qqq", "unknown column 'qqq'"),
        ("exists(tags, tag -> tag = contry)", "unknown column 'contry'; did you mean 'country'?"),
        ("size(array(*))", "* cannot be used: name the columns"),
        ("plce.latitude", "unknown column 'plce'; did you mean 'place'?"),
        ("amount +", "not an SQL expression (something is missing, at character 8, near '+'): amount +"),
        ("amount > 1)", "not an SQL expression (invalid expression / unexpected token, at character 11, near ')')"),
        ("amount AS a", "not an SQL expression (invalid expression / unexpected token, at character 9, near 'AS')"),
        ("CASE WHEN amount THEN 1", "not an SQL expression (expected end after case, at character 23, near '1')"),
        ("SELECT amount", "not an SQL expression"),
        ("DROP TABLE amount", "not an SQL expression"),
        ("", "not an SQL expression: "),
        ("country = 'SE", "not an SQL expression (Error tokenizing"),
        ("amount; country", "must be one expression with one value"),
        ("(amount, country)", "must be one expression with one value"),
        ("*", "must be one expression with one value"),
        ("sum(amount)", "sum() looks at many events and an expression sees one: declare a window feature"),
        ("mean(amount)", "mean() looks at many events and an expression sees one: declare a window feature"),
        ("any(amount)", "any() looks at many events and an expression sees one: declare a window feature"),
        ("count(*) > 1", "count() looks at many events and an expression sees one: declare a window feature"),
        ("row_number()", "row_number() looks at many events and an expression sees one: declare a window feature"),
        ("(SELECT 1)", "a subquery cannot be used: an expression sees one event"),
        ("exists(SELECT 1)", "a subquery cannot be used: an expression sees one event"),
        ("explode(tags)", "explode() makes rows, not a value"),
        ("inline(tags)", "inline() makes rows, not a value"),
        ("window(timestamp, '1 hour')", "window() makes rows, not a value"),
        ("rand() > 0.5", "rand() answers differently each time: a replayed event must get the same score"),
        ("uuid() = country", "uuid() answers differently each time: a replayed event must get the same score"),
        ("now() > timestamp", "now() answers differently each time: a replayed event must get the same score"),
        ("current_date", "current_date() answers differently each time: a replayed event must get the same score"),
        ("unix_timestamp()", "current_timestamp() answers differently each time: a replayed event must get the same"),
        ("current_user()", "current_user() answers differently each time: a replayed event must get the same score"),
        ("raise_error('no')", "raise_error() can fail: an expression must have a value for every event"),
        ("amount > :limit", ":limit: parameters cannot be used"),
    ],
)
def test_a_mistake_is_told(sql, problem):
    problems = problems_in(sql, COLUMNS)
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)
    assert "\n" not in problems[0]


def test_over_is_told_once():
    assert problems_in("sum(amount) OVER () + sum(amount) OVER ()", COLUMNS)[0] == (
        "OVER cannot be used: declare a window feature"
    )


def test_names_are_not_checked_when_they_are_not_known():
    assert problems_in("anything > 1", None) == []
    assert problems_in("rand()", None) != []


def test_every_unknown_name_is_told_once():
    assert len(problems_in("a + a + b", COLUMNS)) == 2


def test_columns_are_named_once():
    assert sorted(column_names(parse("b + a.x + b + exists(c, x -> x = d)"))) == ["a", "b", "c", "d"]


@given(st.text(max_size=40))
def test_any_text_is_answered(sql):
    for problem in problems_in(sql, COLUMNS):
        assert problem


def test_what_is_known_only_afterwards_is_refused_and_never_offered():
    assert problems_in(
        "amount > 1 AND tags IS NULL OR exists(tags, tag -> tag = place.id)", COLUMNS, {"tags", "type"}
    ) == ["field 'tags' is known only afterwards: no feature and no rule may read a label or an outcome"]
    assert problems_in("typ", COLUMNS, {"type"}) == ["unknown column 'typ'"]
