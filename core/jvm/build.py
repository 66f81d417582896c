"""Build the kernel's jar from its Java sources: `uv run python core/jvm/build.py`.

Needs a JDK 17 or later (javac) and pyspark, whose jars are the class path, together with those of Spark's Kafka source.
The jar is committed as package data, so that users need neither. Its manifest holds the digest of the sources; a test
compares the two.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SOURCES = Path(__file__).parent / "src"
JAR = Path(__file__).parents[1] / "src" / "riskloom" / "stream" / "jars" / "riskloom-kernel.jar"
DIGEST = "Riskloom-Sources-SHA256"
# The zip format cannot say an earlier time; a fixed one makes the same sources the same jar.
EPOCH = (1980, 1, 1, 0, 0, 0)


def sources_digest() -> str:
    """Digest the names and texts of all Java sources."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.java")):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def compile_classes(out: Path) -> None:
    """Compile all sources into a folder, every warning an error."""
    import pyspark

    from riskloom.stack.artifacts import spark_jars

    class_path = os.pathsep.join([str(Path(pyspark.__file__).parent / "jars" / "*"), *map(str, spark_jars())])
    sources = [str(path) for path in sorted(SOURCES.rglob("*.java"))]
    javac = shutil.which("javac")
    if javac is None:
        sys.exit("javac is not on PATH: install a JDK 17 or later (Debian: apt-get install openjdk-17-jdk-headless)")
    # Without classfile and path: the warnings would be of the jars of Spark, not of the kernel.
    lint = "-Xlint:all,-classfile,-path,-processing,-serial"
    subprocess.run([javac, "--release", "17", lint, "-Werror", "-cp", class_path, "-d", str(out), *sources], check=True)


def build(jar: Path) -> None:
    """Compile the sources and write the jar, the same bytes for the same sources and compiler."""
    with tempfile.TemporaryDirectory() as folder:
        compile_classes(Path(folder))
        jar.parent.mkdir(parents=True, exist_ok=True)
        manifest = f"Manifest-Version: 1.0\r\n{DIGEST}: \r\n {sources_digest()}\r\n\r\n"
        with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF", EPOCH), manifest)
            for path in sorted(Path(folder).rglob("*.class")):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    build(JAR)
    print(JAR)
