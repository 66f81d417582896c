import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from riskloom.discovery import discover, survey
from riskloom.errors import PluginError, SettingsError

BAD_PLUGINS = Path(__file__).parents[1] / "bad_plugins"
BAD = sorted(path.stem for path in BAD_PLUGINS.glob("bad_*.py"))


def _expected(path: Path) -> tuple[str, list[str]]:
    """Read a bad plugin's entry point and the problems it must be told of, from its docstring."""
    lines = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()
    entry = next((line.removeprefix("entry: ") for line in lines if line.startswith("entry: ")), path.stem)
    return entry, [line[8:].replace("{file}", str(path)) for line in lines if line.startswith("expect: ")]


@pytest.mark.parametrize("case", BAD)
def test_a_bad_plugin_is_told_by_its_distribution(case, install):
    entry, expected = _expected(BAD_PLUGINS / f"{case}.py")
    install("acme-events", entry, version="2.1")
    with pytest.raises(PluginError) as caught:
        discover()
    assert len(caught.value.problems) == len(expected)
    for problem, text in zip(caught.value.problems, expected, strict=True):
        assert problem.startswith(f"acme-events 2.1 ({case}): {text}")
        assert "\n" not in problem
    assert f"--without {case}" in str(caught.value)
    assert "pip install --upgrade acme-events" in str(caught.value)


def test_a_syntax_error_is_told_with_its_line(install):
    (install.folder / "half_written.py").write_text("x = 1\ndef riskloom_event_domain(:\n")
    install("half-written", "half_written")
    with pytest.raises(PluginError, match=r"SyntaxError: .*half_written\.py:2\)"):
        discover()


def test_a_module_that_is_not_there_is_told(install):
    install("acme", "acme_not_there.plugin", name="acme")
    with pytest.raises(PluginError, match=r"acme 1\.0 \(acme\): cannot import acme_not_there\.plugin: ModuleNotFound"):
        discover()


def test_sound_domains_are_sorted_by_name_and_know_where_they_come_from(install):
    install.domain("zeta-events", "name='a_payments', topic=Topic(name='a')", name="zeta", version="3.2.1")
    install.domain("alpha-events", "name='b_payments', topic=Topic(name='b')", name="alpha")
    found = discover()
    assert [installed.name for installed in found] == ["a_payments", "b_payments"]
    assert (found[0].distribution, found[0].version, found[0].entry_point) == ("zeta-events", "3.2.1", "zeta")


def test_all_problems_of_all_plugins_are_told_at_once_and_the_sound_ones_are_found(install):
    install("one", "bad_no_hook")
    install("two", "bad_import_missing")
    install("three", "bad_names")
    install.domain("four", "name='four', topic=Topic(name='four')")
    found = survey()
    assert [installed.distribution for installed in found.domains] == ["four"]
    assert {problem.split()[0] for problem in found.problems} == {"one", "two", "three"}
    assert len(found.problems) == 7


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        ("entry point 'same'", "name='a', topic=Topic(name='a')", "name='b', topic=Topic(name='b')"),
        ("domain 'payments'", "topic=Topic(name='a')", "topic=Topic(name='b')"),
        ("topic 'payments'", "name='a'", "name='b'"),
    ],
)
def test_two_of_one_name_are_told_for_both(install, what, first, second):
    names = ["same", "same"] if what.startswith("entry") else ["first", "second"]
    install.domain("first-events", first, name=names[0])
    install.domain("second-events", second, name=names[1])
    with pytest.raises(PluginError) as caught:
        discover()
    assert list(caught.value.problems) == [
        f"first-events 1.0 ({names[0]}): {what} is also that of second-events 1.0 ({names[1]}); uninstall one of them",
        f"second-events 1.0 ({names[1]}): {what} is also that of first-events 1.0 ({names[0]}); uninstall one of them",
    ]


def test_plugins_of_one_entry_point_name_are_not_imported(install):
    install.domain("first-events", name="same")
    install.domain("second-events", name="same")
    assert survey().domains == ()
    assert install.loaded() == set()


