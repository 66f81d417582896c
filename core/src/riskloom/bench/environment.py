"""On what a benchmark ran: the machine, the versions, the commit."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import riskloom
from riskloom.settings import Settings
from riskloom.stack.artifacts import versions
from riskloom.stack.java import find_java

_PACKAGES = ("riskloom", "pyspark", "confluent-kafka", "fastavro", "numpy", "pyarrow", "pyruhvro")


def environment(settings: Settings) -> dict[str, Any]:
    """Describe the machine, the versions and the commit. Ask before the benchmark: the load is that of now.

    Args:
        settings: Where the local files are, for the Java that they use.

    Returns:
        `machine` (`cpu`, `cores`, `memory_gib`, `load_1min`, `system`), `versions` by name, and `commit`: the git
        commit of riskloom's sources with `-dirty` when they differ from it, None when it runs from a package.

    Raises:
        StackError: If there is no Java.
    """
    return {"machine": _machine(), "versions": _versions(settings), "commit": _commit(Path(riskloom.__file__).parent)}


def _machine() -> dict[str, Any]:
    import psutil

    return {
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions(settings: Settings) -> dict[str, str]:
    found = {"python": platform.python_version(), "java": find_java(settings.home_dir).version}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    roots = versions()
    found["kafka"] = roots["kafka"]["roots"][0].rpartition(":")[2]
    found["spark-sql-kafka"] = roots["spark"]["roots"][0].rpartition(":")[2]
    return found


def _commit(package: Path) -> str | None:
    """The commit of the sources, if git keeps the package itself: it may also be installed inside another project."""
    git = ["git", "-C", str(package)]
    try:
        kept = subprocess.run([*git, "ls-files", "--error-unmatch", "__init__.py"], capture_output=True)
        if kept.returncode != 0:
            return None
        described = [*git, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(described, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
