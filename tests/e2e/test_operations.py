"""The job as an operator sees it: its status while it runs, and what a signal leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from consume import OUTPUTS, written_since
from shop import event, send, shop

from riskloom.offsets import end_offsets
from riskloom.schemas.registry import register_all
from riskloom.settings import Settings
from riskloom.stack.local import LocalStack
from riskloom.topics import ensure_topics

pytestmark = pytest.mark.e2e

DEADLINE_S = 300
NOT_RUNNING = 3
PLUGIN = """
from shop import shop
from riskloom.hookspecs import hookimpl

@hookimpl
def riskloom_event_domain():
    return shop().domain
"""


class Machine:
    """Servers, a plugin on the path, and the command."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.orders = shop()
        ensure_topics(settings, [self.orders])
        self.schemas = register_all(settings, [self.orders])
        info = folder / "riskloom_orders-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: riskloom-orders\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[riskloom]\norders = orders_plugin\n")
        (folder / "orders_plugin.py").write_text(PLUGIN)
        support = Path(__file__).parents[1] / "support"
        self.environment = os.environ | {
            "RISKLOOM_HOME": str(settings.home),
            "RISKLOOM_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "RISKLOOM_REGISTRY_URL": settings.registry_url,
            "PYTHONPATH": os.pathsep.join([str(folder), str(support), os.environ.get("PYTHONPATH", "")]),
        }

    def send(self, records: Sequence[Any]) -> None:
        send(self.settings, self.orders, self.schemas, records)

    def status(self, *, exits: int = 0) -> dict[str, Any]:
        """The one job of `riskloom run --status --json`."""
        argv = [sys.executable, "-m", "riskloom", "run", "--status", "--json"]
        done = subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == exits, done.stdout + done.stderr
        (job,) = json.loads(done.stdout)["jobs"]
        return job  # type: ignore[no-any-return]

    def wait_for(self, **counts: int) -> dict[str, Any]:
        """Wait until the status of the domain has these numbers."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            found: dict[str, Any] = self.status()
            domain = found["domains"].get("orders", {})
            if all(domain.get(name) == count for name, count in counts.items()):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.5)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """`riskloom run`, from when it scores until this context ends."""
        said = Path(self.settings.home) / "run.err"
        argv = [sys.executable, "-m", "riskloom", "run", "--materialize-every=off", "--only", "orders", *arguments]
        with said.open("wb") as errors:
            job = subprocess.Popen(
                argv,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
            try:
                deadline = time.monotonic() + DEADLINE_S
                while b"scoring orders" not in said.read_bytes():
                    assert job.poll() is None, said.read_text()
                    assert time.monotonic() < deadline, said.read_text()
                    time.sleep(0.2)
                yield job
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(job.pid, signal.SIGKILL)
                job.wait()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    home = tmp_path_factory.mktemp("operations")
    with LocalStack(home).running() as addresses:
        yield Machine(Settings(home=home, **addresses), tmp_path_factory.mktemp("site"))


def own(machine: Machine, name: str) -> str:
    return f"--checkpoint={Path(machine.settings.home) / name}"


def test_the_status_counts_what_became_of_the_events(machine: Machine) -> None:
    now = int(time.time() * 1000)
    events = [event(i, f"u{i % 5}", now + i) for i in range(100)]
    late = [event(1_000 + i, f"u{i}", now - 600_000) for i in range(3)]
    ahead = [event(2_000, "u0", now + 3_600_000)]
    with machine.running(own(machine, "counted")) as job:
        machine.send([*events, *late, *events[-7:], b"\1nonsense", b"\0", b"\1again", *ahead])
        status = machine.wait_for(scored=110)
        domain = status["domains"]["orders"]
        assert (domain["read"], domain["late"], domain["duplicates"]) == (114, 3, 7)
        assert domain["dead_letters"] == {"bad_magic": 2, "event_time_ahead": 1, "too_short": 1}
        assert sum(domain["positions"].values()) == 114
        assert (status["state"], status["pid"], status["restarts"]) == ("running", job.pid, 0)
        assert status["mode"] == "realtime"
        assert status["lag"] == {"orders-topic": 0}
        assert status["rates"]["scored"]["since_start"] > 0
        job.kill()
        job.wait()
        assert machine.status(exits=NOT_RUNNING)["state"] == "killed"


def test_sigterm_in_a_batch_loses_nothing_and_repeats_nothing(machine: Machine) -> None:
    checkpoint, count = own(machine, "batches"), 30_000
    now = int(time.time() * 1000)
    begin = end_offsets(machine.settings, OUTPUTS)
    before = sum(end_offsets(machine.settings, ["orders-topic"])["orders-topic"].values())
    machine.send([event(100_000 + i, f"v{i % 50}", now + i % 1_000) for i in range(count)])
    with machine.running("--mode=micro-batch", "--max-batch-events=3000", checkpoint) as job:
        deadline = time.monotonic() + DEADLINE_S
        while not (stopped_at := scored(machine, begin)):
            assert time.monotonic() < deadline
        family = [psutil.Process(job.pid), *psutil.Process(job.pid).children(recursive=True)]
        job.send_signal(signal.SIGTERM)
        assert job.wait(DEADLINE_S) == 0
        # A zombie has ended; whoever inherited it has not asked yet.
        assert not [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    assert stopped_at < count, "the signal came too late to show anything"
    status = machine.status(exits=NOT_RUNNING)
    assert status["state"] == "stopped"
    assert status["last_batch"]["events"] > 0
    done = status["domains"]["orders"]
    assert status["lag"]["orders-topic"] == before + count - done["read"] > 0
    with machine.running("--mode=available-now", checkpoint) as job:
        assert job.wait(DEADLINE_S) == 0
    again = machine.status(exits=NOT_RUNNING)
    assert again["restarts"] == 1
    assert done["read"] + again["domains"]["orders"]["read"] == before + count
    ids = Counter(score["event_id"] for score in written_since(machine.settings, begin).scores)
    mine = {name: times for name, times in ids.items() if int(name) >= 100_000}
    assert len(mine) == count
    assert set(mine.values()) == {1}


def scored(machine: Machine, begin: Any) -> int:
    topic = OUTPUTS[0]
    end = end_offsets(machine.settings, [topic])[topic]
    return sum(end.values()) - sum(begin[topic].values())
