"""Sending something to a URL with redirects followed and the method kept. Imported only where something is sent."""

import http.client
import random
import socket
from typing import Any, Callable, Dict, Optional, Tuple, Union
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import AbstractHTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

RETRIED = frozenset((408, 425, 429, 500, 502, 503, 504))
_REDIRECTS = frozenset((301, 302, 307, 308))


class TransferError(Exception):
    """A failure. `again` tells whether another attempt may succeed, `wait` how long the other side asks to wait."""

    def __init__(self, message: str, again: bool, wait: Optional[float] = None) -> None:
        super().__init__(message)
        self.again = again
        self.wait = wait


def transfer(
    method: str, url: str, body: Union[bytes, Callable[[], Any]], headers: Dict[str, str], timeout: float
) -> Tuple[Dict[str, str], str]:
    """One attempt. Returns the answer's headers, names in lower case, and the URL that gave it.

    `body` is bytes, or opens a file anew for each request. `timeout` is for each wait on the network, in seconds.
    Raises TransferError.
    """
    if urlsplit(url).scheme.lower() not in ("http", "https"):
        raise TransferError("the URL scheme is neither http nor https", again=False)
    opened: Any = body if isinstance(body, bytes) else body()
    try:
        request = Request(sendable_url(url), data=opened, headers=headers, method=method)
        with build_opener(_KeepMethod(body), Https()).open(request, timeout=timeout) as response:
            response.read(1 << 20)
            answered = {name.lower(): value for name, value in response.headers.items()}
            return answered, response.geturl()
    except HTTPError as error:
        wait = _retry_after(error.headers.get("Retry-After"))
        error.close()
        raise TransferError("HTTP status {}".format(error.code), error.code in RETRIED, wait) from error
    except URLError as error:
        raise TransferError(str(error.reason), again=True) from error
    except (OSError, http.client.HTTPException, socket.timeout) as error:
        raise TransferError(str(error) or type(error).__name__, again=True) from error
    except (ValueError, UnicodeError) as error:
        raise TransferError("not a URL: {}".format(error), again=False) from error
    finally:
        if hasattr(opened, "close"):
            opened.close()


class Https(HTTPSHandler):
    """One TLS context for all: to make one takes time and memory, and some Pythons do so even where none is needed."""

    connection: Any = http.client.HTTPSConnection
    _context_of_all: Any = None

    def __init__(self) -> None:
        AbstractHTTPHandler.__init__(self)

    def https_open(self, req: Any) -> Any:
        if Https._context_of_all is None:
            import ssl

            Https._context_of_all = ssl.create_default_context()
        return self.do_open(self.connection, req, context=Https._context_of_all)


def sendable_url(url: str) -> str:
    """The URL with whatever it may not contain escaped, as browsers do it; escapes in it stay as they are."""
    return quote(url.strip(), safe="!#$%&'()*+,/:;=?@[]~")


def backoff(attempt: int, base: float, most: float) -> float:
    """Seconds to wait after this attempt (0, 1, ...): exponential, with jitter."""
    return float(min(most, base * 2**attempt)) * random.uniform(0.75, 1.25)


class _KeepMethod(HTTPRedirectHandler):
    """Repeats a POST or PUT at the new place instead of turning it into a GET."""

    max_redirections = 10

    def __init__(self, body: Union[bytes, Callable[[], Any]]) -> None:
        self._body = body

    def redirect_request(self, req: Any, fp: Any, code: int, msg: Any, headers: Any, newurl: str) -> Any:
        if code not in _REDIRECTS:
            return super().redirect_request(req, fp, code, msg, headers, newurl)
        kept = dict(req.headers)
        if urlsplit(newurl).netloc != urlsplit(req.full_url).netloc:
            kept.pop("Authorization", None)
        body = self._body if isinstance(self._body, bytes) else self._body()
        return Request(newurl, data=body, headers=kept, method=req.get_method(), unverifiable=True)

    http_error_308 = HTTPRedirectHandler.http_error_302


def _retry_after(text: Optional[str]) -> Optional[float]:
    return float(text) if text is not None and text.strip().isdigit() else None
