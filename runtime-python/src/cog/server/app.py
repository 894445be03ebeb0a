"""The ASGI application: a dozen fixed routes, answered by hand.

Reference: https://asgi.readthedocs.io/en/stable/specs/www.html
"""

import asyncio
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

from .._version import DISTRIBUTION
from .codec import dumps
from .prediction import Prediction
from .request import Invalid
from .service import Busy, NotReady, Service

Receive = Callable[[], Awaitable[Dict[str, Any]]]
Send = Callable[[Dict[str, Any]], Awaitable[None]]


class TooLarge(Exception):
    """A request body beyond the limit."""


class Disconnected(Exception):
    """The client went away before its request was complete."""


class Application:
    def __init__(self, service: Service, shutdown: Callable[[], None], most_bytes: int) -> None:
        self._service = service
        self._shutdown = shutdown
        self._most_bytes = most_bytes
        self._noun = "training" if service.mode == "train" else "prediction"

    async def __call__(self, scope: Dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            await self._route(_Exchange(scope, receive, send))
        except Invalid as error:
            await _answer(send, 422, dumps({"detail": error.detail}))
        except TooLarge:
            message = "the request body is larger than {} bytes".format(self._most_bytes)
            await _answer(send, 413, dumps({"detail": message, "error": message}), [(b"connection", b"close")])
        except Disconnected:
            pass

    async def _route(self, exchange: "_Exchange") -> None:
        path = exchange.path
        fixed = _FIXED.get(path)
        if fixed is not None:
            method, handler = fixed
            if exchange.method != method:
                await exchange.refuse_method(method)
            else:
                await handler(self, exchange)
            return
        parts = path.split("/")
        if len(parts) == 2 and parts[1] in self._collections():
            if exchange.method != "POST":
                await exchange.refuse_method("POST")
            else:
                await self._create(exchange, None)
            return
        await exchange.answer(404, {"detail": "Not Found"})

    def _collections(self) -> Tuple[str, ...]:
        return ("trainings", "predictions") if self._noun == "training" else ("predictions",)

    async def _root(self, exchange: "_Exchange") -> None:
        listed = {
            "cog_version": DISTRIBUTION,
            "openapi_url": "/openapi.json",
            "shutdown_url": "/shutdown",
            "healthcheck_url": "/health-check",
            self._noun + "s_url": "/{}s".format(self._noun),
        }
        await exchange.answer(200, listed)

    async def _health_check(self, exchange: "_Exchange") -> None:
        await exchange.answer(200, self._service.health())

    async def _openapi(self, exchange: "_Exchange") -> None:
        schema = self._service.schema
        if schema is None:
            await exchange.answer(503, {"error": "OpenAPI schema not available", "detail": "OpenAPI schema not available"})
        else:
            await _answer(exchange.send, 200, schema)

    async def _stop(self, exchange: "_Exchange") -> None:
        await exchange.answer(200, {})
        self._shutdown()

    async def _create(self, exchange: "_Exchange", id_in_url: Optional[str]) -> None:
        body = await exchange.body(self._most_bytes)
        service = self._service
        try:
            if service.requests is None:
                raise NotReady(service.not_ready_reason())
            prediction = service.create(service.requests.read(body, id_in_url, self._noun))
        except NotReady as error:
            await exchange.answer(503, {"error": str(error), "detail": str(error), "status": "failed"})
            return
        except Busy:
            await exchange.answer(409, _BUSY)
            return
        if await exchange.wait_or_disconnect(prediction):
            await _answer(exchange.send, 200, prediction.body())
        else:
            service.cancel(prediction)


_BUSY = {
    "detail": "Already running a prediction",
    "error": "At capacity - all prediction slots busy",
    "status": "failed",
}

_FIXED: Dict[str, Tuple[str, Callable[[Application, "_Exchange"], Awaitable[None]]]] = {
    "/": ("GET", Application._root),
    "/health-check": ("GET", Application._health_check),
    "/openapi.json": ("GET", Application._openapi),
    "/shutdown": ("POST", Application._stop),
}


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Dict[str, Any], receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.send = send
        self._scope = scope
        self._receive = receive

    def header(self, name: bytes) -> Optional[str]:
        """The values of a header, joined by commas; the name is in lower case."""
        found = [value for key, value in self._scope["headers"] if key == name]
        return b", ".join(found).decode("latin-1") if found else None

    async def body(self, most: int) -> bytes:
        announced = self.header(b"content-length")
        if announced is not None and announced.isdigit() and int(announced) > most:
            raise TooLarge
        chunks: List[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise TooLarge
            chunks.append(chunk)
            if not message.get("more_body"):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def wait_or_disconnect(self, prediction: Prediction) -> bool:
        """Waits for the prediction's end; False if the client goes away first."""
        gone = asyncio.ensure_future(self._wait_for_disconnect())
        ended = asyncio.ensure_future(prediction.wait())
        try:
            await asyncio.wait({gone, ended}, return_when=asyncio.FIRST_COMPLETED)
            return prediction.done
        finally:
            gone.cancel()
            ended.cancel()

    async def answer(self, status: int, value: Any) -> None:
        await _answer(self.send, status, dumps(value))

    async def refuse_method(self, allowed: str) -> None:
        headers = [(b"allow", allowed.encode("ascii"))]
        await _answer(self.send, 405, dumps({"detail": "Method Not Allowed"}), headers)

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


async def _answer(send: Send, status: int, body: bytes, headers: Optional[List[Tuple[bytes, bytes]]] = None) -> None:
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode("ascii"))]
    await send({"type": "http.response.start", "status": status, "headers": start + (headers or [])})
    await send({"type": "http.response.body", "body": body})
