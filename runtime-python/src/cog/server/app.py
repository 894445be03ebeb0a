"""The ASGI application: a dozen fixed routes, answered by hand.

Reference: https://asgi.readthedocs.io/en/stable/specs/www.html
"""

import asyncio
import os
import traceback
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple
from urllib.parse import unquote

from .._schema.request import Invalid, invalid_id, valid_id
from .._version import DISTRIBUTION
from .codec import dumps
from .headers import accepts_events, parse_cancel_after, parse_prefer
from .prediction import Prediction
from .service import Busy, NotReady, Service
from .stream import EventStream
from .webhook import trace_headers

Receive = Callable[[], Awaitable[Dict[str, Any]]]
Send = Callable[[Dict[str, Any]], Awaitable[None]]

_MOST_STREAMS = 1024
# Bytes of a body that the server parses itself, and of an answer that it sends in one piece.
_MOST_READ_HERE = 1 << 18
_MOST_AT_ONCE = 1 << 19
# Of a body that is refused, so much is read, for the client to get round to reading the refusal.
_MOST_DISCARDED = 16 << 20
_NO_STREAMING = (
    "This model does not support streaming responses. Add @cog.streaming to {}() to enable server-sent events."
)


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
        # A trainer answers on both, as Cog's did.
        self._collections = ("trainings", "predictions") if service.mode == "train" else ("predictions",)
        self._streams = 0
        self._page: Optional[bytes] = None

    async def __call__(self, scope: Dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = _Exchange(scope, receive, send)
        try:
            await self._route(exchange)
        except Invalid as error:
            await exchange.answer(422, {"detail": error.detail})
        except TooLarge:
            await exchange.discard(_MOST_DISCARDED)
            message = "the request body is larger than {} bytes".format(self._most_bytes)
            await exchange.answer_bytes(413, _refusal(message), [(b"connection", b"close")])
        except NotReady as error:
            await exchange.answer_bytes(503, _refusal(str(error)))
        except Busy:
            await exchange.answer_bytes(409, _BUSY)
        except Disconnected:
            pass
        except Exception:
            self._service.log_bug(traceback.format_exc())
            if not exchange.started:
                await exchange.answer_bytes(500, _refusal("Internal Server Error"))

    async def _route(self, exchange: "_Exchange") -> None:
        fixed = _FIXED.get(exchange.path)
        if fixed is not None:
            method, handler = fixed
            if exchange.method != method:
                await exchange.refuse_method(method)
            else:
                await handler(self, exchange)
            return
        # The raw path: an escaped slash is part of an ID, and then no ID we know.
        parts = [unquote(part) for part in exchange.raw_path.split("/")]
        if len(parts) < 2 or parts[0] or parts[1] not in self._collections:
            await exchange.answer(404, {"detail": "Not Found"})
        elif len(parts) == 2:
            await self._on_collection(exchange)
        elif len(parts) == 3 and parts[2]:
            await self._on_member(exchange, parts[2])
        elif len(parts) == 4 and parts[3] == "cancel":
            await self._on_cancel(exchange, parts[2])
        else:
            await exchange.answer(404, {"detail": "Not Found"})

    async def _root(self, exchange: "_Exchange") -> None:
        nouns = self._noun + "s"
        listed = {
            "cog_version": DISTRIBUTION,
            "docs_url": "/docs",
            "openapi_url": "/openapi.json",
            "shutdown_url": "/shutdown",
            "healthcheck_url": "/health-check",
            nouns + "_url": "/" + nouns,
            nouns + "_idempotent_url": "/{}/{{{}_id}}".format(nouns, self._noun),
            nouns + "_cancel_url": "/{}/{{{}_id}}/cancel".format(nouns, self._noun),
        }
        await exchange.answer(200, listed)

    async def _health_check(self, exchange: "_Exchange") -> None:
        await exchange.answer(200, await self._service.health())

    async def _openapi(self, exchange: "_Exchange") -> None:
        schema = self._service.schema
        if schema is None:
            await exchange.answer_bytes(503, _refusal("OpenAPI schema not available"))
        else:
            await exchange.answer_bytes(200, schema)

    async def _docs(self, exchange: "_Exchange") -> None:
        if self._page is None:
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "docs.html"), "rb") as file:
                self._page = file.read()
        await exchange.answer_bytes(200, self._page, _PAGE_HEADERS, b"text/html; charset=utf-8")

    async def _stop(self, exchange: "_Exchange") -> None:
        await exchange.answer(200, {})
        self._shutdown()

    async def _on_collection(self, exchange: "_Exchange") -> None:
        if exchange.method != "POST":
            await exchange.refuse_method("POST")
        else:
            await self._create(exchange, None)

    async def _on_member(self, exchange: "_Exchange", prediction_id: str) -> None:
        if exchange.method == "PUT":
            await self._create(exchange, prediction_id)
        elif exchange.method == "GET":
            prediction = self._service.recall(prediction_id)
            if prediction is None:
                await exchange.answer(404, {"detail": "Not Found"})
            else:
                await exchange.answer_parts(200, prediction.parts())
        else:
            await exchange.refuse_method("GET, PUT")

    async def _on_cancel(self, exchange: "_Exchange", prediction_id: str) -> None:
        if exchange.method != "POST":
            await exchange.refuse_method("POST")
            return
        prediction = self._service.find(prediction_id)
        if prediction is None:
            await exchange.answer(404, {})
            return
        self._service.cancel(prediction)
        await exchange.answer(200, {})

    async def _create(self, exchange: "_Exchange", id_in_url: Optional[str]) -> None:
        """POST of a prediction, or PUT if its ID is in the URL."""
        chunks = await exchange.body(self._most_bytes)
        service = self._service
        if service.requests is None:
            raise NotReady(service.not_ready_reason())
        wants_events = accepts_events(exchange.header(b"accept"))
        if wants_events and not service.streaming:
            message = _NO_STREAMING.format(service.method)
            await exchange.answer_bytes(406, _refusal(message))
            return
        if sum(map(len, chunks)) > _MOST_READ_HERE:
            await self._create_unread(exchange, chunks, id_in_url, wants_events)
            return
        request = service.requests.read(b"".join(chunks), id_in_url, self._noun)
        running = service.find(request.id) if id_in_url is not None and request.id is not None else None
        if running is not None:
            if wants_events:
                await self._stream(exchange, running, EventStream(running), cancel_when_left=False)
            else:
                await exchange.answer_bytes(202, running.body())
            return
        trace = trace_headers(exchange.header(b"traceparent"), exchange.header(b"tracestate"))
        prediction = service.create(request)
        limit = parse_cancel_after(exchange.header(b"cancel-after"))
        if limit is not None:
            service.cancel_after(prediction, limit)
        prefer = parse_prefer(exchange.header(b"prefer"))
        if wants_events:
            stream = EventStream(prediction)
            service.begin(prediction, request, trace)
            await self._stream(exchange, prediction, stream, cancel_when_left=id_in_url is None)
        elif prefer.respond_async:
            first = prediction.body()
            service.begin(prediction, request, trace)
            await self._answer_later(exchange, prediction, first, prefer.wait)
        else:
            service.begin(prediction, request, trace)
            await self._answer_when_done(exchange, prediction)

    async def _create_unread(
        self, exchange: "_Exchange", chunks: List[bytes], id_in_url: Optional[str], wants_events: bool
    ) -> None:
        """The same for a body so large that parsing it would keep everybody else waiting."""
        service = self._service
        running = None
        if id_in_url is not None:
            if not valid_id(id_in_url):
                raise Invalid(invalid_id(self._noun))
            running = service.find(id_in_url)
        if running is not None:
            if wants_events:
                await self._stream(exchange, running, EventStream(running), cancel_when_left=False)
            else:
                await exchange.answer_bytes(202, running.body())
            return
        trace = trace_headers(exchange.header(b"traceparent"), exchange.header(b"tracestate"))
        unread = service.create_unread(chunks, id_in_url, self._noun, trace)
        chunks.clear()
        prediction = unread.prediction
        stream = EventStream(prediction) if wants_events else None
        limit = parse_cancel_after(exchange.header(b"cancel-after"))
        if limit is not None:
            service.cancel_after(prediction, limit)
        prefer = parse_prefer(exchange.header(b"prefer"))
        await unread.accepted
        if unread.is_duplicate:
            raise Busy
        if prediction.invalid is not None:
            raise Invalid(prediction.invalid)
        if stream is not None:
            await self._stream(exchange, prediction, stream, cancel_when_left=id_in_url is None)
        elif prefer.respond_async:
            await self._answer_later(exchange, prediction, unread.first or prediction.body(), prefer.wait)
        else:
            await self._answer_when_done(exchange, prediction)

    async def _answer_when_done(self, exchange: "_Exchange", prediction: Prediction) -> None:
        if await exchange.wait_or_disconnect(prediction):
            await self._answer_done(exchange, prediction)
        else:
            self._service.cancel(prediction)

    async def _answer_later(
        self, exchange: "_Exchange", prediction: Prediction, accepted: bytes, wait: Optional[float]
    ) -> None:
        """202 at once, or what there is after the time the client is willing to wait."""
        if wait:
            await asyncio.wait({prediction.ended()}, timeout=wait)
            if prediction.done:
                await self._answer_done(exchange, prediction)
                return
            accepted = prediction.body()
        await exchange.answer_bytes(202, accepted, [(b"preference-applied", b"respond-async")])

    async def _answer_done(self, exchange: "_Exchange", prediction: Prediction) -> None:
        if prediction.invalid is not None:
            raise Invalid(prediction.invalid)
        await exchange.answer_parts(200, prediction.parts())

    async def _stream(
        self, exchange: "_Exchange", prediction: Prediction, stream: EventStream, cancel_when_left: bool
    ) -> None:
        self._streams += 1
        try:
            if self._streams > _MOST_STREAMS:
                await exchange.answer_bytes(429, _refusal("too many readers of event streams"))
            else:
                await exchange.stream(stream)
        finally:
            self._streams -= 1
            stream.close()
            if cancel_when_left and not prediction.streams and not prediction.done:
                self._service.cancel(prediction)


