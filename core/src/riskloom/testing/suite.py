"""The kit as a pytest class: a subclass names its domain, and every check is a test."""

from __future__ import annotations

from typing import Any, ClassVar

from riskloom.testing.checks import CHECKS
from riskloom.testing.subject import CheckFailure, Subject

_PREFIX = "test_"
_GUARD = f"{_PREFIX}every_check_is_in_place"


NOTES: dict[tuple[str, str], str] = {}
"""What checks that passed tell besides, by domain and check."""


class DomainSuite:
    """What a domain must show before it ships.

    A subclass sets `domain` and nothing more. A check that cannot pass yet is overridden as an expected failure with
    its reason; anything else that takes a check away makes the suite fail:

    ```python
    class TestPayments(DomainSuite):
        domain = "payments"

        @pytest.mark.xfail(reason="the vendor's generator takes no seed")
        def test_same_seed_same_events(self):
            super().test_same_seed_same_events()
    ```
    """

    domain: ClassVar[str]
    """The name of an installed domain, or of its entry point."""
    _subject: ClassVar[Subject]

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Refuse a subclass that takes the guard away."""
        super().__init_subclass__(**arguments)
        if _GUARD in vars(cls):
            raise TypeError(f"{cls.__name__} overrides {_GUARD}, which guards all checks: remove that")

    def test_every_check_is_in_place(self) -> None:
        """No check is overridden but as an expected failure with a reason."""
        cls = type(self)
        problems = []
        for name, original in _ORIGINALS.items():
            found = getattr(cls, name, None)
            if found is not original and not _expected_to_fail(found):
                problems.append(
                    f"{name} is overridden or removed: remove that, or mark it "
                    '@pytest.mark.xfail(reason="why it cannot pass yet")'
                )
        if problems:
            raise CheckFailure(f"{cls.__name__}: " + "; ".join(problems))

    @classmethod
    def _check(cls, name: str) -> str:
        if not isinstance(getattr(cls, "domain", None), str):
            raise CheckFailure(f'{cls.__name__}: set domain = "NAME" in the class')
        if "_subject" not in vars(cls):
            cls._subject = Subject(cls.domain)
        return CHECKS[name](cls._subject)


def _test(name: str) -> Any:
    def test(self: DomainSuite) -> None:
        note = self._check(name)
        if note:
            NOTES[type(self).domain, name] = note

    test.__name__ = f"{_PREFIX}{name}"
    test.__qualname__ = f"{DomainSuite.__name__}.{test.__name__}"
    test.__doc__ = CHECKS[name].__doc__
    return test


def _expected_to_fail(test: Any) -> bool:
    marks = getattr(test, "pytestmark", ())
    return any(mark.name == "xfail" and str(mark.kwargs.get("reason") or "").strip() for mark in marks)


for _name in CHECKS:
    setattr(DomainSuite, f"{_PREFIX}{_name}", _test(_name))
_ORIGINALS = {name: test for name, test in vars(DomainSuite).items() if name.startswith(_PREFIX)}
