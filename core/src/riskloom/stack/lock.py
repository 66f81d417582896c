"""Rewrites the pinned files in `versions.toml` from its roots: `python -m riskloom.stack.lock`. For maintainers."""

from __future__ import annotations

import hashlib
from pathlib import Path

from riskloom.stack.artifacts import Pin, versions

_FILE = Path(__file__).with_name("versions.toml")
_MARK = "# Below: written by `python -m riskloom.stack.lock`.\n"


def locked(roots: list[str], transitive: bool) -> dict[str, Pin]:
    """Resolve coordinates, download their files and measure them.

    Args:
        roots: `group:artifact:version[:packaging[:classifier]]` of each.
        transitive: Whether their compile and runtime dependencies are wanted too.

    Returns:
        The pins by coordinate: the roots first, each part sorted.
    """
    from jgo.maven import Dependency, MavenContext

    context = MavenContext(timeout=60)
    artifacts = [Pin.parse(root).artifact_in(context) for root in roots]
    if transitive:
        given, more = context.resolver.resolve([Dependency(artifact, raw=True) for artifact in artifacts])
        artifacts = [d.artifact for d in (*given, *more) if d.scope in (None, "compile", "runtime")]
    found = {}
    for artifact in artifacts:
        content = artifact.resolve().read_bytes()
        pin = Pin(
            artifact.groupId,
            artifact.artifactId,
            artifact.version,
            artifact.packaging,
            artifact.classifier,
            hashlib.sha256(content).hexdigest(),
            len(content),
        )
        found[pin.coordinate] = pin
    return found


def main() -> None:
    """Rewrite the file."""
    text = _FILE.read_text("utf-8").partition(_MARK)[0].rstrip() + "\n\n" + _MARK
    for name, part in versions().items():
        text += f"\n[{name}.files]\n"
        for coordinate, pin in locked(part["roots"], part["transitive"]).items():
            text += f'"{coordinate}" = {{ sha256 = "{pin.sha256}", size = {pin.size} }}\n'
    _FILE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
