from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from payments import payments

from riskloom.errors import SettingsError
from riskloom.produce.generators import make_generator, require_pattern_rate


class Takes:
    def __init__(self, *, seed: int, pattern_rate: float = 0.01) -> None:
        self.seed, self.pattern_rate = seed, pattern_rate


def anything(**given: Any) -> dict[str, Any]:
    return given


def deaf(*, seed: int) -> int:
    return seed


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(Takes=Takes, anything=anything, deaf=deaf)
    monkeypatch.setitem(sys.modules, "generator_kinds", module)


def test_the_rate_reaches_a_factory_that_takes_it() -> None:
    takes = payments("takes", "generator_kinds:Takes")
    assert make_generator(takes, 1).pattern_rate == 0.01
    assert make_generator(takes, 1, 0.0).pattern_rate == 0.0
    assert make_generator(payments("any", "generator_kinds:anything"), 1, 0.2)["pattern_rate"] == 0.2
    assert make_generator(payments("deaf", "generator_kinds:deaf"), 1, 0.2) != make_generator(takes, 1).seed


def test_one_that_does_not_take_it_is_named() -> None:
    chosen = [
        payments(name, f"generator_kinds:{factory}") for name, factory in (("a", "Takes"), ("b", "deaf"), ("c", "deaf"))
    ]
    require_pattern_rate(chosen[:1])
    with pytest.raises(
        SettingsError, match=r"  - b: .*deaf \(riskloom-payments\)\n  - c: .*\n.*--without b --without c"
    ):
        require_pattern_rate(chosen)
