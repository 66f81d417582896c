from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.errors import SettingsError
from riskloom.produce.files import MAX_LINE_BYTES, Row, event_file


def rows(path: Path, content: bytes) -> list[Row]:
    path.write_bytes(content)
    return list(event_file(path).rows())


def summary(row: Row) -> tuple[int, Any]:
    return row.line, row.reason or row.values


def test_json_lines(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"a": "\xc3\xa9"}')
    assert [summary(row) for row in found] == [(1, {"a": 1}), (4, {"a": "é"})]
    assert [row.raw for row in found] == [b'{"a": 1}', b'{"a": "\xc3\xa9"}']


def test_bad_json_lines_are_told_with_their_bytes(tmp_path: Path) -> None:
    content = b'{"a": 1}\n{"a": \n[1]\n{"a": "\xff"}\n' + b"[" * 100_000 + b'\n{"a": 2}\n'
    found = rows(tmp_path / "a.ndjson", content)
    assert [summary(row) for row in found] == [
        (1, {"a": 1}),
        (2, "invalid_json"),
        (3, "invalid_json"),
        (4, "invalid_encoding"),
        (5, "invalid_json"),
        (6, {"a": 2}),
    ]
    assert found[1].raw == b'{"a": '
    assert "Expecting value" in found[1].detail
    assert "a list" in found[2].detail
    assert found[3].raw == b'{"a": "\xff"}'


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_line_that_is_too_long_is_cut_and_the_next_is_read(tmp_path: Path, name: str) -> None:
    long = b'{"a": "' + b"x" * (3 * MAX_LINE_BYTES) + b'"}'
    good = b'{"a": 2}' if name == "a.jsonl" else b"2"
    header = b'{"a": 0}\n' if name == "a.jsonl" else b"a\n"
    found = rows(tmp_path / name, header + long + b"\n" + good + b"\n")[-2:]
    assert [(row.line, row.reason) for row in found] == [(2, "line_too_long"), (3, "")]
    assert len(found[0].raw) == 64 * 1024
    assert str(MAX_LINE_BYTES) in found[0].detail


def test_a_line_of_just_the_longest_length_is_read(tmp_path: Path) -> None:
    line = b'{"a": "' + b"x" * (MAX_LINE_BYTES - 10) + b'"}\n'
    assert len(line) == MAX_LINE_BYTES
    assert [row.reason for row in rows(tmp_path / "a.jsonl", line * 2)] == ["", ""]


def test_csv(tmp_path: Path) -> None:
    content = b'\xef\xbb\xbfid,note\r\n1,"two\nlines, ""quoted"""\r\n\r\n2,\xc3\xa9\r\n'
    path = tmp_path / "a.csv"
    found = rows(path, content)
    assert event_file(path).is_text
    assert [summary(row) for row in found] == [
        (2, {"id": "1", "note": 'two\nlines, "quoted"'}),
        (5, {"id": "2", "note": "é"}),
    ]
    assert found[0].raw == b'1,"two\nlines, ""quoted"""'


def test_bad_csv_rows_are_told_with_their_bytes(tmp_path: Path) -> None:
    content = b'a,b\n1,2\n1\n1,2,3\n1,\xff\n1,"x"y\n3,4\n5,"open'
    found = rows(tmp_path / "a.csv", content)
    assert [summary(row) for row in found] == [
        (2, {"a": "1", "b": "2"}),
        (3, "invalid_csv"),
        (4, "invalid_csv"),
        (5, "invalid_encoding"),
        (6, "invalid_csv"),
        (7, {"a": "3", "b": "4"}),
        (8, "invalid_csv"),
    ]
    assert found[1].detail == "the row has 1 values, the header 2 columns"
    assert [row.raw for row in found[1:5]] == [b"1", b"1,2,3", b"1,\xff", b'1,"x"y']
    assert found[6].raw == b'5,"open'


