"""Load one plugin: import its entry point, call its hook, and put what goes wrong into one line each."""

from __future__ import annotations

import reprlib
import traceback
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pluggy
from pydantic import BaseModel, ValidationError

from riskloom import domain as contract
from riskloom import hookspecs
from riskloom.domain import EventDomain
from riskloom.suggest import did_you_mean

_HOOK = hookspecs.riskloom_event_domain.__name__


def load_domain(entry: EntryPoint) -> EventDomain | tuple[str, ...]:
    """Import a plugin and ask it for its declaration.

    Args:
        entry: An entry point of the group `riskloom`: a module, or an object, with the hook.

    Returns:
        The declaration, not yet checked as a whole; or the problems, one line each, without the distribution's name.
    """
    try:
        plugin = entry.load()
    except (Exception, SystemExit) as error:
        return _failure(f"cannot import {entry.value}", error, entry)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if isinstance(plugin, EventDomain):
        return (f"{entry.value} is the declaration itself: the entry point must name the module with the hook {_HOOK}",)
    try:
        manager.register(plugin, name=entry.name)
    except pluggy.PluginValidationError as error:
        return (f"{entry.value}: {_one_line(error)}",)
    misspelt = tuple(_misspelt(manager, plugin, entry))
    if misspelt:
        return misspelt
    if not manager.hook.riskloom_event_domain.get_hookimpls():
        return (_missing(plugin, entry),)
    try:
        answers = manager.hook.riskloom_event_domain()
    except (Exception, SystemExit) as error:
        return _failure(f"the hook {_HOOK} of {entry.value} failed", error, entry)
    # pluggy leaves an answer of None out.
    answer = answers[0] if answers else None
    if not isinstance(answer, EventDomain):
        return (f"the hook {_HOOK} of {entry.value} must return an EventDomain, not {type(answer).__name__}",)
    return answer


def _misspelt(manager: pluggy.PluginManager, plugin: Any, entry: EntryPoint) -> Iterator[str]:
    """Name the plugin's hooks that riskloom does not have, as `PluginManager.check_pending` does, all of them."""
    for caller in manager.get_hookcallers(plugin) or ():
        if not caller.has_spec() and not all(hook.optionalhook for hook in caller.get_hookimpls()):
            yield f"{entry.value}: riskloom has no hook {caller.name!r}{did_you_mean(caller.name, [_HOOK])}"


def _missing(plugin: Any, entry: EntryPoint) -> str:
    if callable(getattr(plugin, _HOOK, None)):
        return f"{entry.value}: {_HOOK} is not marked as a hook; put @riskloom.hookspecs.hookimpl above it"
    near = did_you_mean(
        _HOOK, [name for name in vars(plugin) if "__" not in name] if hasattr(plugin, "__dict__") else ()
    )
    return f"{entry.value} has no hook {_HOOK}{near}"


def _failure(what: str, error: BaseException, entry: EntryPoint) -> tuple[str, ...]:
    where = _where(error, entry)
    if not isinstance(error, ValidationError):
        return (f"{what}: {type(error).__name__}: {_one_line(error)}{where}",)
    errors = error.errors()
    # A part that fails is missing from the whole: only the part is told.
    parents = {e["loc"][:length] for e in errors for length in range(len(e["loc"]))}
    return tuple(
        f"{error.title}{_path(e['loc'])}: {_reason(error.title, e)}{where}" for e in errors if e["loc"] not in parents
    )


def _reason(title: str, error: Any) -> str:
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        model = getattr(contract, title, BaseModel)
        return f"there is no such setting{did_you_mean(error['loc'][0], model.model_fields)}"
    if error["type"] == "missing":
        return "it is required"
    return f"{error['msg']}, not {reprlib.repr(error['input'])}"


def _path(loc: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)


def _where(error: BaseException, entry: EntryPoint) -> str:
    """Find the plugin's own line: the last one of the trace that is in the plugin's package."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}:{error.lineno})"
    package = entry.module.partition(".")[0]
    own = [
        f" ({frame.f_code.co_filename}:{line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] == package
    ]
    return own[-1] if own else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
