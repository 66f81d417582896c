"""entry: bad_entry_point_object_missing:plugin
expect: cannot import bad_entry_point_object_missing:plugin: AttributeError:
"""
