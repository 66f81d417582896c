"""Drawing, for the commands that have `--plot`. Needs matplotlib: the extra `plot`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from riskloom.errors import SettingsError


def require_matplotlib() -> None:
    """Check that pictures can be drawn, before time is spent on what they show.

    Raises:
        SettingsError: If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise SettingsError("--plot needs matplotlib: pip install 'riskloom[plot]'") from None


@contextmanager
def figure(file: Path, columns: int, rows: int = 1, *, sharey: Any = "row") -> Iterator[list[list[Any]]]:
    """Make a figure with panels in rows, and save it at the end.

    Args:
        file: Where to; its suffix says the format.
        columns: Panels in a row.
        rows: Rows of panels.
        sharey: Which panels have one scale, as matplotlib takes it.

    Yields:
        The panels, row by row.
    """
    from matplotlib.figure import Figure

    made = Figure(figsize=(6 * columns, 4 * rows), layout="constrained")
    yield [list(row) for row in made.subplots(rows, columns, sharey=sharey, squeeze=False)]
    made.savefig(file)
