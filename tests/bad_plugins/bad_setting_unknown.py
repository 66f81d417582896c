"""The part is made at import, before the hook is called.

expect: WindowFeature.aggregate: it is required ({file}:10)
expect: WindowFeature.agregate: there is no such setting; did you mean 'aggregate'? ({file}:10)
"""

from riskloom.domain import WindowFeature
from riskloom.hookspecs import hookimpl

COUNT = WindowFeature(name="payment_count_1hr", agregate="count", window="1hr")


@hookimpl
def riskloom_event_domain():
    return None
