import json
import tomllib

import pytest
from click.testing import CliRunner

from riskloom.cli.domains import domains
from riskloom.errors import SettingsError


@pytest.fixture
def new(tmp_path, monkeypatch, install):
    monkeypatch.chdir(tmp_path)
    install("acme-payments", "sound_plugin", name="payments")
    return lambda *arguments: CliRunner().invoke(domains, ["new", *arguments])


def test_new_writes_a_small_package_and_says_what_comes_next(new, tmp_path):
    result = new("card_swipes", "--entity", "card", "--topic", "card-swipes")
    assert result.exit_code == 0, result.exception
    folder = tmp_path / "riskloom-card-swipes"
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert files == [
        "pyproject.toml",
        "riskloom_card_swipes/__init__.py",
        "riskloom_card_swipes/generator.py",
        "riskloom_card_swipes/schema.avsc",
        "tests/test_card_swipes.py",
    ]
    texts = [(folder / name).read_text() for name in files]
    assert sum(len(text.splitlines()) for text in texts) < 140
    assert not any("$" in text for text in texts)
    project = tomllib.loads(texts[0])["project"]
    assert (project["name"], project["entry-points"]) == (
        "riskloom-card-swipes",
        {"riskloom": {"card_swipes": "riskloom_card_swipes"}},
    )
    schema = json.loads(texts[3])
    assert (schema["name"], schema["fields"][1]["name"]) == ("CardSwipes", "card_id")
    assert result.stdout.splitlines()[-4:] == [
        "  pip install ./riskloom-card-swipes",
        "  riskloom domains show card_swipes",
        "  riskloom domains check card_swipes",
        "  riskloom demo --only card_swipes",
    ]


def test_new_as_json_names_the_files(new, tmp_path):
    answer = json.loads(new("refunds", "--folder", "work/refunds", "--json").stdout)
    assert len(answer["files"]) == 5
    assert all((tmp_path / path).is_file() for path in answer["files"])
    assert answer["next"][0] == "pip install ./work/refunds"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["payments", "--topic", "pay"], "'payments' is already a domain, that of acme-payments 1.0"),
        (["pay", "--topic", "payments"], "'payments' is already that of the domain 'payments' (acme-payments)"),
        (["Card-Swipes"], "did you mean 'card_swipes'?"),
        (["class", "--topic", "pay"], "no keyword"),
        (["9pay"], "did you mean 'pay'?"),
        (["pay", "--topic", "risk-scores"], "'risk-scores' is not a name of a topic"),
        (["pay", "--topic", "pay ments"], "'pay ments' is not a name of a topic"),
        (["pay", "--key", "amount"], "the schema has another field 'amount'"),
        (["testing_x", "--entity", "the user"], "did you mean 'the_user'?"),
        (["claims"], "there is already a package 'riskloom_claims'"),
        (["pay", "--folder", "."], "exists and is not an empty folder"),
    ],
)
def test_new_refuses_what_is_taken_or_is_no_name(new, tmp_path, arguments, told):
    (tmp_path / "mine.txt").write_text("mine")
    before = sorted(tmp_path.iterdir())
    result = new(*arguments)
    assert isinstance(result.exception, SettingsError)
    assert told in str(result.exception)
    assert sorted(tmp_path.iterdir()) == before


def test_new_tells_all_problems_at_once(new, tmp_path):
    problems = str(new("Pay", "--topic", "dead-letters", "--key", "timestamp").exception)
    assert len(problems.splitlines()) == 3
