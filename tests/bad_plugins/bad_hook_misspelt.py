"""expect: bad_hook_misspelt: riskloom has no hook 'riskloom_event_domian'; did you mean 'riskloom_event_domain'?"""

from sound_domain import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domian():
    return declare()
