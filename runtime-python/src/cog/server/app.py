"""The ASGI application: a dozen fixed routes, answered by hand.

Reference: https://asgi.readthedocs.io/en/stable/specs/www.html
"""

import asyncio
import os
import traceback
from typing import Any, Awaitable, Callable, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import unquote

from .._schema.multipart import multipart_boundary
from .._schema.request import Invalid, invalid_id, valid_id
from .._version import DISTRIBUTION
from .codec import dumps
from .exchange import Disconnected, Exchange, Receive, Send, TooLarge, TooSlow
from .headers import accepts_events, parse_cancel_after, parse_prefer
from .prediction import Prediction
from .probes import METRICS_TYPE, is_alive, is_ready, metrics_page
from .service import Busy, NotReady, Service
from .stream import EventStream
from .webhook import trace_headers

_MOST_STREAMS = 1024
# Bytes of a body that the server parses itself.
_MOST_READ_HERE = 1 << 18
# Of a body that is refused, so much is read, for the client to get round to reading the refusal.
_MOST_DISCARDED = 16 << 20
_CLOSE = (b"connection", b"close")
_NO_STREAMING = (
    "This model does not support streaming responses. Add @cog.streaming to {}() to enable server-sent events."
)


class Settings(NamedTuple):
    """`patience`: seconds to wait for the next part of a body. `probes`, `metrics`: whether to have these routes."""

    most_bytes: int
    patience: float
    probes: bool
    metrics: bool


