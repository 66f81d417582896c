"""What a plugin pays for importing the contract."""

import subprocess
import sys


def test_the_contract_loads_nothing_heavy():
    code = (
        "import sys\nimport riskloom.domain, riskloom.hookspecs, riskloom.errors\n"
        "heavy = {'pyspark', 'pyarrow', 'numpy', 'confluent_kafka', 'sqlglot', 'fastavro', 'rich', 'click'}\n"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
