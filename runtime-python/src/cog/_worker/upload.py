"""Output files by `--upload-url`: each is PUT below the URL, and its place there becomes the output."""

import io
import os
import time
from typing import Any, Dict
from urllib.parse import quote, urlsplit, urlunsplit

from .encode import mime_type_of

_ATTEMPTS = 4
_TIMEOUT = 30.0


class UploadError(Exception):
    """A file that could not be delivered; the prediction fails with it."""


class Uploader:
    """Encodes files of one prediction's output as URLs."""

    def __init__(self, base: str, prediction_id: str, trace: Dict[str, str]) -> None:
        self._base = base if base.endswith("/") else base + "/"
        self._headers = dict(trace, **{"X-Prediction-ID": prediction_id})
        self._count = 0

    def __call__(self, file: Any, name: str) -> str:
        from .._transfer import TransferError, backoff, transfer

        self._count += 1
        name = name or "output-{}".format(self._count)
        content = _rereadable(file)
        headers = dict(self._headers)
        headers["Content-Type"] = mime_type_of(name)
        headers["Content-Length"] = str(_size(content))
        url = self._base + quote(name)
        for attempt in range(_ATTEMPTS):
            try:
                answered, final = transfer("PUT", url, lambda: _Part(content), headers, _TIMEOUT)
                return _without_query(answered.get("location") or final)
            except TransferError as error:
                if not error.again or attempt == _ATTEMPTS - 1:
                    raise UploadError("Got error trying to upload output files: {}".format(error)) from error
                time.sleep(min(error.wait or 0, 10) or backoff(attempt, 0.1, 5))
        raise AssertionError("unreachable")


class _Part:
    """A file read from its start, which the HTTP client may not close."""

    def __init__(self, file: Any) -> None:
        file.seek(0)
        self._file = file

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(max(size, 1 << 18))
        return data


def _rereadable(file: Any) -> Any:
    if isinstance(file, io.TextIOBase) or not file.seekable():
        content = file.read()
        return io.BytesIO(content.encode("utf-8") if isinstance(content, str) else content)
    return file


def _size(file: Any) -> int:
    size: int = file.seek(0, os.SEEK_END)
    return size


def _without_query(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