def _refusal(message: str) -> bytes:
    """An error with the key of either dialect: `detail` as in Cog up to 0.16, `error` as in later ones."""
    return dumps({"detail": message, "error": message, "status": "failed"})


_BUSY = dumps(
    {
        "detail": "Already running a prediction",
        "error": "At capacity - all prediction slots busy",
        "status": "failed",
    }
)

# The page is complete in itself; what it shows may come from anywhere.
_PAGE_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
        b"img-src * data:; media-src * data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
]

_FIXED: Dict[str, Tuple[str, Callable[[Application, "_Exchange"], Awaitable[None]]]] = {
    "/": ("GET", Application._root),
    "/docs": ("GET", Application._docs),
    "/health-check": ("GET", Application._health_check),
    "/openapi.json": ("GET", Application._openapi),
    "/shutdown": ("POST", Application._stop),
}


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Dict[str, Any], receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._scope = scope
        self._receive = receive
        self._send = send
        self.started = False

    @property
    def raw_path(self) -> str:
        raw = self._scope.get("raw_path")
        return self.path if raw is None else raw.decode("latin-1")

    def header(self, name: bytes) -> Optional[str]:
        """The values of a header, joined by commas; the name is in lower case."""
        found = [value for key, value in self._scope["headers"] if key == name]
        return b", ".join(found).decode("latin-1") if found else None

    async def body(self, most: int) -> List[bytes]:
        """In chunks, as it came. Raises TooLarge or Disconnected."""
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
                return chunks

    async def discard(self, most: int) -> None:
        """Reads the rest of the body, or so much of it."""
        while most > 0:
            message = await self._receive()
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return
            most -= len(message.get("body", b""))

    async def wait_or_disconnect(self, prediction: Prediction) -> bool:
        """Waits for the prediction's end; False if the client goes away first."""
        ended = prediction.ended()
        watcher = asyncio.ensure_future(self._on_disconnect(ended))
        try:
            return await ended
        finally:
            watcher.cancel()

    async def answer(self, status: int, value: Any) -> None:
        await self.answer_bytes(status, dumps(value))

    async def answer_bytes(
        self,
        status: int,
        body: bytes,
        headers: Optional[List[Tuple[bytes, bytes]]] = None,
        content_type: bytes = b"application/json",
    ) -> None:
        start = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": start + (headers or [])})
        await self._send({"type": "http.response.body", "body": body})

    async def answer_parts(self, status: int, parts: List[bytes]) -> None:
        """For an answer that may be large: the connection takes it at its own pace."""
        size = sum(map(len, parts))
        if size <= _MOST_AT_ONCE:
            await self.answer_bytes(status, b"".join(parts))
            return
        start = [(b"content-type", b"application/json"), (b"content-length", b"%d" % size)]
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": start})
        for part in parts:
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
            # uvicorn waits only if the connection is behind; others get their turn in any case.
            await asyncio.sleep(0)
        await self._send({"type": "http.response.body", "body": b""})

    async def refuse_method(self, allowed: str) -> None:
        body = dumps({"detail": "Method Not Allowed"})
        await self.answer_bytes(405, body, [(b"allow", allowed.encode("ascii"))])

    async def stream(self, stream: EventStream) -> None:
        """Sends events until they end or the client goes away."""
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
            (b"x-accel-buffering", b"no"),
        ]
        self.started = True
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        sending: "asyncio.Future[Any]" = asyncio.ensure_future(self._send_events(stream))
        gone: "asyncio.Future[Any]" = asyncio.get_event_loop().create_future()
        watcher = asyncio.ensure_future(self._on_disconnect(gone))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watcher.cancel()
            sending.cancel()

    async def _send_events(self, stream: EventStream) -> None:
        async for piece in stream.read():
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _on_disconnect(self, outcome: "asyncio.Future[bool]") -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not outcome.done():
            outcome.set_result(False)
