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
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[matches[0]]!r}?" if matches else ""


def listed(names: Iterable[str]) -> str:
    """Write names as a sentence's list: sorted, quoted, `none` when there are none."""
    return ", ".join(repr(name) for name in sorted(names)) or "none"
