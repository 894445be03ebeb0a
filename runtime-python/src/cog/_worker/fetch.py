"""Reading data URIs and downloading. Network modules are imported when first needed.

Limits come from the environment: COG_MAX_FILE_BYTES and COG_FETCH_TIMEOUT (seconds) for each file, and
COG_BLOCK_PRIVATE_ADDRESSES.
"""

import binascii
import os
import tempfile
import time
from typing import Any, Optional, Tuple
from urllib.parse import unquote, unquote_to_bytes, urlsplit

_CHUNK = 1 << 18
_ATTEMPTS = 4
_TIMEOUT = 30.0
_LONGEST_NAME = 200
_LONGEST_MEDIA_TYPE = 4096
# Where Python's table differs between versions, or between hosts that have their own.
_EXTENSIONS = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "text/plain": ".txt",
    "video/mp4": ".mp4",
}


class FetchError(Exception):
    """A file that could not be had. The message names its URL without user info and query."""


def is_data_uri(source: str) -> bool:
    return source[:5].lower() == "data:"


def data_uri_bytes(source: str) -> bytes:
    content = _split_data_uri(source)[1]
    check_size(len(content), "the data URI")
    return content


def filename_of(source: str) -> str:
    """A file name for what a URL leads to: the last part of its path, safe for any file system."""
    if is_data_uri(source):
        mime, *parameters = source[5 : 5 + _LONGEST_MEDIA_TYPE].split(",", 1)[0].split(";")
        named = [text[5:] for text in parameters if text[:5].lower() == "name="]
        if not named:
            return "file" + _extension_of(mime.strip().lower())
        name = unquote(named[0], errors="replace").replace("\\", "/").rsplit("/", 1)[-1]
    else:
        name = unquote(urlsplit(source).path.rsplit("/", 1)[-1], errors="replace")
    name = "".join("_" if char in "/\\" or ord(char) < 32 or ord(char) == 127 else char for char in name)
    if name in ("", ".", ".."):
        name = "file"
    encoded = os.fsencode(name.encode("utf-8", "replace").decode("utf-8"))
    if len(encoded) > _LONGEST_NAME:
        stem, extension = os.path.splitext(name)
        kept = _LONGEST_NAME - len(os.fsencode(extension)) - 1
        if kept < 1:
            stem, extension, kept = name, "", _LONGEST_NAME - 1
        name = os.fsencode(stem)[:kept].decode("utf-8", "ignore") + "~" + extension
    return name


def fetch(source: str, path: str) -> None:
    """Writes what a URL or data URI holds to a new file. Retries; raises FetchError."""
    if is_data_uri(source):
        with open(path, "wb") as target:
            target.write(data_uri_bytes(source))
        return
    limit = _limit("COG_FETCH_TIMEOUT")
    deadline = None if limit is None else time.monotonic() + limit
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _download(source, path, deadline)
            return
        except _Retryable as error:
            if attempt == _ATTEMPTS or (deadline is not None and time.monotonic() > deadline):
                raise FetchError("could not fetch {}: {}".format(_shown(source), error)) from error
            time.sleep(0.2 * 2**attempt)


def fetch_to_temporary_file(source: str, name: str) -> str:
    path = os.path.join(tempfile.mkdtemp(prefix="cog-url-"), os.path.basename(name) or "file")
    fetch(source, path)
    return path