class Application:
    def __init__(self, service: Service, shutdown: Callable[[], None], settings: Settings) -> None:
        self._service = service
        self._shutdown = shutdown
        self._settings = settings
        self._noun = "training" if service.mode == "train" else "prediction"
        # A trainer answers on both, as Cog's did.
        self._collections = ("trainings", "predictions") if service.mode == "train" else ("predictions",)
        self._fixed = dict(_FIXED)
        if settings.probes:
            self._fixed.update(_PROBES)
        if settings.metrics:
            self._fixed.update(_METRICS)
        self._streams = 0
        self._page: Optional[bytes] = None

    async def __call__(self, scope: Dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send, self._service.statistics)
        try:
            await self._route(exchange)
        except Invalid as error:
            await exchange.answer(422, {"detail": error.detail})
        except TooLarge:
            await exchange.discard(_MOST_DISCARDED, self._settings.patience)
            message = "the request body is larger than {} bytes".format(self._settings.most_bytes)
            await exchange.answer_bytes(413, _refusal(message), [_CLOSE])
        except TooSlow:
            message = "nothing of the request body came for {:g} seconds".format(self._settings.patience)
            await exchange.answer_bytes(408, _refusal(message), [_CLOSE])
        except NotReady as error:
            await exchange.answer_bytes(503, _refusal(str(error)))
        except Busy:
            # Where there is a queue, clients are expected to come again.
            wait = [(b"retry-after", b"1")] if self._service.queue_depth else None
            await exchange.answer_bytes(409, _BUSY, wait)
        except Disconnected:
            pass
        except Exception:
            self._service.log_bug(traceback.format_exc())
            if not exchange.started:
                await exchange.answer_bytes(500, _refusal("Internal Server Error"))

    async def _route(self, exchange: Exchange) -> None:
        fixed = self._fixed.get(exchange.path)
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

    async def _root(self, exchange: Exchange) -> None:
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

    async def _health_check(self, exchange: Exchange) -> None:
        await exchange.answer(200, await self._service.health())

    async def _openapi(self, exchange: Exchange) -> None:
        description = self._service.description
        if description is None:
            await exchange.answer_bytes(503, _refusal("OpenAPI schema not available"))
        else:
            await exchange.answer_bytes(200, description.schema)

    async def _docs(self, exchange: Exchange) -> None:
        if self._page is None:
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "docs.html"), "rb") as file:
                self._page = file.read()
        await exchange.answer_bytes(200, self._page, _PAGE_HEADERS, b"text/html; charset=utf-8")

    async def _stop(self, exchange: Exchange) -> None:
        await exchange.answer(200, {})
        self._shutdown()

    async def _healthz(self, exchange: Exchange) -> None:
        await exchange.answer(200 if is_alive(self._service) else 503, {"status": self._service.status})

    async def _readyz(self, exchange: Exchange) -> None:
        await exchange.answer(200 if await is_ready(self._service) else 503, {"status": self._service.status})

    async def _metrics(self, exchange: Exchange) -> None:
        await exchange.answer_bytes(200, metrics_page(self._service), None, METRICS_TYPE)

    async def _on_collection(self, exchange: Exchange) -> None:
        if exchange.method != "POST":
            await exchange.refuse_method("POST")
        else:
            await self._create(exchange, None)

    async def _on_member(self, exchange: Exchange, prediction_id: str) -> None:
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

    async def _on_cancel(self, exchange: Exchange, prediction_id: str) -> None:
        if exchange.method != "POST":
            await exchange.refuse_method("POST")
            return
        prediction = self._service.find(prediction_id)
        if prediction is None:
            await exchange.answer(404, {})
            return
        self._service.cancel(prediction)
        await exchange.answer(200, {})

    async def _create(self, exchange: Exchange, id_in_url: Optional[str]) -> None:
        """POST of a prediction, or PUT if its ID is in the URL."""
        chunks = await exchange.body(self._settings.most_bytes, self._settings.patience)
        service = self._service
        description = service.description
        if description is None:
            raise NotReady(service.not_ready_reason())
        wants_events = accepts_events(exchange.header(b"accept"))
        if wants_events and not description.streaming:
            await exchange.answer_bytes(406, _refusal(_NO_STREAMING.format(description.method)))
            return
        form = multipart_boundary(exchange.header(b"content-type"))
        if sum(map(len, chunks)) > _MOST_READ_HERE:
            await self._create_unread(exchange, chunks, id_in_url, wants_events)
            return
        request = description.requests.read(b"".join(chunks), id_in_url, self._noun, form)
        if id_in_url is not None and await self._join(exchange, id_in_url, wants_events):
            return
        trace = trace_headers(exchange.header(b"traceparent"), exchange.header(b"tracestate"))
        prediction = service.create(request)
        self._limit(exchange, prediction)
        stream = EventStream(prediction) if wants_events else None
        prefer = parse_prefer(exchange.header(b"prefer"))
        first = prediction.body() if prefer.respond_async else b""
        service.begin(prediction, request, trace)
        if stream is not None:
            await self._stream(exchange, prediction, stream, cancel_when_left=id_in_url is None)
        elif prefer.respond_async:
            await self._answer_later(exchange, prediction, first, prefer.wait)
        else:
            await self._answer_when_done(exchange, prediction)

    async def _create_unread(
        self, exchange: Exchange, chunks: List[bytes], id_in_url: Optional[str], wants_events: bool
    ) -> None:
        """The same for a body so large that parsing it would keep everybody else waiting."""
        service = self._service
        if id_in_url is not None:
            if not valid_id(id_in_url):
                raise Invalid(invalid_id(self._noun))
            if await self._join(exchange, id_in_url, wants_events):
                return
        trace = trace_headers(exchange.header(b"traceparent"), exchange.header(b"tracestate"))
        header = {"noun": self._noun, "form": multipart_boundary(exchange.header(b"content-type"))}
        unread = service.create_unread(chunks, id_in_url, header, trace)
        chunks.clear()
        prediction = unread.prediction
        self._limit(exchange, prediction)
        stream = EventStream(prediction) if wants_events else None
        await unread.accepted
        if unread.is_duplicate:
            raise Busy
        if prediction.invalid is not None:
            raise Invalid(prediction.invalid)
        prefer = parse_prefer(exchange.header(b"prefer"))
        if stream is not None:
            await self._stream(exchange, prediction, stream, cancel_when_left=id_in_url is None)
        elif prefer.respond_async:
            await self._answer_later(exchange, prediction, unread.first or prediction.body(), prefer.wait)
        else:
            await self._answer_when_done(exchange, prediction)

    async def _join(self, exchange: Exchange, prediction_id: str, wants_events: bool) -> bool:
        """Answers a PUT with the ID of a prediction that has not ended; False if there is none."""
        running = self._service.find(prediction_id)
        if running is None:
            return False
        if wants_events:
            await self._stream(exchange, running, EventStream(running), cancel_when_left=False)
        else:
            await exchange.answer_bytes(202, running.body())
        return True

    def _limit(self, exchange: Exchange, prediction: Prediction) -> None:
        limit = parse_cancel_after(exchange.header(b"cancel-after"))
        if limit is not None:
            self._service.cancel_after(prediction, limit)

    async def _answer_when_done(self, exchange: Exchange, prediction: Prediction) -> None:
        if await exchange.wait_or_disconnect(prediction):
            await self._answer_done(exchange, prediction)
        else:
            self._service.cancel(prediction)

    async def _answer_later(
        self, exchange: Exchange, prediction: Prediction, accepted: bytes, wait: Optional[float]
    ) -> None:
        """202 at once, or what there is after the time the client is willing to wait."""
        if wait:
            await asyncio.wait({prediction.ended()}, timeout=wait)
            if prediction.done:
                await self._answer_done(exchange, prediction)
                return
            accepted = prediction.body()
        await exchange.answer_bytes(202, accepted, [(b"preference-applied", b"respond-async")])

    async def _answer_done(self, exchange: Exchange, prediction: Prediction) -> None:
        if prediction.invalid is not None:
            raise Invalid(prediction.invalid)
        await exchange.answer_parts(200, prediction.parts())

    async def _stream(
        self, exchange: Exchange, prediction: Prediction, stream: EventStream, cancel_when_left: bool
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

_Handlers = Dict[str, Tuple[str, Callable[[Application, Exchange], Awaitable[None]]]]
_FIXED: _Handlers = {
    "/": ("GET", Application._root),
    "/docs": ("GET", Application._docs),
    "/health-check": ("GET", Application._health_check),
    "/openapi.json": ("GET", Application._openapi),
    "/shutdown": ("POST", Application._stop),
}
_PROBES: _Handlers = {"/healthz": ("GET", Application._healthz), "/readyz": ("GET", Application._readyz)}
_METRICS: _Handlers = {"/metrics": ("GET", Application._metrics)}
