"""Make the generator that a domain names, with the run's seed and the asked rate of patterns."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from riskloom.errors import PluginError, SettingsError

if TYPE_CHECKING:
    from riskloom.discovery import InstalledDomain
    from riskloom.domain import EventGenerator

_RATE = "pattern_rate"
_PACE = 1.0


def make_generator(installed: InstalledDomain, seed: int, pattern_rate: float | None = None) -> EventGenerator:
    """Import and call a domain's factory.

    Args:
        installed: The domain.
        seed: The run's seed; each domain draws its own from it.
        pattern_rate: The share of events that belong to injected patterns, from 0 to below 1. A factory that takes no
            `pattern_rate` is called without it; by default each has its own.

    Raises:
        PluginError: If the factory cannot be had or fails.
    """
    # Domains draw from different numbers, or their events would share ids.
    own_seed = np.random.SeedSequence([seed, crc32(installed.name.encode())]).generate_state(1, np.uint64)
    try:
        factory = _factory(installed)
        asked = {_RATE: pattern_rate} if pattern_rate is not None and _takes_rate(factory) else {}
        generator: EventGenerator = factory(seed=int(own_seed[0]), **asked)
    except Exception as error:
        raise broken(installed, error) from error
    return generator


def pace_of(generator: EventGenerator) -> float:
    """Tell at how many events a second a generator's population is as busy as it should be: its `pace`, if it has one.

    Args:
        generator: The generator. One without a `pace` is taken to make one event a second.
    """
    return float(getattr(generator, "pace", _PACE))


def require_pattern_rate(domains: Sequence[InstalledDomain]) -> None:
    """Refuse domains whose generators take no rate of patterns, where one was asked for.

    Args:
        domains: The chosen domains.

    Raises:
        SettingsError: If there are such.
        PluginError: If a factory cannot be had.
    """
    deaf = []
    for installed in domains:
        try:
            if not _takes_rate(_factory(installed)):
                deaf.append(installed)
        except Exception as error:
            raise broken(installed, error) from error
    if deaf:
        which = "".join(f"\n  - {one.name}: {one.domain.generator} ({one.distribution})" for one in deaf)
        raise SettingsError(
            f"--pattern-rate: these generators have no argument {_RATE}:{which}\n"
            + "Leave them out: "
            + " ".join(f"--without {one.name}" for one in deaf)
        )


def broken(installed: InstalledDomain, error: Exception) -> PluginError:
    """Say that a domain's generator failed, and what to do about it."""
    return PluginError(
        [
            f"{installed.distribution} {installed.version}: generator {installed.domain.generator} of domain "
            f"{installed.name!r} failed: {type(error).__name__}: {error}"
        ],
        f"To leave it out, add `--without {installed.name}` to the command; for the trace, put `--verbose` before it: "
        "`riskloom --verbose ...`.",
    )


def _factory(installed: InstalledDomain) -> Any:
    module, _, factory = installed.domain.generator.partition(":")
    return getattr(import_module(module), factory)


def _takes_rate(factory: Any) -> bool:
    taken = inspect.signature(factory).parameters.values()
    return any(one.name == _RATE or one.kind is inspect.Parameter.VAR_KEYWORD for one in taken)
