"""Pin in pyproject.toml what `uv lock` resolved, between the markers there. Run: `uv run python .ci/lock.py`.

uv's own lock file holds the addresses of downloads, so it is not committed. The list holds names and versions alone,
those of other platforms and Pythons included, and makes every resolution come out the same.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
START, END = "# >>> pins\n", "# <<< pins\n"


def pins(lock: dict[str, Any]) -> list[str]:
    """Write a constraint for each package of the lock that comes from an index."""
    found = []
    for package in lock["package"]:
        if "registry" not in package["source"]:
            continue
        # A package that is locked at several versions has, at each, the conditions under which that one holds.
        markers = " or ".join(f"({marker})" for marker in package.get("resolution-markers", []))
        found.append(f"{package['name']}=={package['version']}" + (f" ; {markers}" if markers else ""))
    return sorted(found)


def rewrite(project: str, constraints: list[str]) -> str:
    """Put the constraints between the markers of pyproject.toml's text.

    Raises:
        ValueError: If the markers are not there.
    """
    before, rest = project.split(START)
    after = rest.split(END)[1]
    lines = "".join(f'    "{constraint}",\n' for constraint in constraints)
    return f"{before}{START}constraint-dependencies = [\n{lines}]\n{END}{after}"


if __name__ == "__main__":
    project = ROOT / "pyproject.toml"
    constraints = pins(tomllib.loads((ROOT / "uv.lock").read_text("utf-8")))
    project.write_text(rewrite(project.read_text("utf-8"), constraints), "utf-8")
    print(f"{len(constraints)} versions pinned in {project.name}")
