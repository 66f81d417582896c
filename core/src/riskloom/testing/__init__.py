"""The plugin kit: what a domain must show before it ships, as a pytest class and as a command.

```python
from riskloom.testing import DomainSuite


class TestPayments(DomainSuite):
    domain = "payments"
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from riskloom.testing.suite import DomainSuite

__all__ = ["DomainSuite"]


def __getattr__(name: str) -> Any:
    """Import the suite on use: the probe looks at a plugin with little else around it."""
    if name != "DomainSuite":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from riskloom.testing import suite

    return suite.DomainSuite
