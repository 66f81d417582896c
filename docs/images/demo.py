"""Draw docs/images/demo.svg: the live view of a real run of the demo. Run: `uv run python docs/images/demo.py`."""

from __future__ import annotations

import io
import re
from pathlib import Path
from threading import Event

from rich.console import Console

from riskloom.demo.pipeline import Moment, run_demo
from riskloom.demo.view import View
from riskloom.discovery import discover

PICTURE = Path(__file__).with_name("demo.svg")
DURATION_S = 60.0
TAKEN_AT_S = 55.0
COLUMNS = 112


def main() -> None:
    """Run the demo as `riskloom demo --rate 2000 --duration 60` does, and keep what it shows near the end."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    view, drawn = View(), False

    def show(moment: Moment) -> None:
        nonlocal drawn
        picture = view.draw(moment)
        if not drawn and moment.elapsed >= TAKEN_AT_S:
            console.print(picture)
            drawn = True

    summary = run_demo(discover(), rate=2000, duration=DURATION_S, seed=0, report=print, show=show, asked=Event())
    svg = console.export_svg(title="riskloom demo --rate 2000 --duration 60")
    # The reader's own monospaced font: a picture in a page may not load one.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), "utf-8")
    print(f"{PICTURE}: {sum(summary.scored.values()):,} events scored, {summary.lost} lost, {summary.latency_ms}")


if __name__ == "__main__":
    main()
