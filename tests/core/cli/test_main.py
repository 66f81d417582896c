import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from riskloom.cli import main as module
from riskloom.cli.main import cli, main
from riskloom.errors import JobError

COMMANDS = list(cli.commands) or cli.list_commands(click.Context(cli))


def _words(command, context, words=()):
    """Yield the words that reach each command, those of groups included."""
    yield words
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _words(command.get_command(context, name), context, (*words, name))


EVERY_COMMAND = list(_words(cli, click.Context(cli)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_and_has_a_help(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=lambda words: " ".join(["riskloom", *words]))
def test_every_help_shows_its_examples_line_by_line(words):
    shown = CliRunner().invoke(cli, [*words, "--help"]).output
    assert "\\b" not in shown
    assert "\b" not in shown
    examples = shown.partition("Examples:\n")[2].split("\n\n")[0].splitlines()
    assert examples
    assert all("riskloom" in line and line.startswith("    ") for line in examples), examples


def test_help_imports_no_command_and_nothing_heavy():
    code = (
        "import sys\nfrom riskloom.cli.main import cli\ncli(['--help'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.split('.')[0] in "
        "('pyarrow', 'numpy', 'pydantic', 'sqlglot', 'confluent_kafka', 'pyspark', 'rich')"
        " or name.startswith('riskloom.cli.') and name != 'riskloom.cli.main'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_an_unknown_command_is_refused():
    result = CliRunner().invoke(cli, ["prodcue"])
    assert result.exit_code == 2
    assert "prodcue" in result.stderr


def _raise(monkeypatch, error, *arguments):
    @click.command()
    def broken():
        raise error

    monkeypatch.setattr(module.LazyGroup, "get_command", lambda *_: broken)
    monkeypatch.setattr(sys, "argv", ["riskloom", *arguments, "run"])
    main()


def test_an_error_is_told_without_its_trace_and_with_its_code(monkeypatch, capsys):
    with pytest.raises(SystemExit) as caught:
        _raise(monkeypatch, JobError("it ended\nStart it again."))
    assert caught.value.code == JobError.exit_code
    assert capsys.readouterr().err == "riskloom: it ended\nStart it again.\n"


def test_verbose_shows_the_trace(monkeypatch):
    with pytest.raises(JobError):
        _raise(monkeypatch, JobError("it ended"), "--verbose")


def test_a_mistake_of_riskloom_itself_keeps_its_trace(monkeypatch):
    with pytest.raises(ZeroDivisionError):
        _raise(monkeypatch, ZeroDivisionError())


@pytest.mark.parametrize(("error", "code"), [(click.exceptions.Abort(), 130), (click.UsageError("no"), 2)])
def test_clicks_own_errors_keep_their_codes(monkeypatch, capsys, error, code):
    with pytest.raises(SystemExit) as caught:
        _raise(monkeypatch, error)
    assert caught.value.code == code
