"""Plugins installed with pip, each into a virtual environment of its own that sees this one's packages."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path


def environment(folder: Path) -> Path:
    """Make a virtual environment that has what this one has; answer its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    own, ours = (_packages(executable) for executable in (python, sys.executable))
    # Not the bare path: this folder's own .pth files, those of editable installs, are to be followed too.
    (own / "parent.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n", "utf-8")
    return python


def install(python: Path, folder: Path, files: Mapping[str, str]) -> None:
    """Write a distribution's files into a folder and `pip install` it, without any network.

    Args:
        python: The environment's Python.
        folder: Where the files go.
        files: Texts by path.
    """
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    quiet = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", *quiet, str(folder)]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _packages(python: Path | str) -> Path:
    if python == sys.executable:
        return Path(sysconfig.get_paths()["purelib"])
    ask = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    return Path(subprocess.check_output([python, "-c", ask], text=True).strip())
