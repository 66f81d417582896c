import json

import pytest
from click.testing import CliRunner

from riskloom.cli.domains import domains
from riskloom.errors import PluginError, SettingsError


def _run(*arguments):
    return CliRunner().invoke(domains, arguments)


def test_list_says_what_is_installed(install):
    install.domain("acme-events", name="acme", version="2.1")
    result = _run("list")
    assert result.exit_code == 0
    header, row = result.stdout.splitlines()
    assert header.split("  ")[0] == "name"
    assert row.split() == ["payments", "acme-events", "2.1", "payments", "6", "10.0", "-", "9", "4", "1"]


def test_list_as_json(install):
    install.domain("acme-events", name="acme", version="2.1")
    assert json.loads(_run("list", "--json").stdout) == {
        "domains": [
            {
                "name": "payments",
                "distribution": "acme-events",
                "version": "2.1",
                "topic": "payments",
                "partitions": 6,
                "share": 10.0,
                "schema_version": None,
                "fields": 9,
                "features": 4,
                "rule_version": "1",
            }
        ],
        "problems": [],
    }


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_list_with_a_broken_plugin_lists_the_others_and_the_problems(install, options):
    install("broken-events", "bad_no_hook")
    install.domain("acme-events", name="acme")
    result = _run("list", *options)
    assert isinstance(result.exception, PluginError)
    assert result.exception.exit_code == 3
    assert "acme-events" in result.stdout
    assert "broken-events 1.0 (bad_no_hook)" in str(result.exception)
    if options:
        assert json.loads(result.stdout)["problems"] == list(result.exception.problems)


def test_list_leaves_out_what_it_is_told_to(install):
    install("broken-events", "bad_no_hook")
    install.domain("acme-events", name="acme")
    assert _run("list", "--without", "bad_no_hook").exit_code == 0
    assert _run("list", "--only", "acme").exit_code == 0


def test_list_with_nothing_installed_says_how_to_install_one(install):
    result = _run("list")
    assert isinstance(result.exception, PluginError)
    assert "pip install" in str(result.exception)


def test_show_says_everything_that_is_declared(install):
    install.domain(
        "acme-events", "description='Money that moves.', topic=Topic(name='payments', partitions=3)", name="acme"
    )
    result = _run("show", "payments")
    assert result.exit_code == 0, result.exception
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for line in (
        "payments: Money that moves.",
        "distribution acme-events 1.0",
        "topic payments, 3 partitions, kept 7 days",
        "event payment_id at paid_at, keyed by account_id",
        "account account_id",
        "Fields (9)",
        "payment_id string (uuid) Identifies the payment.",
        "country string or null",
        "payment_count_1hr count of events in 1hr",
        "foreign_amount_24hr sum of amount in 24hr, where country <> 'SE'",
        "share_abroad foreign_amount_24hr / greatest(amount, 1) "
        "from the field amount and the feature foreign_amount_24hr",
        "share_abroad_percent 100 * share_abroad from the feature share_abroad",
        "0.5 FAST payment_count_1hr / 10 + readings['speed'] + place.latitude "
        "from the fields place, readings and the feature payment_count_1hr",
        "from 0.8 critical",
    ):
        assert line in lines


_FOREIGN = (
    "window_features=(WindowFeature(name='claims_1hr', aggregate='{how}', value='amount', window='1hr',"
    " source='claims'{default}),), derived_features=(),"
    " rule=ScoringRule(version='1', terms=(Term(code='MANY', sql='claims_1hr', weight=1),))"
)


@pytest.mark.parametrize(
    ("how", "default", "empty"), [("count", "", "0"), ("mean", "", "null"), ("mean", ", default=2.5", "2.5")]
)
def test_show_says_the_default_of_a_feature_whose_source_is_not_installed(install, how, default, empty):
    install.domain("acme-events", _FOREIGN.format(how=how, default=default), name="acme")
    words = f"{how} of amount in 1hr, of claims"
    assert f"{words}, always {empty} now, as claims is not installed" in _run("show", "payments").stdout
    install.domain("claim-events", "name='claims', topic=Topic(name='claims')", name="claims")
    assert "not installed" not in _run("show", "acme").stdout
    assert words in _run("show", "acme").stdout


def test_show_as_json_holds_the_declaration(install):
    install.domain("acme-events", name="acme")
    shown = json.loads(_run("show", "payments", "--json").stdout)
    assert shown["distribution"] == "acme-events"
    assert shown["topic"] == {"name": "payments", "partitions": 6, "retention": "P7D"}
    assert shown["avro_schema"]["fields"][0]["type"]["logicalType"] == "uuid"
    assert shown["rule"]["terms"][0]["code"] == "ABROAD"


def test_show_of_an_unknown_name_offers_the_close_match(install):
    install.domain("acme-events", name="acme")
    result = _run("show", "paymnets")
    assert isinstance(result.exception, SettingsError)
    assert "did you mean 'payments'?" in str(result.exception)


def test_show_goes_past_a_broken_plugin_unless_it_may_be_the_one_asked_for(install):
    install.domain("acme-events", name="acme")
    install("broken-events", "bad_no_hook")
    assert _run("show", "acme").exit_code == 0
    assert isinstance(_run("show", "bad_no_hook").exception, PluginError)
