"""Which event domains are installed: the entry points of the group `riskloom`, each loaded and checked by itself.

The entry points are walked here and not by pluggy, so that every error names the distribution at fault, and so that a
plugin that was left out is never imported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from riskloom.domain import EventDomain
from riskloom.errors import PluginError, SettingsError
from riskloom.hookspecs import PROJECT
from riskloom.loading import load_domain
from riskloom.suggest import did_you_mean, listed
from riskloom.validation import problems_between, problems_of


@dataclass(frozen=True)
class InstalledDomain:
    """An event domain and where it was found."""

    domain: EventDomain
    distribution: str
    """The name of the distribution that holds it, as pip knows it."""
    version: str
    """The distribution's version."""
    entry_point: str
    """The name of its entry point, which is usually the domain's own."""

    @property
    def name(self) -> str:
        """The domain's name."""
        return self.domain.name


@dataclass(frozen=True)
class Survey:
    """What is installed: the domains that can be used, and why the others cannot."""

    domains: tuple[InstalledDomain, ...]
    """Sorted by domain name."""
    problems: tuple[str, ...]
    """One line for each problem; each names the distribution at fault."""
    hint: str
    """The next command to try; empty when there are no problems."""


def discover(only: Sequence[str] = (), without: Sequence[str] = ()) -> tuple[InstalledDomain, ...]:
    """Load and check the installed domains.

    Args:
        only: Names of entry points or domains to use. Default: all. A plugin that is not named is not imported.
        without: Names of entry points or domains to leave out. A plugin named by its entry point is not imported.

    Returns:
        The domains, sorted by domain name; at least one.

    Raises:
        PluginError: If a chosen domain cannot be used, or none is installed. All problems are listed.
        SettingsError: If `only` or `without` names something that is not installed, or they leave nothing.
    """
    found = survey(only, without)
    if found.problems:
        raise PluginError(found.problems, found.hint)
    return found.domains


def survey(only: Sequence[str] = (), without: Sequence[str] = ()) -> Survey:
    """Load and check the installed domains, going on past those that cannot be used.

    Args:
        only: As for `discover`.
        without: As for `discover`.

    Raises:
        SettingsError: As for `discover`.
    """
    installed = [_Plugin(entry, e.name, e.version) for entry in entry_points(group=PROJECT) if (e := entry.dist)]
    if not installed:
        return Survey((), ("no event domain is installed",), "Install one, such as: pip install riskloom-claims")
    chosen = _choose(installed, only, without)
    _check_together(chosen)
    good = [p.installed(p.domain) for p in chosen if not p.problems and p.domain]
    bad = [p for p in chosen if p.problems]
    return Survey(
        domains=tuple(sorted(good, key=lambda found: found.name)),
        problems=tuple(f"{p.label}: {problem}" for p in bad for problem in p.problems),
        hint=_hint(bad) if bad else "",
    )


def entry_of(installed: InstalledDomain) -> EntryPoint:
    """Find the entry point of an installed domain."""
    return next(
        entry
        for entry in entry_points(group=PROJECT)
        if entry.name == installed.entry_point and entry.dist and entry.dist.name == installed.distribution
    )


@dataclass(eq=False)
class _Plugin:
    """An entry point, its declaration once it was asked for, and what is wrong with it."""

    entry: EntryPoint
    distribution: str
    version: str
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def label(self) -> str:
        return f"{self.distribution} {self.version} ({self.name})"

    @cached_property
    def domain(self) -> EventDomain | None:
        answer = load_domain(self.entry)
        if isinstance(answer, EventDomain):
            return answer
        self.problems += answer
        return None

    def installed(self, domain: EventDomain) -> InstalledDomain:
        return InstalledDomain(domain, self.distribution, self.version, self.name)


def _choose(installed: list[_Plugin], only: Sequence[str], without: Sequence[str]) -> list[_Plugin]:
    """Choose by the names of entry points; only a name that is none of them is looked for among the domains."""
    names = {plugin.name for plugin in installed}
    left = [plugin for plugin in installed if plugin.name not in without]
    chosen = [plugin for plugin in left if not only or plugin.name in only]
    others = {*only, *without} - names
    if others:
        by_domain = {plugin.domain.name: plugin for plugin in left if plugin.domain}
        unknown = sorted(others - set(by_domain))
        if unknown:
            known = names | set(by_domain)
            problems = "\n".join(f"no installed domain is called {n!r}{did_you_mean(n, known)}" for n in unknown)
            raise SettingsError(f"{problems}\nInstalled: {listed(known)}. See: riskloom domains list")
        chosen += [plugin for name, plugin in by_domain.items() if name in others.intersection(only)]
        dropped = [by_domain[name] for name in others.intersection(without)]
        chosen = [plugin for plugin in dict.fromkeys(chosen) if plugin not in dropped]
    if not chosen:
        raise SettingsError(f"the domains asked for leave none. Installed: {listed(names)}. See: riskloom domains list")
    return chosen


def _check_together(plugins: list[_Plugin]) -> None:
    """Load the plugins and note what is wrong with each, alone and among the others."""
    _mark_twins(plugins, "entry point", lambda plugin: plugin.name)
    declared = [(p, p.domain) for p in plugins if not p.problems and p.domain]
    of = dict(declared)
    _mark_twins(of, "domain", lambda plugin: of[plugin].name)
    _mark_twins(of, "topic", lambda plugin: of[plugin].topic.name)
    for plugin, domain in declared:
        plugin.problems += problems_of(domain)
    sound = [domain for plugin, domain in declared if not plugin.problems]
    for plugin, domain in declared:
        if domain in sound:
            plugin.problems += problems_between(domain, sound)


def _mark_twins(plugins: Iterable[_Plugin], what: str, name_of: Callable[[_Plugin], str]) -> None:
    same: defaultdict[str, list[_Plugin]] = defaultdict(list)
    for plugin in plugins:
        same[name_of(plugin)].append(plugin)
    for name, twins in same.items():
        for plugin in twins:
            others = ", ".join(other.label for other in twins if other is not plugin)
            if others:
                plugin.problems.append(f"{what} {name!r} is also that of {others}; uninstall one of them")


def _hint(bad: list[_Plugin]) -> str:
    without = " ".join(f"--without {name}" for name in sorted({plugin.name for plugin in bad}))
    upgrade = " ".join(sorted({plugin.distribution for plugin in bad}))
    return f"Run without what is broken, by adding {without}, or mend it: pip install --upgrade {upgrade}"
