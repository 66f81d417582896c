"""Whether what was served is what history says: rows of the stream beside rows computed once more, bit by bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from riskloom.features.history import Span
from riskloom.features.layouts import Layout
from riskloom.features.offline import OfflineStore, database
from riskloom.features.sql import quoted
from riskloom.plots import figure

_EXAMPLES = 5
_SCORED = ("score", "level")
"""What the rule's version decides; compared where it is the same."""
_FLAGS = ("late", "duplicate")


def skew(served: OfflineStore, computed: OfflineStore, layouts: Sequence[Layout], span: Span) -> dict[str, Any]:
    """Compare the rows of a span.

    Args:
        served: Holds what the stream wrote.
        computed: Holds the same span, computed once more, and nothing else.
        layouts: The versions compared.
        span: Which event times.

    Returns:
        `matched`, `different`: rows that are in both, alike or not; `missing`: events that the stream wrote no row of;
        `gone`: rows of events that history no longer has; of all together and by domain, with the features that differ.
    """
    domains = {layout.domain: _domain(served, computed, layout, span) for layout in layouts}
    names = ("matched", "different", "missing", "gone")
    return {name: sum(one[name] for one in domains.values()) for name in names} | {"domains": domains}


def agrees(result: dict[str, Any]) -> bool:
    """Say whether a comparison found no skew: something was compared, and nothing differs or is missing."""
    return bool(result["matched"]) and not result["different"] and not result["missing"]


def _domain(served: OfflineStore, computed: OfflineStore, layout: Layout, span: Span) -> dict[str, Any]:
    import pyarrow.dataset as ds

    version, features = layout.feature_version, [one.name for one in layout.features]
    with database() as connection:
        parts = served.parts(layout.domain, start=span.start, end=span.end, version=version)
        rows = served.query(connection, parts, layout.schema, start=span.start, end=span.end, origins=["stream"])
        rows.to_table("served")
        files = [part.path for part in computed.parts(layout.domain, version=version)]
        again = ds.dataset(files, layout.schema, "parquet", computed.files) if files else layout.schema.empty_table()
        connection.register("computed", again)
        compared = [*_FLAGS, *_SCORED, *features]
        differ = [f"{_differs(name)} AS {quoted('differs ' + name)}" for name in compared]
        # An event that was sent twice has two rows computed, of which the store keeps one.
        connection.execute(
            f"""
            CREATE TEMP TABLE pairs AS
            SELECT s.event_id, s.event_timestamp, s AS s, r AS r, {", ".join(differ)}
            FROM served s JOIN computed r USING (event_id)
            QUALIFY row_number() OVER (
                PARTITION BY s.event_id, s.rule_version ORDER BY r.duplicate = s.duplicate DESC, r.sequence DESC
            ) = 1
            """
        )
        any_differs = " OR ".join(quoted("differs " + name) for name in compared)
        [(matched, different)] = connection.sql(
            f"SELECT count(*) FILTER (NOT ({any_differs})), count(*) FILTER ({any_differs}) FROM pairs"
        ).fetchall()
        [(missing,)] = connection.sql(
            "SELECT count(DISTINCT event_id) FROM computed WHERE event_id NOT IN (SELECT event_id FROM served)"
        ).fetchall()
        [(gone,)] = connection.sql(
            "SELECT count(*) FROM served WHERE event_id NOT IN (SELECT event_id FROM computed)"
        ).fetchall()
        return {
            "feature_version": version,
            "matched": matched,
            "different": different,
            "missing": missing,
            "gone": gone,
            "features": _features(connection, compared) if different else {},
            "examples": _examples(connection, compared, any_differs) if different else [],
        }


def _differs(name: str) -> str:
    differs = f"s.{quoted(name)} IS DISTINCT FROM r.{quoted(name)}"
    return f"({differs} AND s.rule_version = r.rule_version)" if name in _SCORED else f"({differs})"


def _features(connection: Any, compared: Sequence[str]) -> dict[str, Any]:
    """Tell of each column that differs in how many rows it does, and by how much at most."""
    found = {}
    for name in compared:
        numbers = f"max(abs(s.{quoted(name)}::DOUBLE - r.{quoted(name)}::DOUBLE))" if name != "level" else "NULL"
        [(rows, largest)] = connection.sql(
            f"SELECT count(*), {numbers} FROM pairs WHERE {quoted('differs ' + name)}"
        ).fetchall()
        if rows:
            found[name] = {"rows": rows, "largest_difference": largest}
    return found


def _examples(connection: Any, compared: Sequence[str], any_differs: str) -> list[dict[str, Any]]:
    rows = connection.sql(
        f"SELECT event_id, event_timestamp, s, r FROM pairs WHERE {any_differs} "
        f"ORDER BY event_timestamp LIMIT {_EXAMPLES}"
    ).fetchall()
    return [
        {
            "event_id": event,
            "event_time": time.isoformat(),
            "served": {name: s[name] for name in compared if repr(s[name]) != repr(r[name])},
            "computed": {name: r[name] for name in compared if repr(s[name]) != repr(r[name])},
        }
        for event, time, s, r in rows
    ]


def plot_skew(file: Path, result: Mapping[str, Any]) -> None:
    """Draw, of each domain, in which share of its rows each feature differs.

    Args:
        file: Where to; its suffix says the format.
        result: What `skew` answered.
    """
    domains = result["domains"]
    with figure(file, len(domains), sharey=False) as (panels,):
        for axes, (name, one) in zip(panels, domains.items(), strict=True):
            compared = max(1, one["matched"] + one["different"])
            bars = {"any": one["different"]} | {feature: found["rows"] for feature, found in one["features"].items()}
            axes.barh(list(bars), [rows / compared for rows in bars.values()])
            axes.invert_yaxis()
            title = f"{name}: {one['matched']:,} matched, {one['different']:,} different, {one['missing']:,} missing"
            axes.set(title=title, xlabel="share of rows that differ", xlim=(0, 1))
