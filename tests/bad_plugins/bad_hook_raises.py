"""expect: the hook riskloom_event_domain of bad_hook_raises failed: ZeroDivisionError: division by zero ({file}:10)"""

from sound_domain import declare

from riskloom.hookspecs import hookimpl


@hookimpl
def riskloom_event_domain():
    return declare(share=1 / 0)
