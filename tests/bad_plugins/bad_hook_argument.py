"""expect: bad_hook_argument: Plugin 'bad_hook_argument' for hook 'riskloom_event_domain'"""

from sound_domain import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain(settings):
    return declare(**settings)
