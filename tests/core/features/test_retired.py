"""Retired files do not count at once, and are deleted when nobody can be reading them any more."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem

from riskloom.features.retired import KEPT, RetiredFiles


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for day in ("date=2026-03-01", "date=2026-03-02"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "a.parquet").write_bytes(b"rows")
    return tmp_path


def retired(folder: Path) -> RetiredFiles:
    return RetiredFiles(LocalFileSystem(), str(folder))


def age(folder: Path) -> None:
    """Make all markers older than anybody reads."""
    long_ago = time.time() - KEPT.total_seconds() - 60
    for marker in (folder / "_retired").rglob("*.retired"):
        os.utime(marker, (long_ago, long_ago))


def test_a_retired_file_is_the_one_of_its_day(folder: Path) -> None:
    path = folder / "date=2026-03-01" / "a.parquet"
    assert retired(folder).paths() == set()
    retired(folder).add([str(path)])
    assert retired(folder).paths() == {str(path)}
    assert path.read_bytes() == b"rows"
    assert len(list(folder.rglob("*.parquet"))) == 2


def test_old_ones_are_deleted_by_the_next_retirement_and_younger_ones_stay(folder: Path) -> None:
    first, second = (folder / f"date=2026-03-0{day}" / "a.parquet" for day in (1, 2))
    retired(folder).add([str(first)])
    age(folder)
    retired(folder).add([str(second)])
    assert (first.exists(), second.exists()) == (False, True)
    assert retired(folder).paths() == {str(second)}


def test_a_sweep_that_was_interrupted_is_gone_on_with(folder: Path) -> None:
    path = folder / "date=2026-03-01" / "a.parquet"
    retired(folder).add([str(path)])
    age(folder)
    path.unlink()
    retired(folder).add([])
    assert retired(folder).paths() == set()
