import pytest

from riskloom.suggest import closest, did_you_mean, listed


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("amout", "; did you mean 'amount'?"),
        ("AMOUNT", "; did you mean 'amount'?"),
        ("userid", "; did you mean 'userId'?"),
        ("quite_else", ""),
        ("", ""),
    ],
)
def test_the_close_match_is_offered_as_it_is_written(name, answer):
    assert did_you_mean(name, ["amount", "userId"]) == answer


def test_nothing_is_offered_when_nothing_is_known():
    assert did_you_mean("amount", []) == ""


def test_names_are_listed_sorted():
    assert listed(["b", "a"]) == "'a', 'b'"
    assert listed([]) == "none"


def test_the_closest_name_is_found_whatever_its_case():
    assert closest("chanel", ["Channel", "amount"]) == "Channel"
    assert closest("xyz", ["Channel", "amount"]) is None