def open_url(source: str) -> Any:
    """The open response of a GET request, followed through redirects."""
    from urllib.error import URLError
    from urllib.request import Request, build_opener

    from .._transfer import Https, sendable_url
    from .guard import BlockedAddress, guarded_opener

    scheme = urlsplit(source).scheme.lower()
    if scheme not in ("http", "https"):
        raise FetchError("{} has a scheme other than http and https".format(_shown(source)))
    agent = os.environ.get("COG_USER_AGENT")
    request = Request(
        sendable_url(source), headers={"User-Agent": agent or "cog/" + _version(), "Accept-Encoding": "identity"}
    )
    guarded = os.environ.get("COG_BLOCK_PRIVATE_ADDRESSES", "").strip().lower() in ("1", "true", "yes", "on")
    opener = guarded_opener() if guarded else build_opener(Https())
    try:
        response = opener.open(request, timeout=_TIMEOUT)
    except URLError as error:
        if isinstance(error.reason, BlockedAddress):
            raise FetchError("could not fetch {}: {}".format(_shown(source), error.reason)) from error
        status = getattr(error, "code", None)
        if status is not None and status not in (408, 425, 429) and status < 500:
            raise FetchError("could not fetch {}: HTTP status {}".format(_shown(source), status)) from error
        raise _Retryable("HTTP status {}".format(status) if status else str(error.reason)) from error
    except (OSError, ValueError) as error:
        raise _Retryable(str(error)) from error
    expected = response.headers.get("Content-Length") or ""
    if expected.isdigit():
        try:
            check_size(int(expected), _shown(source))
        except FetchError:
            response.close()
            raise
    return response


def check_size(size: int, what: str) -> None:
    """Raises FetchError for a file that is larger than one may be."""
    most = _limit("COG_MAX_FILE_BYTES")
    if most is not None and size > most:
        raise FetchError("{} is larger than {:.0f} bytes".format(what, most))


class _Retryable(Exception):
    """A failure that may pass."""


def _download(source: str, path: str, deadline: Optional[float]) -> None:
    from http.client import HTTPException

    with open_url(source) as response:
        expected = response.headers.get("Content-Length")
        received = 0
        try:
            with open(path, "wb") as target:
                while True:
                    chunk = response.read1(_CHUNK)
                    if not chunk:
                        break
                    target.write(chunk)
                    received += len(chunk)
                    check_size(received, _shown(source))
                    if deadline is not None and time.monotonic() > deadline:
                        raise FetchError("could not fetch {}: it takes too long".format(_shown(source)))
        except (HTTPException, ConnectionError, TimeoutError) as error:
            raise _Retryable("{} after {} bytes".format(type(error).__name__, received)) from error
        if expected is not None and expected.isdigit() and int(expected) != received:
            raise _Retryable("{} of {} bytes arrived".format(received, expected))


def _limit(variable: str) -> Optional[float]:
    try:
        limit = float(os.environ.get(variable) or 0)
    except ValueError:
        return None
    return limit if limit > 0 else None


def _split_data_uri(source: str) -> Tuple[str, bytes]:
    """The media type and the content of a data URI (RFC 2397)."""
    head, comma, body = source.partition(",")
    if not comma:
        raise FetchError("the data URI has no comma")
    media = head[5:]
    if not media.lower().rstrip().endswith(";base64"):
        return media, unquote_to_bytes(body)
    try:
        encoded = unquote_to_bytes(body) if "%" in body else body.encode("ascii")
        content = binascii.a2b_base64(encoded)
    except (binascii.Error, ValueError) as error:
        raise FetchError("the data URI is not valid base64: {}".format(error)) from error
    if len(content) != _decoded_length(encoded) and len(content) != _decoded_length(b"".join(encoded.split())):
        raise FetchError("the data URI is not valid base64: it contains characters that base64 does not have")
    return media, content


def _decoded_length(encoded: bytes) -> int:
    """How many bytes base64 of this length holds; a2b_base64 skips what it does not know."""
    return len(encoded.rstrip(b"=")) * 3 // 4


def _extension_of(mime: str) -> str:
    if mime in _EXTENSIONS:
        return _EXTENSIONS[mime]
    from mimetypes import guess_extension

    return guess_extension(mime) or ""


def _shown(source: str) -> str:
    parts = urlsplit(source)
    return "{}://{}{}".format(parts.scheme, parts.netloc.rpartition("@")[2], parts.path)


def _version() -> str:
    from .._version import PUBLIC

    return PUBLIC
