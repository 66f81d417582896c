"""Tables on the terminal: wrapped to its width, never cut when the output goes to a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# Wide enough for any row, so that a pipe gets one line for each.
_PIPE_WIDTH = 2000


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under a header.

    Args:
        columns: The header.
        rows: As many values in each as there are columns; numbers stand to the right.
    """
    _print(rows, columns, indent=0)


def print_section(title: str, rows: Iterable[Sequence[Any]]) -> None:
    """Print rows below a title, indented; nothing when there are no rows.

    Args:
        title: The line above.
        rows: Rows of one length; a column that is empty in all of them is left out.
    """
    columns = [column for column in zip(*rows, strict=True) if any(str(value) for value in column)]
    if columns:
        _print(zip(*columns, strict=True), (), indent=2, title=title)


def _print(rows: Iterable[Sequence[Any]], columns: Sequence[str], indent: int, title: str = "") -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    table = Table(box=None, show_header=bool(columns), show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    listed = [list(row) for row in rows]
    for number, column in enumerate(columns or (listed[0] if listed else ())):
        right = bool(listed) and all(isinstance(row[number], (int, float)) for row in listed)
        table.add_column(Text(str(column)), justify="right" if right else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(str(value)) for value in row))
    if title:
        console.print()
        console.print(Text(title, style="bold"))
    console.print(Padding(table, (0, 0, 0, indent), expand=False))
