"""expect: bad_no_hook has no hook riskloom_event_domain"""
