"""expect: cannot import bad_import_missing: ModuleNotFoundError: No module named 'not_to_be_found' ({file}:3)"""

import not_to_be_found  # noqa: F401
