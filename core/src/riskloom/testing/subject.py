"""The domain under test, and what is made of it once for all checks: events, scores, a look from another process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from riskloom import discovery
from riskloom.discovery import InstalledDomain
from riskloom.domain import EventDomain
from riskloom.errors import JobError, PluginError
from riskloom.settings import load_settings
from riskloom.stream.batch import score_events
from riskloom.suggest import did_you_mean, listed
from riskloom.testing import session
from riskloom.testing.events import make_events

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVENTS = 6_000
"""Of the domain, and of each domain whose events its features look at."""
UNSCORED = "the events cannot be scored"
SEED = 11
"""Of the events that are made twice, and in another process."""
SAMPLE = 500
"""How many events are looked at one by one."""
_PROBES = 3
IMPORT_LIMIT_S = 0.2
"""Of processor time, for importing the plugin and asking for its declaration."""
_PROBE = Path(__file__).with_name("probe.py")


class CheckFailure(AssertionError):
    """A check found something; the text says what, where, and what to change."""


@dataclass(frozen=True)
class Scored:
    """What the kernel made of the events."""

    table: pa.Table
    """A row for each score, with the fields of the topic `risk-scores`; `features` is a struct."""
    dead_letters: list[dict[str, Any]]


class Subject:
    """A domain, as the checks see it.

    Args:
        name: The name of an installed domain, or of its entry point.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def installed(self) -> InstalledDomain:
        """The domain and its distribution.

        Raises:
            CheckFailure: If it is not installed, or its declaration has problems.
        """
        found = discovery.survey()
        for one in found.domains:
            if self.name in {one.name, one.entry_point}:
                return one
        if found.problems:
            problems = "\n".join(f"  - {problem}" for problem in found.problems)
            raise CheckFailure(f"the domain {self.name!r} cannot be used:\n{problems}")
        names = [one.name for one in found.domains]
        raise CheckFailure(
            f"no installed domain is called {self.name!r}{did_you_mean(self.name, names)}; installed are "
            f"{listed(names)}. Install the package with the entry point: pip install -e ."
        )

    @property
    def domain(self) -> EventDomain:
        """The declaration."""
        return self.installed.domain

    @cached_property
    def together(self) -> tuple[InstalledDomain, ...]:
        """The domain and those installed whose events its features look at."""
        sources = {feature.source for feature in self.domain.window_features}
        others = (one for one in discovery.survey().domains if one.name in sources and one.name != self.domain.name)
        return self.installed, *others

    @property
    def absent(self) -> set[str]:
        """The sources of its features that are not installed."""
        present = {one.name for one in self.together}
        return {feature.source for feature in self.domain.window_features if feature.source} - present

    def generate(self, seed: int, n: int = EVENTS, installed: InstalledDomain | None = None) -> pa.Table:
        """Make events with a generator of its own.

        Raises:
            CheckFailure: If the generator cannot be made, or fails.
        """
        installed = installed or self.installed
        try:
            return make_events(installed, seed, n)
        except PluginError as error:
            raise CheckFailure("\n".join(error.problems)) from error.__cause__
        except Exception as error:
            where = f"{installed.domain.generator} failed to make events"
            raise CheckFailure(f"the generator {where}: {type(error).__name__}: {error}") from error

    @cached_property
    def events(self) -> pa.Table:
        """`EVENTS` events of the domain."""
        return self.generate(seed=1)

    @cached_property
    def spark(self) -> SparkSession:
        """The session that all checks of the process share."""
        return session.shared()

    @cached_property
    def scored(self) -> Scored:
        """The events' scores, through the kernel of the job, with the events of the other domains beside them.

        Raises:
            CheckFailure: If they cannot be scored.
        """
        events = {one.name: self.generate(1, installed=one) for one in self.together[1:]}
        events[self.domain.name] = self.events
        domains = [one.domain for one in self.together]
        try:
            with score_events(self.spark, load_settings(), domains, events) as scores:
                mine = [letter for letter in scores.dead_letters() if letter["domain"] == self.domain.name]
                return Scored(scores.table(self.domain.name), mine)
        except (JobError, ValueError) as error:
            raise CheckFailure(f"{UNSCORED}: {error}") from error

    @cached_property
    def probe(self) -> dict[str, Any]:
        """What another process saw of the plugin and its events; of three imports that took long, the quickest."""
        tries = [self._probe()]
        while tries[-1]["cpu_s"] > IMPORT_LIMIT_S and len(tries) < _PROBES:
            tries.append(self._probe())
        return min(tries, key=lambda seen: float(seen["cpu_s"]))

    def _probe(self) -> dict[str, Any]:
        entry = discovery.entry_of(self.installed)
        asked = {"path": sys.path, "module": entry.module, "attr": entry.attr, "seed": SEED, "events": SAMPLE}
        command = [sys.executable, str(_PROBE), json.dumps(asked)]
        # Other hashes, and so another order of sets.
        environment = {**os.environ, "PYTHONHASHSEED": "12345"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CheckFailure(f"{entry.value} cannot be imported in a process of its own:\n{done.stderr.strip()}")
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


def failures(problems: Sequence[str]) -> None:
    """Raise a `CheckFailure` with all problems, if there are any."""
    if problems:
        raise CheckFailure("\n".join(problems))


def shown(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Write the values of a row by which an answer can be told."""
    return ", ".join(f"{name} = {row[name]!r}" for name in names if name in row) or "no columns"
