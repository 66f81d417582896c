"""The session's properties, and what is said when there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkRuntimeError
from pyspark.sql import SparkSession
from scoring import Scorer

from riskloom.errors import JobError
from riskloom.settings import Settings
from riskloom.stack.java import find_java
from riskloom.stream.session import ROCKSDB, compiler_directives, kernel_jar, spark_log, spark_session


class Builder:
    """Collects a session's properties."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.properties: dict[str, str] = {}
        self.failure = failure
        self.environment: dict[str, str] = {}

    def config(self, name: str, value: str) -> Builder:
        self.properties[name] = value
        return self

    @property
    def submitted(self) -> str:
        return self.environment["PYSPARK_SUBMIT_ARGS"]

    def getOrCreate(self) -> Any:
        self.environment = dict(os.environ)
        if self.failure is not None:
            raise self.failure
        return self


@pytest.fixture
def builder(monkeypatch: pytest.MonkeyPatch) -> Builder:
    builder = Builder()
    monkeypatch.setenv("JAVA_HOME", "/before")
    monkeypatch.delenv("PYSPARK_SUBMIT_ARGS", raising=False)
    # Not that of the other tests, which a failing start would end.
    monkeypatch.setattr(SparkContext, "_gateway", None)
    monkeypatch.setattr("pyspark.sql.SparkSession", SimpleNamespace(builder=builder))
    monkeypatch.setattr("riskloom.stack.artifacts.spark_jars", lambda: [Path("/jars/kafka.jar")])
    monkeypatch.setattr("riskloom.stack.java.find_java", lambda home: SimpleNamespace(home=Path("/java")))
    return builder


def test_the_kernel_ships_in_the_package() -> None:
    assert kernel_jar().read_bytes().startswith(b"PK")


def test_the_jvm_takes_the_compiler_directives(tmp_path: Path) -> None:
    java = find_java(tmp_path)
    options = ["-XX:+UnlockDiagnosticVMOptions", f"-XX:CompilerDirectivesFile={compiler_directives()}", "-version"]
    told = subprocess.run([java.executable, *java.options, *options], capture_output=True, text=True, check=True).stdout
    # It leaves out a pattern that it does not understand, and says so.
    assert told.strip() == "2 compiler directives added"


def test_a_users_class_path_joins_the_kernel(builder: Builder, tmp_path: Path) -> None:
    given = {"spark.driver.extraClassPath": "/mine.jar"}
    spark_session(Settings(home=tmp_path), "local[3]", shuffle_partitions=5, configuration=given)
    assert builder.properties["spark.driver.extraClassPath"].split(os.pathsep) == [
        str(kernel_jar()),
        "/jars/kafka.jar",
        "/mine.jar",
    ]


def test_a_cluster_keeps_its_own_file_systems(builder: Builder, tmp_path: Path) -> None:
    spark_session(Settings(home=tmp_path), "spark://host:7077", shuffle_partitions=5)
    assert not any(name.startswith(("spark.hadoop.fs", "spark.driver.extraClassPath")) for name in builder.properties)


