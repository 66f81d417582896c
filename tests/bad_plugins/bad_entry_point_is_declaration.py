"""entry: bad_entry_point_is_declaration:DOMAIN
expect: bad_entry_point_is_declaration:DOMAIN is the declaration itself: the entry point must name the module with
"""

from sound_domain import declare

DOMAIN = declare()
