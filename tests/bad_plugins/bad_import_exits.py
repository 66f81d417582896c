"""expect: cannot import bad_import_exits: SystemExit: 3 ({file}:5)"""

import sys

sys.exit(3)