def test_local_files_get_their_permissions_and_replace_others(spark: SparkSession, tmp_path: Path) -> None:
    jvm: Any = spark._jvm
    hadoop = jvm.org.apache.hadoop
    conf = spark._jsc.hadoopConfiguration()  # type: ignore[attr-defined]  # not in pyspark's types
    files = hadoop.fs.FileSystem.get(jvm.java.net.URI("file:///"), conf)
    assert files.getClass().getName() == "io.riskloom.kernel.LocalFiles$Checked"
    new, old, link = (hadoop.fs.Path(str(tmp_path / name)) for name in ("new", "old", "link"))
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "old")
    files.create(new).close()
    files.setPermission(new, hadoop.fs.permission.FsPermission("640"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    context = hadoop.fs.FileContext.getFileContext(jvm.java.net.URI("file:///"), conf)
    assert context.getDefaultFileSystem().getClass().getName() == "io.riskloom.kernel.LocalFiles$Context"
    assert context.getFileLinkStatus(link).isSymlink()
    options = spark._sc._gateway.new_array(hadoop.fs.Options.Rename, 1)  # type: ignore[union-attr]
    options[0] = hadoop.fs.Options.Rename.OVERWRITE
    context.rename(new, old, options)
    assert (tmp_path / "old").read_text() == ""
    assert not (tmp_path / "new").exists()


def test_a_local_session_listens_on_this_machine_alone(builder: Builder, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    spark_session(settings, "local[3]", shuffle_partitions=5)
    found = builder.properties
    assert (found["spark.master"], found["spark.sql.shuffle.partitions"]) == ("local[3]", "5")
    assert found["spark.driver.host"] == found["spark.driver.bindAddress"] == "127.0.0.1"
    assert builder.submitted == f"--jars {kernel_jar()},/jars/kafka.jar pyspark-shell"
    assert found["spark.sql.streaming.stateStore.providerClass"] == ROCKSDB
    assert found["spark.sql.ansi.enabled"] == "false"
    options = found["spark.driver.extraJavaOptions"]
    assert f"-Driskloom.log={spark_log(settings)}" in options
    assert f"-XX:LogFile={spark_log(settings).with_name('jvm.log')}" in options
    assert spark_log(settings).parent.is_dir()


def test_the_memory_of_a_local_job_is_kept_by_its_allocator(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def given() -> dict[str, str]:
        return {name: value for name, value in builder.environment.items() if name.startswith("MALLOC_")}

    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    spark_session(Settings(home=tmp_path), "local[1]", shuffle_partitions=1)
    assert given() == {"MALLOC_ARENA_MAX": "4", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40)}
    assert builder.environment["JAVA_HOME"] == "/java"
    assert (os.environ["JAVA_HOME"], "MALLOC_MMAP_MAX_" in os.environ) == ("/before", False)
    spark_session(Settings(home=tmp_path), "spark://host:7077", shuffle_partitions=1)
    assert given() == {"MALLOC_ARENA_MAX": "4"}


def test_a_cluster_reaches_the_driver_by_its_own_address(builder: Builder, tmp_path: Path) -> None:
    spark_session(Settings(home=tmp_path), "spark://host:7077", shuffle_partitions=4)
    assert "spark.driver.host" not in builder.properties
    assert "spark.driver.bindAddress" not in builder.properties


def test_properties_that_are_given_win(builder: Builder, tmp_path: Path) -> None:
    own = {"spark.driver.memory": "9g", "spark.my": "1"}
    spark_session(Settings(home=tmp_path), "local[1]", shuffle_partitions=1, configuration=own)
    assert own.items() <= builder.properties.items()


def test_jars_of_the_user_join_those_of_the_job(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--packages org:a:1 pyspark-shell")
    spark_session(
        Settings(home=tmp_path), "local[1]", shuffle_partitions=1, configuration={"spark.jars": "/my jars/s3.jar"}
    )
    jars = f"'{kernel_jar()},/jars/kafka.jar,/my jars/s3.jar'"
    assert builder.submitted == f"--jars {jars} --packages org:a:1 pyspark-shell"
    assert "spark.jars" not in builder.properties
    assert os.environ["PYSPARK_SUBMIT_ARGS"] == "--packages org:a:1 pyspark-shell"


def test_only_a_short_run_is_compiled_quickly(builder: Builder, tmp_path: Path) -> None:
    def options(**more: Any) -> str:
        spark_session(Settings(home=tmp_path), "local[1]", shuffle_partitions=1, **more)
        return builder.properties["spark.driver.extraJavaOptions"]

    assert "TieredStopAtLevel=1" not in options()
    assert "TieredStopAtLevel=1" in options(short_lived=True)


def test_a_session_that_does_not_start_names_its_log(builder: Builder, tmp_path: Path) -> None:
    builder.failure = PySparkRuntimeError(errorClass="JAVA_GATEWAY_EXITED", messageParameters={})
    settings = Settings(home=tmp_path)
    with pytest.raises(JobError, match="Spark did not start") as caught:
        spark_session(settings, "local[1]", shuffle_partitions=1)
    assert str(spark_log(settings)) in str(caught.value)


def test_a_jvm_without_a_session_is_ended(builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, ended = object(), []
    monkeypatch.setattr(SparkContext, "_gateway", gateway)
    monkeypatch.setattr("riskloom.stream.session.end_jvm", ended.append)
    builder.failure = Py4JError("Master removed our application: FAILED")
    with pytest.raises(JobError, match="Master removed our application"):
        spark_session(Settings(home=tmp_path), "spark://host:7077", shuffle_partitions=1)
    assert ended == [gateway]


def test_a_missing_pyspark_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with pytest.raises(JobError, match="pyspark is not installed: pip install"):
        spark_session(Settings(home=tmp_path), "local[1]", shuffle_partitions=1)


def test_the_real_session_logs_to_its_file_and_counts_in_utc(scorer: Scorer) -> None:
    assert spark_log(scorer.settings).is_file()
    assert scorer.spark.sql("SELECT date_format(timestamp_seconds(0), 'HH:mm') AS t").head().t == "00:00"
