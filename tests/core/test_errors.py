import inspect

import pytest

from riskloom import errors
from riskloom.errors import PluginError, RiskloomError

ALL = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, RiskloomError)]


def test_each_error_exits_with_a_code_of_its_own():
    codes = [error.exit_code for error in ALL]
    assert len(set(codes)) == len(codes)
    assert 0 not in codes


@pytest.mark.parametrize(("problems", "count"), [(["a"], "1 problem "), (["a", "b"], "2 problems ")])
def test_a_plugin_error_lists_its_problems_and_ends_with_the_hint(problems, count):
    error = PluginError(problems, "Do this next.")
    assert error.problems == tuple(problems)
    lines = str(error).splitlines()
    assert lines[0].startswith(count)
    assert lines[1:-1] == [f"  - {problem}" for problem in problems]
    assert lines[-1] == "Do this next."
