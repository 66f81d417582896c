"""Files that are out of the offline store, and stay on disk for those who are still reading them.

`domain=<domain>/_retired/date=<day>/<name>.retired` is an empty marker: the file of that day and name does not count.
A reader lists the markers first and the files then. Whoever retires files has written what takes their place before, so
a reader sees the old, the new, or both, and both are the same rows. Markers and their files are deleted by the next
retirement once they are old enough that no reader can still have the file in its list.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

KEPT = timedelta(hours=1)
"""How long a retired file can be read: as long as a training set may take that has listed it."""

# A marker is no Parquet file, and is not to look like one to who reads all that there are.
_SUFFIX = ".retired"


class RetiredFiles:
    """The markers of a domain.

    Args:
        files: The store's file system.
        folder: The domain's.
    """

    def __init__(self, files: FileSystem, folder: str) -> None:
        self._files, self._folder = files, folder
        self._markers = f"{folder}/_retired"

    def paths(self) -> set[str]:
        """List the files that do not count."""
        return {self._marked(marker) for marker in self._found()}

    def add(self, paths: Iterable[str]) -> None:
        """Retire files, and delete what was retired long ago."""
        self._sweep()
        for path in paths:
            marker = self._markers + path.removeprefix(self._folder) + _SUFFIX
            self._files.create_dir(marker.rpartition("/")[0], recursive=True)
            with self._files.open_output_stream(marker):
                pass

    def _sweep(self) -> None:
        for marker in self._found():
            if datetime.now(UTC) - marker.mtime > KEPT:
                # The marker last: as long as there is a file, it is marked. Another writer may be sweeping as well.
                for path in (self._marked(marker), marker.path):
                    with suppress(FileNotFoundError):
                        self._files.delete_file(path)

    def _found(self) -> list[FileInfo]:
        from pyarrow.fs import FileSelector

        found = self._files.get_file_info(FileSelector(self._markers, allow_not_found=True, recursive=True))
        return [info for info in found if info.is_file]

    def _marked(self, marker: FileInfo) -> str:
        path: str = marker.path
        return self._folder + path.removeprefix(self._markers).removesuffix(_SUFFIX)
