"""A query's checkpoint, wherever Hadoop can reach it: its files, and the offsets that its last batch committed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from riskloom.errors import JobError
from riskloom.offsets import Offsets

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOG_VERSION = "v1"
"""First line of the files of Spark's offset log that are understood here."""


class Folder:
    """A folder by its Hadoop address: a local path, `hdfs:`, `s3a:`.

    Args:
        spark: The session whose Hadoop settings apply.
        address: The folder; it need not exist.
    """

    def __init__(self, spark: SparkSession, address: str) -> None:
        self.address = address
        self._spark = spark
        jvm: Any = spark._jvm
        self._path = jvm.org.apache.hadoop.fs.Path(address)
        self._files = self._path.getFileSystem(self._configuration)

    @property
    def _configuration(self) -> Any:
        context: Any = self._spark.sparkContext
        return context._jsc.hadoopConfiguration()

    def folder(self, name: str) -> Folder:
        """Name a folder in this one."""
        return Folder(self._spark, f"{self.address.rstrip('/')}/{name}")

    def names(self) -> list[str]:
        """List what is in it; nothing when it does not exist. Hidden files are left out."""
        if not self._files.exists(self._path):
            return []
        found = (status.getPath().getName() for status in self._files.listStatus(self._path))
        return [name for name in found if not name.startswith(".")]

    def read(self, name: str) -> str | None:
        """Read a file, None when there is none."""
        path = self._file(name)
        if not self._files.exists(path):
            return None
        stream = self._files.open(path)
        try:
            return bytes(stream.readAllBytes()).decode()
        finally:
            stream.close()

    def write(self, name: str, text: str) -> None:
        """Write or replace a file in one step, as Spark writes its own: nobody reads half of it."""
        jvm: Any = self._spark._jvm
        if not self._files.exists(self._path):
            self._files.mkdirs(self._path)
        manager = getattr(jvm.org.apache.spark.sql.execution.streaming.checkpointing, "CheckpointFileManager$")
        stream = (
            getattr(manager, "MODULE$").create(self._path, self._configuration).createAtomic(self._file(name), True)
        )
        stream.write(bytearray(text.encode()))
        stream.close()

    def delete(self, name: str) -> None:
        """Remove a file."""
        self._files.delete(self._file(name), False)

    def _file(self, name: str) -> Any:
        jvm: Any = self._spark._jvm
        return jvm.org.apache.hadoop.fs.Path(self._path, name)


class Checkpoint:
    """What Spark has written into a query's checkpoint.

    Args:
        folder: The query's `checkpointLocation`.
    """

    def __init__(self, folder: Folder) -> None:
        self._offsets, self._commits = folder.folder("offsets"), folder.folder("commits")

    def committed(self) -> dict[str, dict[int, int]] | None:
        """Read where the last committed batch ended; None when none was committed.

        Raises:
            JobError: If the log cannot be read.
        """
        batches = _batches(self._commits)
        if not batches:
            return None
        source = json.loads(self._batch(batches[-1])[2])
        return {topic: {int(p): offset for p, offset in offsets.items()} for topic, offsets in source.items()}

    def move(self, offsets: Offsets) -> None:
        """Have the query go on from other offsets, of other topics perhaps, with the state that it has.

        A batch that was begun and not committed is forgotten.

        Args:
            offsets: The next offset of every partition of every topic that the query reads.
        """
        last = _batches(self._commits)[-1]
        version, metadata, _ = self._batch(last)
        for begun in _batches(self._offsets):
            if begun > last:
                self._offsets.delete(str(begun))
        self._offsets.write(str(last), "\n".join([version, metadata, offsets_json(offsets)]))

    def _batch(self, number: int) -> list[str]:
        lines = (self._offsets.read(str(number)) or "").splitlines()
        if len(lines) != 3 or lines[0] != _LOG_VERSION:
            raise JobError(
                f"{self._offsets.address}/{number} is not an offset log of this Spark's. Start with a new --checkpoint."
            )
        return lines


def offsets_json(offsets: Offsets) -> str:
    """Write offsets as Spark's Kafka source reads them."""
    return json.dumps(
        {topic: {str(p): offset for p, offset in of_topic.items()} for topic, of_topic in offsets.items()}
    )


def _batches(log: Folder) -> list[int]:
    return sorted(int(name) for name in log.names() if name.isdecimal())
