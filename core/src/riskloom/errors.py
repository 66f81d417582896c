"""Every public exception, grouped by what the caller does next.

`RiskloomError` means stop: its text says what is wrong, where, and the next command. The command line prints it
without a trace and exits with `exit_code`.
"""

from __future__ import annotations

from collections.abc import Sequence


class RiskloomError(Exception):
    """Stop: something the user can mend. The message ends with what to do next."""

    exit_code = 1


class SettingsError(RiskloomError):
    """A setting or an option has a value that cannot be used."""

    exit_code = 2


class PluginError(RiskloomError):
    """One or more installed domains cannot be used.

    Args:
        problems: One line for each problem; each names the distribution at fault.
        hint: The next command to try.
    """

    exit_code = 3

    def __init__(self, problems: Sequence[str], hint: str) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {problem}" for problem in self.problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} with installed domains:\n{listed}\n{hint}")


class StackError(RiskloomError):
    """A local server could not be started, found or stopped."""

    exit_code = 4


class RegistryError(RiskloomError):
    """The schema registry refused a schema or could not be reached."""

    exit_code = 5


class DeliveryError(RiskloomError):
    """Kafka could not be reached, or did not take what was sent."""

    exit_code = 6


class JobError(RiskloomError):
    """The Spark job could not start, or ended by itself."""

    exit_code = 7


class FeatureError(RiskloomError):
    """The feature store is not installed, cannot be reached, or does not have what was asked for."""

    exit_code = 8
