"""One HTTP request and its answer, on top of ASGI."""

import asyncio
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

from .codec import dumps
from .prediction import Prediction
from .statistics import Statistics
from .stream import EventStream

Receive = Callable[[], Awaitable[Dict[str, Any]]]
Send = Callable[[Dict[str, Any]], Awaitable[None]]
Headers = List[Tuple[bytes, bytes]]

# Bytes of an answer that it sends in one piece.
_MOST_AT_ONCE = 1 << 19


class TooLarge(Exception):
    """A request body beyond the limit."""


class TooSlow(Exception):
    """A request body of which nothing came for too long."""


class Disconnected(Exception):
    """The client went away before its request was complete."""


class Exchange:
    def __init__(self, scope: Dict[str, Any], receive: Receive, send: Send, statistics: Statistics) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.started = False
        self._scope = scope
        self._receive = receive
        self._send = send
        self._statistics = statistics

    @property
    def raw_path(self) -> str:
        raw = self._scope.get("raw_path")
        return self.path if raw is None else raw.decode("latin-1")

    def header(self, name: bytes) -> Optional[str]:
        """The values of a header, joined by commas; the name is in lower case."""
        found = [value for key, value in self._scope["headers"] if key == name]
        return b", ".join(found).decode("latin-1") if found else None

    async def body(self, most: int, patience: float) -> List[bytes]:
        """In chunks, as it came, with no wait for a chunk longer than so many seconds.

        Raises TooLarge, TooSlow or Disconnected.
        """
        announced = self.header(b"content-length")
        if announced is not None and announced.isdigit() and int(announced) > most:
            raise TooLarge
        chunks: List[bytes] = []
        size = 0
        while True:
            message = await self._message(patience)
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise TooLarge
            chunks.append(chunk)
            if not message.get("more_body"):
                return chunks

    async def discard(self, most: int, patience: float) -> None:
        """Reads the rest of the body, or so much of it."""
        while most > 0:
            try:
                message = await self._message(patience)
            except TooSlow:
                return
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
        headers: Optional[Headers] = None,
        content_type: bytes = b"application/json",
    ) -> None:
        start = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        await self._start(status, start + (headers or []))
        await self._send({"type": "http.response.body", "body": body})

    async def answer_parts(self, status: int, parts: List[bytes]) -> None:
        """For an answer that may be large: the connection takes it at its own pace."""
        size = sum(map(len, parts))
        if size <= _MOST_AT_ONCE:
            await self.answer_bytes(status, b"".join(parts))
            return
        await self._start(status, [(b"content-type", b"application/json"), (b"content-length", b"%d" % size)])
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
        await self._start(200, headers)
        sending: "asyncio.Future[Any]" = asyncio.ensure_future(self._send_events(stream))
        gone: "asyncio.Future[Any]" = asyncio.get_event_loop().create_future()
        watcher = asyncio.ensure_future(self._on_disconnect(gone))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watcher.cancel()
            sending.cancel()

    async def _start(self, status: int, headers: Headers) -> None:
        self.started = True
        answers = self._statistics.answers
        answers[status] = answers.get(status, 0) + 1
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _send_events(self, stream: EventStream) -> None:
        async for piece in stream.read():
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _on_disconnect(self, outcome: "asyncio.Future[bool]") -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not outcome.done():
            outcome.set_result(False)

    async def _message(self, patience: float) -> Dict[str, Any]:
        """The next one. Raises TooSlow. `asyncio.wait_for` would start a task for each request."""
        task = asyncio.current_task()
        expired: List[bool] = []

        def expire() -> None:
            expired.append(True)
            if task is not None:
                task.cancel()

        timer = asyncio.get_event_loop().call_later(patience, expire)
        try:
            return await self._receive()
        except asyncio.CancelledError:
            if expired:
                raise TooSlow from None
            raise
        finally:
            timer.cancel()
