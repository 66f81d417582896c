"""All checks, by name, in the order in which a plugin's author wants to hear of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from riskloom.testing import feature_store, generation, importing, scores, sql
from riskloom.testing.subject import CheckFailure, Subject

Check = Callable[[Subject], str]
"""Raises `CheckFailure`, or answers what else is worth telling."""


def declared_without_problems(subject: Subject) -> str:
    """The domain is installed, and its declaration has no problems."""
    installed = subject.installed
    return f"{installed.distribution} {installed.version}"


_CHECKS: Sequence[Check] = (
    declared_without_problems,
    importing.importing_is_light,
    generation.schema_fits_its_snapshots,
    generation.same_seed_same_events,
    generation.events_encode_and_decode,
    generation.identity_is_never_null,
    feature_store.feast_objects_build,
    sql.no_python_in_the_plan,
    sql.sql_has_the_types_it_needs,
    sql.sql_agrees_in_spark_and_duckdb,
    scores.features_are_produced,
    scores.every_event_has_a_score,
    scores.reasons_add_up_to_the_score,
    scores.labelled_patterns_score_higher,
)
CHECKS = {check.__name__: check for check in _CHECKS}


@dataclass(frozen=True)
class Result:
    """What a check found."""

    check: str
    passed: bool
    text: str
    """Of one that failed, what is wrong; else what else is worth telling."""


def run(subject: Subject) -> Iterator[Result]:
    """Run all checks of a domain, one after the other; only one when it cannot be loaded."""
    for name, check in CHECKS.items():
        try:
            yield Result(name, True, check(subject))
        except CheckFailure as failure:
            yield Result(name, False, str(failure))
            if check is declared_without_problems:
                return
