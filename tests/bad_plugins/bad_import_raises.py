"""The trace ends in the standard library; the line told is the plugin's own.

expect: cannot import bad_import_raises: JSONDecodeError: Expecting value: line 1 column 1 (char 0) ({file}:8)
"""

import json

json.loads("no JSON")
