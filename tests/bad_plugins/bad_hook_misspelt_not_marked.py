"""expect: bad_hook_misspelt_not_marked has no hook riskloom_event_domain; did you mean 'risklom_event_domain'?"""

from sound_domain import declare


def risklom_event_domain():
    return declare()
