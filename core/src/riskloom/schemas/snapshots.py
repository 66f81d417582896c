"""Snapshots: every version of a domain's schema as a file, `schemas/<domain>/v<N>.avsc`, reviewed like code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from riskloom.errors import SettingsError
from riskloom.schemas.parse import load_files

FOLDER = Path("schemas")
"""Where a project keeps them, below the folder in which the commands run."""

_FILE = re.compile(r"v([1-9][0-9]*)\.avsc")


def read_snapshots(folder: Path, domain: str) -> dict[int, Any]:
    """Read the versions of a domain's schema.

    Args:
        folder: The folder of all domains' snapshots.
        domain: The domain's name.

    Returns:
        The schemas as JSON gives them, by version, ascending; empty where there are none.

    Raises:
        SettingsError: If a file is no Avro schema, or a version is missing between others: all problems are told.
    """
    files = [int(found[1]) for path in (folder / domain).glob("v*.avsc") if (found := _FILE.fullmatch(path.name))]
    numbers = range(1, max(files, default=0) + 1)
    paths = [folder / domain / f"v{number}.avsc" for number in numbers]
    try:
        return dict(zip(numbers, load_files(*paths), strict=True))
    except SettingsError as error:
        raise SettingsError(f"{error}\nEvery version is kept: take it from the version control as it was.") from None


def snapshot_version(folder: Path, domain: str, schema: Any) -> int | None:
    """Find the version that a schema is kept as; None where it is in no snapshot.

    Args:
        folder: The folder of all domains' snapshots.
        domain: The domain's name.
        schema: The schema as JSON gives it.

    Raises:
        SettingsError: As `read_snapshots`.
    """
    versions = read_snapshots(folder, domain)
    return next((number for number in reversed(versions) if versions[number] == schema), None)


def write_snapshot(folder: Path, domain: str, number: int, schema: Any) -> Path:
    """Write a version of a domain's schema.

    Args:
        folder: The folder of all domains' snapshots.
        domain: The domain's name.
        number: The version; its file must not exist yet.
        schema: The schema as JSON gives it.

    Returns:
        The file.

    Raises:
        SettingsError: If the file cannot be written.
    """
    path = folder / domain / f"v{number}.avsc"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    return path
