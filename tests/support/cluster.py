"""A real Spark standalone cluster: a master and a worker, each a process of its own, with nothing but Spark's jars."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyspark

from riskloom.stack.java import Java, find_java
from riskloom.stack.ports import HOST, any_free

_DEADLINE_S = 120
_LOOK_S = 0.1
_EXECUTOR = "org.apache.spark.executor.CoarseGrainedExecutorBackend"
_TOOLS = ("bash", "chmod", "cp", "df", "id", "ls", "mv", "readlink", "rm", "sh", "uname", "whoami")
"""What Spark and Hadoop call of the machine's programs: all that is on the worker's PATH."""
_GUARDED = '"$@" </dev/null & read -r _; kill -9 0'
"""A shell that ends its whole group, executors included, when its input ends: with this process at the latest."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster."""

    url: str
    work: Path
    """The worker's folder: what its executors say, by application."""
    worker: psutil.Process

    def executors(self) -> list[psutil.Process]:
        """Find the processes that run tasks."""
        return [process for process, command in self.processes() if _EXECUTOR in command]

    def processes(self) -> list[tuple[psutil.Process, list[str]]]:
        """List whatever the worker has started, and what that has started, with their commands."""
        found = []
        for process in self.worker.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                found.append((process, process.cmdline()))
        return found


@contextmanager
def standalone(folder: Path, cores: int) -> Iterator[Cluster]:
    """Have a master and a worker run for as long as this context lasts.

    The worker finds no Python: none is on its PATH, PYSPARK_PYTHON names nothing, and its Spark is a folder with jars
    alone.

    Args:
        folder: An empty one, for the worker's files and the logs.
        cores: How many tasks the worker takes at once; may be more than the machine has.
    """
    (folder / "spark").mkdir(parents=True)
    (folder / "spark" / "jars").symlink_to(Path(pyspark.__file__).parent / "jars")
    (folder / "bin").mkdir()
    for tool in _TOOLS:
        (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))
    java, port, web = find_java(folder), any_free(), any_free()
    url, work = f"spark://{HOST}:{port}", folder / "work"
    at = ["--host", HOST, "--webui-port"]
    with (
        _server(folder, java, "Master", [*at, str(web), "--port", str(port)]),
        _server(
            folder, java, "Worker", [*at, "0", "--cores", str(cores), "--memory", "4g", "--work-dir", str(work), url]
        ) as worker,
    ):
        _wait_for_worker(folder, web)
        yield Cluster(url, work, psutil.Process(worker.pid))


@contextmanager
def _server(folder: Path, java: Java, name: str, arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "PATH": str(folder / "bin"),
        "PYSPARK_PYTHON": "/nonexistent/python",
        "JAVA_HOME": str(java.home),
        "SPARK_HOME": str(folder / "spark"),
        # Spark's start scripts set it; without it the worker looks for a source tree.
        "SPARK_SCALA_VERSION": "2.13",
        "SPARK_LOCAL_IP": HOST,
        "SPARK_LOCAL_DIRS": str(folder / "local"),
    }
    options = ["-Xmx256m", "-Dspark.master.rest.enabled=false", "-cp", f"{folder}/spark/jars/*"]
    program = [*options, f"org.apache.spark.deploy.{name.lower()}.{name}"]
    command: list[str | Path] = ["/bin/sh", "-c", _GUARDED, "sh", java.executable, *program, *arguments]
    with (
        (folder / f"{name}.log").open("wb") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        yield process


def _wait_for_worker(folder: Path, web: int) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while True:
        with suppress(OSError, ValueError), urllib.request.urlopen(f"http://{HOST}:{web}/json", timeout=5) as answer:
            if json.load(answer)["aliveworkers"] == 1:
                return
        said = "\n".join(log.read_text() for log in folder.glob("*.log"))
        assert time.monotonic() < deadline, said
        time.sleep(_LOOK_S)
