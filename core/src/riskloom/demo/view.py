"""The live view of the demo, for a terminal."""

from __future__ import annotations

from collections import deque

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from riskloom.demo.observer import Latency
from riskloom.demo.pipeline import Moment, Summary

_LEVEL_STYLES = {"low": "green", "medium": "yellow", "high": "dark_orange", "critical": "bold red"}
_RATE_SPAN_S = 5.0


class View:
    """Draws moments; keeps the last few to tell rates."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, int, int]] = deque()

    def draw(self, moment: Moment) -> RenderableType:
        """Draw what is going on now."""
        produced, scored = sum(moment.produced.values()), moment.seen.scored.total()
        self._past.append((moment.elapsed, produced, scored))
        while moment.elapsed - self._past[0][0] > _RATE_SPAN_S and len(self._past) > 2:
            self._past.popleft()
        then, produced_then, scored_then = self._past[0]
        span = max(moment.elapsed - then, 1e-9)
        head = Table.grid(padding=(0, 3))
        head.add_row(
            f"[bold]{min(moment.elapsed, moment.duration):.0f}[/] of {moment.duration:.0f} s",
            f"in [bold]{(produced - produced_then) / span:,.0f}[/]/s",
            f"scored [bold]{(scored - scored_then) / span:,.0f}[/]/s",
            f"latency {_latency(moment.recent_latency)}",
        )
        return Panel(
            Group(head, Text(), _domains(moment), Text(), events(moment.seen.recent, "riskiest of the last minute")),
            title="riskloom",
            border_style="cyan",
        )


def _latency(latency: Latency) -> str:
    parts = [f"{name} [bold]{'-' if v is None else f'{v:.0f}'}[/]" for name, v in vars(latency).items()]
    return " ".join(parts) + " ms"


def _domains(moment: Moment) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("domain")
    for name in ("produced", "scored", "dead letters"):
        table.add_column(name, justify="right")
    for level, style in _LEVEL_STYLES.items():
        table.add_column(level, justify="right", style=style)
    for name in sorted({*moment.produced, *moment.seen.dead_lettered}):
        counts = [moment.produced.get(name, 0), moment.seen.scored[name], moment.seen.dead_lettered[name]]
        counts += [moment.seen.levels[name, level] for level in _LEVEL_STYLES]
        table.add_row(name, *(f"{count:,}" for count in counts))
    return table


def events(found: list[dict[str, object]], title: str) -> Table:
    """Draw scored events with their reasons."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
    for column in ("score", "level", "domain", "event"):
        table.add_column(column, no_wrap=True)
    table.add_column("reasons", ratio=1, no_wrap=True, overflow="ellipsis")
    for event in found:
        level = str(event["level"])
        reasons = ", ".join(f"{r['code']} {r['weight']:.2f}" for r in event["reasons"])  # type: ignore[attr-defined]
        style = _LEVEL_STYLES.get(level, "")
        texts = (str(event["domain"]), str(event["event_id"])[:8], reasons)
        # As Text: what stands in brackets in an event is no markup.
        table.add_row(f"{event['score']:.2f}", Text(level, style), *map(Text, texts))
    return table


def print_summary(summary: Summary, console: Console) -> None:
    """Print what the demo came to, for a person."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("domain")
    for column in ("produced", "scored", "dead letters"):
        table.add_column(column, justify="right")
    for name in sorted({*summary.produced, *summary.dead_lettered}):
        counts = (summary.produced.get(name, 0), summary.scored.get(name, 0), summary.dead_lettered.get(name, 0))
        table.add_row(name, *(f"{count:,}" for count in counts))
    console.print(table)
    console.print(events(list(map(dict, summary.top)), "riskiest events"))
    console.print(f"latency, event to score received: {_latency(summary.latency_ms)}", end="")
    console.print(f" after {summary.warm_up_seconds:.0f} s of warm-up ({_latency(summary.latency_ms_all)} overall)")
    style = "bold green" if summary.passed else "bold red"
    console.print(f"[{style}]{sum(summary.scored.values()):,} events scored, {summary.lost:,} lost[/]")
