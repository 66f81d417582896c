"""expect: bad_hook_not_marked: riskloom_event_domain is not marked as a hook"""

from sound_domain import declare


def riskloom_event_domain():
    return declare()
