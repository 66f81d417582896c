"""Checks of the plugin's module, from a process that imports nothing else."""

from __future__ import annotations

from riskloom.testing.subject import IMPORT_LIMIT_S, Subject, failures


def importing_is_light(subject: Subject) -> str:
    """Importing the plugin starts no JVM and nothing else, brings no heavy package, and takes under 0.2 s."""
    seen = subject.probe
    problems = [
        f"importing the plugin imports {name}: import it inside the function that uses it" for name in seen["heavy"]
    ]
    problems += [
        f"importing the plugin {action}: every command imports it, so do that in the generator, or not at all"
        for action in dict.fromkeys(seen["actions"])
    ]
    own, contract = seen["cpu_s"], seen["contract_cpu_s"]
    # A machine on which even the contract takes longer than that is busy or slow.
    if own > max(IMPORT_LIMIT_S, contract):
        problems.append(
            f"importing the plugin takes {own:.2f} s of processor time, more than {IMPORT_LIMIT_S} s (the contract: "
            f"{contract:.2f} s): put what is slow into the generator's module, which is imported when events are made"
        )
    failures(problems)
    return f"{own * 1000:.0f} ms of processor time"
