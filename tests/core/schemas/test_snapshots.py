import json
from pathlib import Path

import pytest
from avro_pairs import of

from riskloom.errors import SettingsError
from riskloom.schemas.snapshots import FOLDER, read_snapshots, snapshot_version, write_snapshot

ROOT = Path(__file__).parents[3]


def test_what_is_written_is_read_in_the_order_of_versions(tmp_path):
    for number in range(1, 12):
        schema = of("int", default=number, doc="täglich")
        assert write_snapshot(tmp_path, "claims", number, schema) == tmp_path / "claims" / f"v{number}.avsc"
    assert [schema["fields"][0]["default"] for schema in read_snapshots(tmp_path, "claims").values()] == [*range(1, 12)]
    assert "täglich" in (tmp_path / "claims" / "v1.avsc").read_text("utf-8")


def test_the_version_of_a_schema_is_the_newest_that_holds_it(tmp_path):
    for number, schema in enumerate([of("int"), of("long"), of("int")], start=1):
        write_snapshot(tmp_path, "claims", number, schema)
    assert snapshot_version(tmp_path, "claims", of("int")) == 3
    assert snapshot_version(tmp_path, "claims", of("long")) == 2
    assert snapshot_version(tmp_path, "claims", of("string")) is None
    assert snapshot_version(tmp_path, "iot", of("int")) is None


def test_there_are_none_where_there_is_no_folder(tmp_path):
    assert read_snapshots(tmp_path, "claims") == {}


def test_a_version_is_never_overwritten(tmp_path):
    write_snapshot(tmp_path, "claims", 1, of("int"))
    with pytest.raises(SettingsError, match=r"v1.avsc cannot be written: File exists"):
        write_snapshot(tmp_path, "claims", 1, of("long"))
    assert read_snapshots(tmp_path, "claims") == {1: of("int")}


def test_missing_and_broken_versions_are_told_together(tmp_path):
    write_snapshot(tmp_path, "claims", 3, of("int"))
    (tmp_path / "claims" / "v2.avsc").write_text("{}")
    (tmp_path / "claims" / "vX.avsc").write_text("not looked at")
    with pytest.raises(SettingsError) as caught:
        read_snapshots(tmp_path, "claims")
    text = str(caught.value)
    assert "v1.avsc cannot be read: No such file" in text
    assert "v2.avsc is not an Avro schema:\n  - the schema has no `type`" in text
    assert "v3" not in text


@pytest.mark.parametrize(
    "path", sorted((ROOT / FOLDER).glob("*/v*.avsc")), ids=lambda path: path.parent.name + path.stem
)
def test_the_shipped_ones_are_written_as_the_command_writes_them(path, tmp_path):
    written = write_snapshot(tmp_path, path.parent.name, int(path.stem[1:]), json.loads(path.read_text("utf-8")))
    assert written.read_text("utf-8") == path.read_text("utf-8")
