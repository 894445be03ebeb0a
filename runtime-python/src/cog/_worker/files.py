"""Files that come with a prediction: from data URIs and URLs to a temporary directory of its own."""

import io
import os
import shutil
import tempfile
from typing import Any, Optional

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
