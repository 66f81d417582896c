"""expect: the hook riskloom_event_domain of bad_returns_dict must return an EventDomain, not dict"""

from sound_domain import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare().model_dump()
