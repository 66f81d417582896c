"""Import a plugin in a process of its own, and tell what that did. Run by its path, so that nothing else is imported.

Prints one JSON object: the processor time of the plugin and of the contract before it, the heavy packages that came
along, what the import did outside of the process, and a digest of the events that its generator then makes.
"""

from __future__ import annotations

import json
import sys
import time
from functools import reduce
from importlib import import_module
from typing import Any

_HEAVY = ("pyspark", "py4j", "jpype", "duckdb", "feast", "pandas", "confluent_kafka", "pytest")
_ACTIONS = {
    "subprocess.Popen": "starts a process",
    "os.exec": "starts a process",
    "os.fork": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.system": "starts a process",
    "socket.connect": "opens a connection",
}


def main() -> None:
    """Look at the plugin named in the first argument."""
    asked = json.loads(sys.argv[1])
    sys.path[:] = asked["path"]
    begin = time.process_time()
    import_module("riskloom.domain")
    import_module("riskloom.hookspecs")
    contract = time.process_time() - begin
    actions: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching and event in _ACTIONS:
            actions.append(f"{_ACTIONS[event]}: {arguments[:2]}")

    sys.addaudithook(watch)
    begin = time.process_time()
    module = import_module(asked["module"])
    domain = reduce(getattr, filter(None, (asked["attr"] or "").split(".")), module).riskloom_event_domain()
    own = time.process_time() - begin
    watching = False
    heavy = [name for name in _HEAVY if name in sys.modules]
    answer = {
        "contract_cpu_s": contract,
        "cpu_s": own,
        "heavy": heavy,
        "actions": actions,
        "digest": None,
        "error": None,
    }
    try:
        answer["digest"] = _digest(domain, asked["seed"], asked["events"])
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(answer))


def _digest(domain: Any, seed: int, events: int) -> str:
    """Name the events that a domain's generator makes, as `riskloom.testing.subject` does."""
    digest: str = import_module("riskloom.testing.events").digest_of(domain, seed, events)
    return digest


if __name__ == "__main__":
    main()
