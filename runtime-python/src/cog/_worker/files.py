"""Files that come with a prediction, in a temporary directory of its own, and files that it leaves behind."""

import io
import os
import shutil
import stat
import tempfile
import time
from typing import Any, List, Optional

from ..types import Path, URLFile
from .fetch import data_uri_bytes, fetch, filename_of, is_data_uri


class InputFiles:
    """One prediction's input files; the directory exists only if it is needed."""

    def __init__(self) -> None:
        self._directory: Optional[str] = None
        self._count = 0

    def path(self, source: str) -> Path:
        """The path of a local copy. A default that is no URL is taken as the path of a file in the image."""
        if not is_data_uri(source) and "://" not in source:
            return Path(source)
        if self._directory is None:
            self._directory = tempfile.mkdtemp(prefix="cog-inputs-")
        # A directory for each file, so that each keeps the name it came with.
        directory = os.path.join(self._directory, str(self._count))
        self._count += 1
        os.mkdir(directory)
        path = os.path.join(directory, filename_of(source))
        fetch(source, path)
        return Path(path)

    def file(self, source: str) -> Any:
        if is_data_uri(source):
            return io.BytesIO(data_uri_bytes(source))
        return URLFile(source) if "://" in source else open(source, "rb")

    def remove(self) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None


class ReturnedFiles:
    """Paths that a prediction returned. What it wrote into the directory for temporary files goes when it has ended.

    A file that was there before it began stays: the model may return it again.
    """

    def __init__(self) -> None:
        self._began = 0
        self._paths: List[str] = []

    def begin(self) -> None:
        self._began = _file_clock()

    def add(self, path: str) -> None:
        self._paths.append(os.path.abspath(path))

    def remove(self) -> None:
        paths, self._paths = self._paths, []
        if not paths:
            return
        below = os.path.join(os.path.realpath(tempfile.gettempdir()), "")
        for path in paths:
            try:
                found = os.lstat(path)
                is_new = found.st_ctime_ns >= self._began
                if is_new and stat.S_ISREG(found.st_mode) and os.path.realpath(path).startswith(below):
                    os.unlink(path)
            except OSError:
                pass


def await_file_clock() -> None:
    """Waits until the clock of files has moved on: what was written before then is told apart from what is written later."""
    began, patience = _file_clock(), time.monotonic() + 0.05
    while _file_clock() == began and time.monotonic() < patience:
        time.sleep(0.001)


def _file_clock() -> int:
    """Nanoseconds on the clock that files are stamped with, which on Linux advances in ticks and so lags behind."""
    coarse = 5  # CLOCK_REALTIME_COARSE in clock_gettime(2)
    try:
        return time.clock_gettime_ns(coarse)
    except (AttributeError, OSError):
        return time.time_ns() - 10_000_000
