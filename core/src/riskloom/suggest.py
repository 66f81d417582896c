"""Close matches for mistyped names, in the words of an error message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the name that was likely meant.

    Args:
        name: What was written.
        known: What could have been written.

    Returns:
        `; did you mean 'amount'?`, to be put at the end of an error's text; empty when nothing comes close.
    """
    near = closest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def closest(name: str, known: Iterable[str]) -> str | None:
    """Find the known name that comes closest, whatever its case; None when none comes close."""
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower_case, n=1)
    return by_lower_case[matches[0]] if matches else None


def listed(names: Iterable[str]) -> str:
    """Write names as a sentence's list: sorted, quoted, `none` when there are none."""
    return ", ".join(repr(name) for name in sorted(names)) or "none"
