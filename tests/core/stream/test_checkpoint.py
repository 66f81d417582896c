"""A checkpoint's files through Hadoop, as Spark lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest
from scoring import Scorer

from riskloom.errors import JobError
from riskloom.stream.checkpoint import Checkpoint, Folder, offsets_json

METADATA = '{"batchWatermarkMs":0}'


@pytest.fixture
def folder(scorer: Scorer, tmp_path: Path) -> Folder:
    return Folder(scorer.spark, f"file:{tmp_path}/a folder/")


def test_files_are_written_read_and_removed(folder: Folder) -> None:
    assert folder.names() == []
    assert folder.read("one") is None
    folder.write("one", "ä")
    folder.write("one", "ö")
    folder.folder("inner").write("two", "")
    assert folder.read("one") == "ö"
    assert sorted(folder.names()) == ["inner", "one"]
    folder.delete("one")
    assert folder.names() == ["inner"]


def write_log(folder: Folder, batches: dict[int, str], commits: int) -> None:
    for number, offsets in batches.items():
        folder.folder("offsets").write(str(number), f"v1\n{METADATA}\n{offsets}")
    for number in range(commits):
        folder.folder("commits").write(str(number), "v2\n{}")


def test_the_offsets_of_the_last_committed_batch_are_read(folder: Folder) -> None:
    checkpoint = Checkpoint(folder)
    assert checkpoint.committed() is None
    write_log(folder, {n: f'{{"a":{{"0":{n},"10":7}}}}' for n in range(12)}, commits=11)
    assert checkpoint.committed() == {"a": {0: 10, 10: 7}}


def test_a_query_is_moved_to_other_offsets(folder: Folder) -> None:
    write_log(folder, {0: '{"a":{"0":1}}', 1: '{"a":{"0":2}}', 2: '{"a":{"0":3}}'}, commits=2)
    Checkpoint(folder).move({"b": {0: 5}})
    assert Checkpoint(folder).committed() == {"b": {0: 5}}
    offsets = folder.folder("offsets")
    assert sorted(offsets.names()) == ["0", "1"], "the batch that was begun is forgotten"
    assert offsets.read("1") == f'v1\n{METADATA}\n{{"b": {{"0": 5}}}}'


@pytest.mark.parametrize("text", ["v2\n{}\n{}", "v1\n{}", ""])
def test_a_log_of_another_kind_is_refused(folder: Folder, text: str) -> None:
    folder.folder("commits").write("0", "v1\n{}")
    folder.folder("offsets").write("0", text)
    with pytest.raises(JobError, match="offsets/0 is not an offset log"):
        Checkpoint(folder).committed()


def test_offsets_are_written_as_spark_reads_them() -> None:
    assert offsets_json({"a": {0: 1, 2: -2}, "b": {}}) == '{"a": {"0": 1, "2": -2}, "b": {}}'
