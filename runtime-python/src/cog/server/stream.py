"""Server-sent events of a prediction. https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import asyncio
from typing import AsyncIterator, List, Optional

from .codec import dumps
from .prediction import Event, Prediction

KEEP_ALIVE_SECONDS = 15.0
_MOST_WAITING = 1024


class EventStream:
    """One reader of one prediction. To be closed."""

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction
        self._waiting: List[Event] = []
        self._lost = 0
        self._truncated = 0
        self._wake: Optional["asyncio.Future[None]"] = None
        history = prediction.history
        # Of a history of no events at all, nobody expects a replay.
        if history is not None and history.maxlen:
            self._truncated = prediction.events - len(history)
            if not self._truncated:
                self._waiting.extend(history)
        prediction.streams.append(self._on_event)

    def close(self) -> None:
        if self._on_event in self._prediction.streams:
            self._prediction.streams.remove(self._on_event)

    async def read(self) -> AsyncIterator[bytes]:
        """Pieces of the body: all events that have gathered since the last piece, or a comment if there are none."""
        if self._truncated:
            yield _error("SSE stream replay truncated", self._truncated)
            return
        while True:
            if not self._waiting and not await self._wait():
                yield b": keep-alive\n\n"
                continue
            events, self._waiting = self._waiting, []
            yield b"".join(_encode(event) for event in events)
            if events[-1].kind == "completed":
                return
            if self._lost:
                yield _error("SSE stream reader is too slow", self._lost)
                return

    async def _wait(self) -> bool:
        """Whether an event came in time."""
        self._wake = asyncio.get_event_loop().create_future()
        try:
            await asyncio.wait({self._wake}, timeout=KEEP_ALIVE_SECONDS)
            return self._wake.done()
        finally:
            self._wake = None

    def _on_event(self, event: Event) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(event)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def _encode(event: Event) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.kind.encode("ascii"), event.data)


def _error(message: str, skipped: int) -> bytes:
    return _encode(Event("error", dumps({"error": message, "skipped": skipped})))
