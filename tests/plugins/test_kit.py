"""The shipped domains pass the kit, in the three lines that a plugin's own tests consist of."""

from __future__ import annotations

import pytest

from riskloom.testing import DomainSuite

# The session of the other tests is the kit's too.
pytestmark = pytest.mark.usefixtures("spark")


class TestClaims(DomainSuite):
    domain = "claims"


class TestTransactions(DomainSuite):
    domain = "transactions"


class TestIot(DomainSuite):
    domain = "iot"
