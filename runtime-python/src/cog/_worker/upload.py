"""Output files that are sent away: each is PUT somewhere, and its place there becomes the output."""

import io
import os
import time
from typing import Any, Callable, Dict, Tuple
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

from .encode import mime_type_of

_ATTEMPTS = 4
_TIMEOUT = 30.0


class UploadError(Exception):
    """A file that could not be delivered; the prediction fails with it."""


class Uploader:
    """Encodes files of one prediction's output as URLs, below the one of `--upload-url`."""

    def __init__(self, base: str, headers: Dict[str, str]) -> None:
        self._base = base if base.endswith("/") else base + "/"
        self._headers = headers
        self._count = 0

    def __call__(self, file: Any, name: str) -> str:
        self._count += 1
        name = name or "output-{}".format(self._count)
        content = _rereadable(file)
        headers = dict(self._headers)
        headers["Content-Type"] = mime_type_of(name)
        headers["Content-Length"] = str(_size(content))
        answered, final = _put(self._base + quote(name), lambda: _Joined(content), headers)
        return _without_query(answered.get("location") or final)


class FormUploader:
    """The same for a request's own `output_file_prefix`, as Cog had it up to 0.16: a form, whatever is answered."""

    def __init__(self, prefix: str, headers: Dict[str, str]) -> None:
        self._prefix = prefix
        self._headers = headers

    def __call__(self, file: Any, name: str) -> str:
        content = _rereadable(file)
        boundary = uuid4().hex
        shown = quote(name or "file", safe=" !#$&'()*+,;=@[]^`{|}~")
        disposition = 'form-data; name="file"; filename="{}"'.format(shown)
        head = "--{}\r\nContent-Disposition: {}\r\n\r\n".format(boundary, disposition).encode("ascii")
        tail = "\r\n--{}--\r\n".format(boundary).encode("ascii")
        headers = dict(self._headers)
        headers["Content-Type"] = "multipart/form-data; boundary=" + boundary
        headers["Content-Length"] = str(len(head) + _size(content) + len(tail))
        url = self._prefix + quote(name or "output")
        _put(url, lambda: _Joined(io.BytesIO(head), content, io.BytesIO(tail)), headers)
        return url


def _put(url: str, body: Callable[[], Any], headers: Dict[str, str]) -> Tuple[Dict[str, str], str]:
    from .._transfer import TransferError, backoff, transfer

    for attempt in range(_ATTEMPTS):
        try:
            return transfer("PUT", url, body, headers, _TIMEOUT)
        except TransferError as error:
            if not error.again or attempt == _ATTEMPTS - 1:
                raise UploadError("Got error trying to upload output files: {}".format(error)) from error
            time.sleep(min(error.wait or 0, 10) or backoff(attempt, 0.1, 5))
    raise AssertionError("unreachable")


class _Joined:
    """Files one after the other, read from their start, which the HTTP client may not close."""

    def __init__(self, *files: Any) -> None:
        self._files = list(files)
        for file in files:
            file.seek(0)

    def read(self, size: int = -1) -> bytes:
        while self._files:
            data: bytes = self._files[0].read(max(size, 1 << 18))
            if data:
                return data
            self._files.pop(0)
        return b""


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
