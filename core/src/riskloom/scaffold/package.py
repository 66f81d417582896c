"""Write the package of a new domain."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from string import Template

from riskloom.discovery import InstalledDomain
from riskloom.errors import SettingsError
from riskloom.topics import DEAD_LETTERS_TOPIC, SCORES_TOPIC

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_FIELDS = {"event_id", "timestamp", "amount", "channel", "pattern"}
"""The other fields of the schema that is written."""


@dataclass(frozen=True)
class NewDomain:
    """What a new domain is called."""

    name: str
    entity: str
    key: str
    topic: str

    @property
    def distribution(self) -> str:
        """The name for pip."""
        return f"riskloom-{self.name.replace('_', '-')}"

    @property
    def package(self) -> str:
        """The name for Python."""
        return f"riskloom_{self.name}"

    @property
    def record(self) -> str:
        """The name of the Avro record, and of the test class."""
        return "".join(word.capitalize() for word in self.name.split("_"))


def write_package(domain: NewDomain, folder: Path, installed: Iterable[InstalledDomain]) -> list[Path]:
    """Write the package.

    Args:
        domain: How things are called.
        folder: Where to; it must not exist yet, or be empty.
        installed: The domains that there are, whose names are taken.

    Returns:
        The files.

    Raises:
        SettingsError: If a name cannot be used, or the folder holds something. All problems are listed.
    """
    problems = list(_problems(domain, folder, list(installed)))
    if problems:
        raise SettingsError("\n".join(problems))
    templates = resources.files(__package__).joinpath("template")
    names = {name: getattr(domain, name) for name in ("name", "entity", "key", "topic", "distribution", "package")}
    files = {
        "pyproject.toml": "pyproject.toml",
        f"{domain.package}/__init__.py": "plugin.py",
        f"{domain.package}/schema.avsc": "schema.avsc",
        f"{domain.package}/generator.py": "generator.py",
        f"tests/test_{domain.name}.py": "test.py",
    }
    for path, template in files.items():
        text = Template(templates.joinpath(f"{template}.txt").read_text("utf-8"))
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text.substitute(names, record=domain.record), "utf-8")
    return [folder / path for path in files]


def _problems(domain: NewDomain, folder: Path, installed: list[InstalledDomain]) -> Iterator[str]:
    for what, name in (("the name", domain.name), ("--entity", domain.entity), ("--key", domain.key)):
        if not _NAME.fullmatch(name) or keyword.iskeyword(name):
            near = re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_0123456789")
            hint = f"; did you mean {near!r}?" if _NAME.fullmatch(near) and not keyword.iskeyword(near) else ""
            yield f"{what}: {name!r} is not small letters, digits and _, beginning with a letter, and no keyword{hint}"
    if domain.key in _FIELDS:
        yield f"--key: the schema has another field {domain.key!r}; choose a name such as {domain.entity}_id"
    if not _TOPIC.fullmatch(domain.topic) or domain.topic in {SCORES_TOPIC, DEAD_LETTERS_TOPIC, ".", ".."}:
        yield f"--topic: {domain.topic!r} is not a name of a topic that a domain can have: letters, digits, . _ and -"
    for one in installed:
        if domain.name in {one.name, one.entry_point}:
            yield f"the name: {domain.name!r} is already a domain, that of {one.distribution} {one.version}"
        if domain.topic == one.domain.topic.name:
            yield f"--topic: {domain.topic!r} is already that of the domain {one.name!r} ({one.distribution})"
    if find_spec(domain.package) is not None and not any(one.name == domain.name for one in installed):
        yield f"the name: there is already a package {domain.package!r}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        yield f"{folder} exists and is not an empty folder: give another with --folder"
