"""The documentation is whole and true to the code: every command, option, setting, reason and error is in it."""

import ast
import json
import re
import tomllib
from pathlib import Path

import click
import pytest

from riskloom import errors
from riskloom.cli.main import cli
from riskloom.domain import EventDomain, _Part
from riskloom.schemas.topics import DEAD_LETTER_SCHEMA, RISK_SCORE_SCHEMA
from riskloom.settings import Settings

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), CORE / "README.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def page(name):
    return (ROOT / name).read_text("utf-8")


def leaves(command, context, words=()):
    """Yield each command that does something, with the words that reach it."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    for name in command.list_commands(context):
        yield from leaves(command.get_command(context, name), context, (*words, name))


COMMANDS = dict(leaves(cli, click.Context(cli)))


def section(text, heading):
    """Return the text below a heading, up to the next one."""
    return re.split(r"^#", text.partition(f"{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_documented(words):
    text = section(page("docs/commands.md"), f"## riskloom {' '.join(words)}")
    assert text
    names = {name for option in COMMANDS[words].params for name in option.opts if name.startswith("--")}
    assert names == set(re.findall(r"(?<=`)--[a-z-]+", text))


def test_the_readme_names_every_command():
    assert all(re.search(rf"riskloom {words[0]}\b|`{words[0]}`", page("README.md")) for words in COMMANDS)


@pytest.mark.parametrize("name", ["README.md", "docs/kafka-setup.md"])
def test_every_setting_is_documented(name):
    settings = {f"RISKLOOM_{field.upper()}" for field in Settings.model_fields}
    assert settings == set(re.findall(r"^\| `(RISKLOOM_[A-Z_]+)` \|", page(name), re.MULTILINE)) & settings
    others = set(re.findall(r"RISKLOOM_[A-Z_]+", page(name))) - settings
    assert others <= {"RISKLOOM_UID"}  # of the compose file


def test_every_error_is_documented_with_its_exit_status():
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.RiskloomError)
    ]
    assert len(kinds) > 5
    documented = set(re.findall(r"^\| (\d+) \| `(\w+)` \|", page("docs/commands.md"), re.MULTILINE))
    assert documented == {(str(kind.exit_code), kind.__name__) for kind in kinds}


def reasons():
    """Find the reason codes of dead letters in the sources: those of the kernel, and those of the producer."""
    for path in (CORE / "jvm" / "src").rglob("*.java"):
        text = path.read_text("utf-8")
        yield from (("decode", code) for code in re.findall(r'new Refused\(\s*"(\w+)"', text))
        yield from (("score", code) for code in re.findall(r'\.write\(\s*"score",[^,]+,\s*"(\w+)"', text))
    for path in (CORE / "src" / "riskloom" / "produce").glob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            values = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "reason")]
            called = ast.unparse(call.func).rpartition(".")[2]
            if called in {"Row", "row", "_letter"}:
                yield from (
                    ("produce", value.value)
                    for value in values
                    if isinstance(value, ast.Constant) and isinstance(value.value, str) and "_" in value.value
                )


def test_every_reason_of_a_dead_letter_is_documented():
    text = section(page("docs/spark-streaming.md"), "## Dead letters")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE)
    documented = {(stage, code) for stage, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    found = set(reasons())
    assert {stage for stage, _ in found} == {"decode", "score", "produce"}
    assert documented == found


@pytest.mark.parametrize(
    ("heading", "schema"),
    [("## Scores", RISK_SCORE_SCHEMA), ("## Dead letters", DEAD_LETTER_SCHEMA)],
    ids=["scores", "dead letters"],
)
def test_every_field_of_what_the_job_writes_is_documented(heading, schema):
    text = section(page("docs/spark-streaming.md"), heading)
    assert [field["name"] for field in schema["fields"] if f"`{field['name']}`" not in text] == []


PARTS = [EventDomain, *(part for part in _Part.__subclasses__() if part is not EventDomain)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_of_the_contract_is_documented(part):
    text = page("docs/writing-a-plugin.md")
    name = {"Band": "ScoringRule"}.get(part.__name__, part.__name__)
    found = section(text, f"# {name}")
    assert [field for field in part.model_fields if f"`{field}`" not in found] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_link_is_broken(path):
    for link in LINK.findall(path.read_text("utf-8")):
        if link.startswith(("http:", "https:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, link


PARSERS = {
    "python": lambda text: compile(text, "example", "exec"),
    "toml": tomllib.loads,
    "json": json.loads,
}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_code_block_parses(path):
    for language, text in BLOCK.findall(path.read_text("utf-8")):
        if language in PARSERS:
            PARSERS[language](text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_in_an_example_exists(path):
    for language, text in BLOCK.findall(path.read_text("utf-8")):
        if language != "console":
            continue
        for words in re.findall(r"^\$ .*?\briskloom ([a-z-]+)(?: ([a-z-]+))?", text, re.MULTILINE):
            assert any(words[: len(command)] == command for command in COMMANDS), words
