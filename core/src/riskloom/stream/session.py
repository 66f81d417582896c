"""The Spark session of the job: its jars, its state store, its JVM."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from riskloom.errors import JobError
from riskloom.settings import Settings
from riskloom.stream.supervise import end_jvm

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"

_CONFIGURATION = {
    "spark.driver.memory": "3g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.adaptive.enabled": "false",
    # The kernel leaves Spark little to fuse, and a class for each stage cost a job's start more than it saved.
    "spark.sql.codegen.wholeStage": "false",
    # The running tasks' counts come with it; a task of Real-Time Mode runs for a whole batch.
    "spark.executor.heartbeatInterval": "2s",
    "spark.sql.session.timeZone": "UTC",
    # A division by zero in a rule is null, and the term adds nothing: the event is scored all the same.
    "spark.sql.ansi.enabled": "false",
    "spark.sql.streaming.stateStore.providerClass": ROCKSDB,
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    # The one that Real-Time Mode knows: with it the batch modes leave a checkpoint that any mode goes on from.
    "spark.sql.streaming.stateStore.checkpointFormatVersion": "2",
    # Counting the rows costs a read for every write of a key.
    "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows": "false",
    # How long a record waits for others on its way to the state. At 50, the default, that wait was most of the latency.
    "spark.shuffle.streaming.networkBufferMaxWaitTimeMs": "5",
    # Timers would otherwise make available-now run empty batches for ever.
    "spark.sql.streaming.noDataMicroBatches.enabled": "false",
}

_LOCAL = {
    # On one machine, events go from task to task by files that stay in memory: compressing took a tenth of the time.
    "spark.shuffle.compress": "false",
    "spark.shuffle.checksum.enabled": "false",
    "spark.shuffle.file.buffer": "1m",
    "spark.shuffle.unsafe.file.output.buffer": "1m",
    # One file for a task's events, not one for each task after it, which are then put together.
    "spark.shuffle.sort.bypassMergeThreshold": "1",
    # What waits to be sorted: in the heap it is old before it goes, and full collections took 3 % of a drain.
    "spark.memory.offHeap.enabled": "true",
    "spark.memory.offHeap.size": "1600m",
    # Hadoop's own start a process for nearly every file of a checkpoint.
    "spark.hadoop.fs.file.impl": "io.riskloom.kernel.LocalFiles$Checked",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "io.riskloom.kernel.LocalFiles$Context",
}

_LOCAL_ENVIRONMENT = {
    # What is sorted outside the heap is had and given back in pieces of megabytes. glibc would have each from the
    # system anew, a page at a time; from one arena that is never trimmed they are used again.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
}

_JAVA_OPTIONS = " ".join(
    (
        # G1 works beside the job's threads, which few cores do not have to spare.
        "-XX:+UseParallelGC",
        # What Spark's classes take in the end: a smaller one grows by full collections.
        "-XX:MetaspaceSize=256m",
        # The JVM's own messages go to its log, as it tells of the directives that it has read.
        "-XX:+UnlockDiagnosticVMOptions -XX:-DisplayVMOutput -XX:+LogVMOutput",
    )
)
# Of a JVM's first two minutes under load, the optimising compiler takes most of one core.
_QUICK_COMPILER = "-XX:TieredStopAtLevel=1"


def kernel_jar() -> Path:
    """Find the kernel's jar, which ships inside the package."""
    return Path(str(resources.files(__package__).joinpath("jars", "riskloom-kernel.jar")))


def compiler_directives() -> Path:
    """Find the file that tells the JVM which code to optimise."""
    return Path(str(resources.files(__package__).joinpath("compiler-directives.json")))


def spark_log(settings: Settings) -> Path:
    """Name the file of Spark's own log."""
    return settings.home_dir / "logs" / "spark.log"


def spark_session(
    settings: Settings,
    master: str,
    *,
    shuffle_partitions: int,
    configuration: Mapping[str, str] | None = None,
    short_lived: bool = False,
) -> SparkSession:
    """Start the JVM and the session of the job.

    Spark's own log goes to `spark_log`.

    Args:
        settings: Where the local files are.
        master: Spark's master, such as `local[40]` or `spark://host:7077`.
        shuffle_partitions: How many tasks keep the windows' state. Fixed for the life of a checkpoint.
        configuration: Spark properties that win over riskloom's own; the jars of `spark.jars` and the paths of
            `spark.driver.extraClassPath` join them.
        short_lived: Have the JVM compile its code quickly rather than well, for a run of a few minutes.

    Raises:
        JobError: If pyspark is not installed, the JVM does not start, or the master does not take the job.
        StackError: If no Java is found or the jars cannot be had.
    """
    from riskloom.stack.artifacts import spark_jars
    from riskloom.stack.java import find_java

    try:
        from py4j.protocol import Py4JError
        from pyspark import SparkContext
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ModuleNotFoundError:
        raise JobError("pyspark is not installed: pip install 'riskloom[spark]'") from None

    given = dict(configuration or {})
    jars = [str(kernel_jar()), *map(str, spark_jars()), *filter(None, given.pop("spark.jars", "").split(","))]
    log = spark_log(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    logging = Path(str(resources.files(__package__).joinpath("log4j2.properties")))
    java = f"{_JAVA_OPTIONS} {_QUICK_COMPILER}" if short_lived else _JAVA_OPTIONS
    java += f" -XX:CompilerDirectivesFile={compiler_directives()} -XX:LogFile={log.with_name('jvm.log')}"
    own = _CONFIGURATION | {
        "spark.master": master,
        "spark.app.name": "riskloom",
        "spark.sql.shuffle.partitions": str(shuffle_partitions),
        "spark.driver.extraJavaOptions": f"{java} -Dlog4j2.configurationFile={logging.as_uri()} -Driskloom.log={log}",
    }
    environment = {"JAVA_HOME": str(find_java(settings.home_dir).home), "PYSPARK_SUBMIT_ARGS": _submit_arguments(jars)}
    if master.startswith("local"):
        environment |= {name: os.environ.get(name, value) for name, value in _LOCAL_ENVIRONMENT.items()}
        own["spark.driver.host"] = own["spark.driver.bindAddress"] = "127.0.0.1"
        # Spark asks for the file system before it has taken the jars; what the kernel needs must be beside it.
        users = given.pop("spark.driver.extraClassPath", "")
        class_path = [str(kernel_jar()), *map(str, spark_jars()), *filter(None, [users])]
        own |= _LOCAL | {"spark.driver.extraClassPath": os.pathsep.join(class_path)}
    builder = SparkSession.builder
    for name, value in (own | given).items():
        builder = builder.config(name, value)
    try:
        with _starting(environment):
            return builder.getOrCreate()
    except (PySparkRuntimeError, Py4JError) as error:
        # The cause is asked of the JVM, which runs on when only the session could not be made.
        cause = str(getattr(error, "java_exception", error))
        if SparkContext._gateway is not None:
            end_jvm(SparkContext._gateway)
        raise JobError(f"Spark did not start: {cause}\nIts log is {log}; check with `riskloom doctor`.") from None


def _submit_arguments(jars: Sequence[str]) -> str:
    """Have spark-submit take jars beside what the user's PYSPARK_SUBMIT_ARGS or spark.jars.packages bring.

    As a property of the session, spark.jars would replace those in the executors.
    """
    users = os.environ.get("PYSPARK_SUBMIT_ARGS")
    return f"--jars {shlex.quote(','.join(jars))} {users or 'pyspark-shell'}"


@contextmanager
def _starting(environment: Mapping[str, str]) -> Iterator[None]:
    """Set what the JVM is started with, and nothing after it."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
