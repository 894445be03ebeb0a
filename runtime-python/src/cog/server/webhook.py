"""Webhooks: what happens to a prediction is POSTed to a URL, in order, without holding anything else up."""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Deque, Dict, Optional, Tuple

from .._version import PUBLIC
from .output import Output
from .prediction import Moment, Prediction
from .statistics import Statistics

_ATTEMPTS = 13
_FIRST_BACKOFF = 0.1
_LONGEST_BACKOFF = 60.0
_LONGEST_RETRYING = 320.0
_TIMEOUT = 10.0
_TERMINAL_TIMEOUT = 30.0
# More states than this that wait to be delivered are joined: each holds all that came before.
_MOST_WAITING = 1024


class Webhooks:
    """Makes a sender for each prediction that wants one; they share threads, and are awaited together at the end."""

    def __init__(self, environment: Dict[str, str], output: Output, statistics: Statistics) -> None:
        self._output = output
        self._statistics = statistics
        self._token = environment.get("WEBHOOK_AUTH_TOKEN")
        self._interval = _interval(environment.get("COG_THROTTLE_RESPONSE_INTERVAL"))
        self._threads: Optional[ThreadPoolExecutor] = None
        self._sending: "set[asyncio.Task[None]]" = set()

    def attach(self, prediction: Prediction, url: str, events: Tuple[str, ...], trace: Dict[str, str]) -> None:
        headers = {"Content-Type": "application/json", "User-Agent": "cog-worker/" + PUBLIC}
        headers.update(trace)
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        sender = _Sender(self, prediction, url, events, headers, self._interval)
        prediction.on_change = sender.on_change

    async def drain(self, seconds: float) -> None:
        """Waits until everything is delivered, but not longer than this."""
        if self._sending:
            await asyncio.wait(set(self._sending), timeout=seconds)

    def start(self, sender: "_Sender") -> None:
        task = asyncio.ensure_future(sender.run())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def post(self, url: str, body: bytes, headers: Dict[str, str], timeout: float) -> None:
        """One attempt; raises TransferError."""
        from .._transfer import transfer

        if self._threads is None:
            self._threads = ThreadPoolExecutor(32, "webhook")
        loop = asyncio.get_event_loop()
        await loop.run_in_executor(self._threads, transfer, "POST", url, body, headers, timeout)

    def note_loss(self, error: Exception, prediction: Prediction) -> None:
        self._statistics.webhooks_lost += 1
        self._output.log("warn", "a webhook was not delivered: {}".format(error), id=prediction.id)


class _Sender:
    """The deliveries of one prediction."""

    def __init__(
        self,
        owner: Webhooks,
        prediction: Prediction,
        url: str,
        events: Tuple[str, ...],
        headers: Dict[str, str],
        interval: float,
    ) -> None:
        self._owner = owner
        self._prediction = prediction
        self._url = url
        self._events = events
        self._headers = headers
        self._interval = interval
        self._waiting: Deque[Moment] = deque()
        self._running = False
        self._next_log = 0.0
        self._log_timer: Optional[asyncio.TimerHandle] = None
        self._unreachable = False

    def on_change(self, kind: str) -> None:
        if kind == "logs" and "logs" in self._events:
            self._on_log()
        elif kind in self._events and kind != "logs":
            if kind == "completed":
                self._cancel_log_timer()
            self._add()

    def _on_log(self) -> None:
        """At most one log event in each interval; what is printed in between follows at its end."""
        if self._log_timer is not None:
            return
        loop = asyncio.get_event_loop()
        wait = self._next_log - loop.time()
        if wait > 0:
            self._log_timer = loop.call_later(wait, self._send_log)
        else:
            self._send_log()

    def _send_log(self) -> None:
        self._log_timer = None
        self._next_log = asyncio.get_event_loop().time() + self._interval
        self._add()

    def _cancel_log_timer(self) -> None:
        if self._log_timer is not None:
            self._log_timer.cancel()
            self._log_timer = None

    def _add(self) -> None:
        moment = self._prediction.moment()
        if self._unreachable and not self._prediction.done:
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.pop()
        self._waiting.append(moment)
        if not self._running:
            self._running = True
            self._owner.start(self)

    async def run(self) -> None:
        from .._transfer import TransferError

        while self._waiting:
            moment = self._waiting.popleft()
            body = self._prediction.body(moment)
            try:
                if moment.status in ("processing", "starting"):
                    await self._owner.post(self._url, body, self._headers, _TIMEOUT)
                else:
                    await self._deliver(body)
            except TransferError as error:
                self._owner.note_loss(error, self._prediction)
                if error.again:
                    # Whoever cannot be reached now needs only the end.
                    self._unreachable = True
                    last = self._waiting[-1] if self._waiting and self._prediction.done else None
                    self._waiting.clear()
                    if last is not None and last.status not in ("processing", "starting"):
                        self._waiting.append(last)
        self._running = False

    async def _deliver(self, body: bytes) -> None:
        """Tries the terminal state again and again; raises TransferError in the end."""
        from .._transfer import TransferError, backoff

        loop = asyncio.get_event_loop()
        deadline = loop.time() + _LONGEST_RETRYING
        for attempt in range(_ATTEMPTS):
            try:
                await self._owner.post(self._url, body, self._headers, _TERMINAL_TIMEOUT)
                return
            except TransferError as error:
                wait = min(error.wait or backoff(attempt, _FIRST_BACKOFF, _LONGEST_BACKOFF), _LONGEST_BACKOFF)
                if not error.again or attempt == _ATTEMPTS - 1 or loop.time() + wait > deadline:
                    raise
                await asyncio.sleep(wait)


def _interval(text: Optional[str]) -> float:
    try:
        return max(0.0, float(text)) if text else 0.5
    except ValueError:
        return 0.5


def trace_headers(header: "Optional[str]", state: "Optional[str]") -> Dict[str, str]:
    """W3C trace context of a request, to be passed on. https://www.w3.org/TR/trace-context/"""
    found = {"traceparent": header, "tracestate": state}
    return {name: value for name, value in found.items() if value}
