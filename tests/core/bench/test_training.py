"""The benchmark of training sets, on few rows: the stores agree, and a store that does not is found."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from riskloom.bench.training import _differing
from riskloom.cli.bench import bench


@pytest.mark.filterwarnings("ignore")
def test_it_measures_the_same_join_in_each_store() -> None:
    sizes = ["--rows=30000", "--entities=400", "--keys=100"]
    done = CliRunner().invoke(bench, ["training-set", *sizes, "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["stores"].keys() == {"riskloom", "feast_duckdb", "feast_default"}
    assert all(one["seconds"] > 0 and one["peak_mib"] > 50 for one in result["stores"].values())
    assert result["stores"]["riskloom"]["rows"] == 400
    assert result["differing_rows"] == {"feast_duckdb": 0, "feast_default": 0}
    assert result["seconds"] == result["stores"]["riskloom"]["seconds"]


def test_rows_that_differ_are_counted() -> None:
    def table(labels: list[int], values: list[float | None]) -> pa.Table:
        return pa.table({"label": labels, "feature_0": pa.array(values, pa.float64())})

    own = table([0, 1, 2, 3], [1.0, None, 3.0, None])
    assert _differing(own, table([3, 2, 1, 0], [None, 3.0, None, 1.0])) == 0
    assert _differing(own, table([0, 1, 2], [1.0, None, 3.0])) == 0
    assert _differing(own, table([0, 1, 3], [1.0, None, None])) == 1
    assert _differing(own, table([0, 1, 2, 3], [1.0, 2.0, 3.5, None])) == 2
