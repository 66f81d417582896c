"""The one hook of riskloom. This module imports nothing heavy, so that a plugin stays quick to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from riskloom.domain import EventDomain

PROJECT = "riskloom"
"""The pluggy project name and the entry-point group in which plugins register."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def riskloom_event_domain() -> EventDomain:  # type: ignore[empty-body]
    """Declare an event domain.

    Called once, when the installed domains are discovered: by every command that needs them, never at import. It must
    not open a connection, start a JVM or read anything but the package's own files.

    Returns:
        The whole declaration. It is checked as a whole; every problem is reported with the distribution's name.
    """