def test_a_quote_that_is_never_closed_costs_bounded_memory(tmp_path: Path) -> None:
    content = b"a\n" + b'"open\n' + b"1\n" * 100_000
    found = rows(tmp_path / "a.csv", content)
    assert found[0].reason == "invalid_csv"
    assert "field larger than field limit" in found[0].detail
    assert len(found[0].raw) < 200_000
    assert found[1].values == {"a": "1"}
    assert found[-1].line == 100_002


def test_csv_without_rows(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.csv", b"") == []
    assert rows(tmp_path / "a.csv", b"a,b\n") == []


def test_twins_in_a_csv_header_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="columns twice: b"):
        rows(tmp_path / "a.csv", b"a,b,b\n1,2,3\n")


def test_a_csv_header_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="header cannot be read"):
        rows(tmp_path / "a.csv", b'a,"b\n1,2\n')


SCHEMA = {"type": "record", "name": "E", "fields": [{"name": "a", "type": "long"}]}


def avro(path: Path, records: list[Any], schema: Any = SCHEMA, **options: Any) -> bytes:
    with path.open("wb") as file:
        fastavro.writer(file, schema, records, **options)
    return path.read_bytes()


def test_avro(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    avro(path, [{"a": 1}, {"a": -2}], codec="deflate")
    found = list(event_file(path).rows())
    assert [summary(row) for row in found] == [(1, {"a": 1}), (2, {"a": -2})]
    assert [row.raw for row in found] == [b"\x02", b"\x03"]
    assert not event_file(path).is_text


def test_avro_that_breaks_off_is_read_until_there(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    content = avro(path, [{"a": n} for n in range(100)], sync_interval=10)
    found = rows(path, content[:-30])
    assert [row.values for row in found[:-1]] == [{"a": n} for n in range(len(found) - 1)]
    assert len(found) > 50
    assert found[-1].reason == "corrupt_file"


def test_avro_that_holds_no_records(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    avro(path, [5], schema="long")
    (row,) = event_file(path).rows()
    assert (row.reason, row.values) == ("invalid_avro", None)


def test_what_is_no_avro_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not an Avro container file"):
        rows(tmp_path / "a.avro", b"a,b\n1,2\n")


@pytest.mark.parametrize(
    ("name", "content"), [("a.jsonl.gz", b'{"a": 1}\n'), ("a.csv", b"a\n1\n"), ("A.JSONL", b'{"a": 1}\n')]
)
def test_compressed_files_are_recognised_by_their_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    assert [str(row.values) for row in rows(tmp_path / name, gzip.compress(content))] in (["{'a': 1}"], ["{'a': '1'}"])


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
def test_a_compressed_file_that_breaks_off_is_read_until_there(tmp_path: Path, name: str) -> None:
    lines = b"".join(json.dumps({"a": n}).encode() + b"\n" for n in range(50_000))
    content = lines if "jsonl" in name else b"a\n" + b"".join(b"%d\n" % n for n in range(50_000))
    packed = gzip.compress(content)
    found = rows(tmp_path / name, packed[: len(packed) // 2])
    assert len(found) > 100
    assert all(row.values for row in found[:-1])
    assert found[-1].reason == "corrupt_file"


def test_an_unknown_format_is_told() -> None:
    with pytest.raises(SettingsError, match=r"'\.cvs' is unknown; did you mean '\.csv'"):
        event_file(Path("a.cvs.gz"))
    with pytest.raises(SettingsError, match="without a suffix"):
        event_file(Path("events"))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a\.csv: No such file"):
        list(event_file(tmp_path / "a.csv").rows())


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.jsonl", "a.csv"]))
def test_any_bytes_are_rows_or_bad_rows(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    try:
        found = rows(tmp_path_factory.mktemp("any") / name, content)
    except SettingsError:
        return  # a CSV header that cannot be used
    assert [row.line for row in found] == sorted({row.line for row in found})
    assert all((row.values is None) == bool(row.reason) for row in found)