def test_one_of_two_with_one_topic_can_be_left_out(install):
    install.domain("first-events", "name='a'", name="first")
    install.domain("second-events", "name='b'", name="second")
    assert [installed.name for installed in discover(without=["second"])] == ["a"]


@pytest.mark.parametrize("choice", [{"without": ["bad_import_raises"]}, {"only": ["good"]}])
def test_a_broken_plugin_that_is_left_out_is_not_imported(install, choice):
    install("acme-events", "bad_import_raises")
    install.domain("good-events", name="good")
    assert [installed.distribution for installed in discover(**choice)] == ["good-events"]
    assert "bad_import_raises" not in sys.modules
    assert install.loaded() == {"good_events", "sound_domain"}


@pytest.mark.parametrize("choice", [{"without": ["a"]}, {"only": ["b"]}, {"only": ["b", "a"], "without": ["a"]}])
def test_domains_are_chosen_by_their_own_name_too(install, choice):
    install.domain("first-events", "name='a', topic=Topic(name='a')", name="first")
    install.domain("second-events", "name='b', topic=Topic(name='b')", name="second")
    assert [installed.name for installed in discover(**choice)] == ["b"]


@pytest.mark.parametrize("choice", [{"without": ["paiments"]}, {"only": ["paiments"]}])
def test_an_unknown_name_is_told_with_the_close_match(install, choice):
    install.domain("acme-events", name="acme")
    with pytest.raises(SettingsError) as caught:
        discover(**choice)
    assert "no installed domain is called 'paiments'; did you mean 'payments'?" in str(caught.value)
    assert "Installed: 'acme', 'payments'" in str(caught.value)


def test_a_choice_that_leaves_nothing_is_told(install):
    install.domain("acme-events", name="acme")
    with pytest.raises(SettingsError, match="leave none"):
        discover(only=["acme"], without=["acme"])


def test_no_domain_installed_is_told_with_how_to_install_one(install):
    with pytest.raises(PluginError, match=r"no event domain is installed\nInstall one, such as: pip install riskloom-"):
        discover()


_CLAIMS_WINDOW = (
    "window_features=(WindowFeature(name='claim_count_1hr', aggregate='count', window='1hr', source='claims',"
    " where='{where}'),), derived_features=(),"
    " rule=ScoringRule(version='1', terms=(Term(code='MANY', sql='claim_count_1hr > 2', weight=1),))"
)


def test_a_source_is_checked_when_it_is_installed_and_no_problem_when_it_is_not(install):
    install.domain("payment-events", _CLAIMS_WINDOW.format(where="amout > 1"), name="payments")
    assert survey().problems == ()
    install.domain("claim-events", "name='claims', topic=Topic(name='claims')", name="claims")
    assert survey().problems == (
        "payment-events 1.0 (payments): window feature 'claim_count_1hr' of source 'claims': where: "
        "unknown column 'amout'; did you mean 'amount'?",
    )


def test_a_source_that_is_itself_broken_is_told_alone(install):
    install.domain("payment-events", _CLAIMS_WINDOW.format(where="amout > 1"), name="payments")
    install.domain("claim-events", "name='claims', topic=Topic(name='claims'), key='x'", name="claims")
    assert [problem.split()[0] for problem in survey().problems] == ["claim-events"]


def test_the_command_line_names_a_broken_distribution_and_runs_without_it(install):
    install("acme-events", "bad_import_missing", name="acme")
    install.domain("good-events", "name='good', topic=Topic(name='good')", name="good")
    path = os.pathsep.join([str(install.folder), str(BAD_PLUGINS)])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "riskloom", "domains", "list", *arguments]
        return subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )

    broken = run()
    assert broken.returncode == 3
    assert "acme-events 1.0 (acme): cannot import bad_import_missing" in broken.stderr
    assert "Traceback" not in broken.stderr
    assert "good-events" in broken.stdout
    mended = run("--without", "acme")
    assert (mended.returncode, mended.stderr) == (0, "")
