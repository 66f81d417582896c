"""expect: the hook riskloom_event_domain of bad_returns_nothing must return an EventDomain, not NoneType"""

from sound_domain import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    declare()
