"""One prediction as the server sees it, from request to answer."""

import asyncio
from collections import deque
from time import perf_counter
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional

from .clock import now
from .codec import dumps

TERMINAL = ("succeeded", "failed", "canceled")


class Moment(NamedTuple):
    """A state that a prediction was in. Output and logs only grow, so their lengths are enough to show it later."""

    status: str
    pieces: int
    logs: int


class Event(NamedTuple):
    """Something that happened: "start", "output", "log", "metric" or "completed", with JSON that tells more."""

    kind: str
    data: bytes


class Prediction:
    """State of a prediction. JSON that the worker made is kept as bytes and put into answers as it is.

    `launch` gives it to the worker; it is None from then on. `time_limit` is set if it is canceled for having taken
    longer than that. `on_change` is told the kind of each change. Events for streams are made unless `history` is None; it is the number
    of them that is kept for streams that join later.
    """

    def __init__(
        self,
        number: int,
        prediction_id: str,
        shown_input: Optional[Dict[str, Any]],
        created_at: Optional[str] = None,
        history: Optional[int] = None,
    ) -> None:
        self.number = number
        self.id = prediction_id
        self.status = "starting"
        self.error: Optional[str] = None
        self.created_at = created_at
        self.started_at = now()
        self.completed_at: Optional[str] = None
        self.metrics: Dict[str, Any] = {}
        self.cancel_requested = False
        self.time_limit: Optional[float] = None
        self.timers: List[asyncio.TimerHandle] = []
        self.launch: Optional[Callable[[], None]] = None
        self.queued = False
        self.invalid: Optional[List[Dict[str, Any]]] = None
        self.on_change: Callable[[str], None] = _nothing
        self.streams: List[Callable[[Event], None]] = []
        self.history: Optional[Deque[Event]] = None if history is None else deque(maxlen=history)
        self.events = 0
        self._created = perf_counter()
        self._queue_time: Optional[float] = None
        self._input = None if shown_input is None else dumps(shown_input)
        self._logs: List[str] = []
        self._output: List[bytes] = []
        self._pieces: Optional[List[bytes]] = None
        self._waiting: List["asyncio.Future[bool]"] = []

    @property
    def done(self) -> bool:
        return self.status in TERMINAL

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        pieces = sum(map(len, self._pieces)) if self._pieces else 0
        return len(self._input or b"") + sum(map(len, self._output)) + pieces + sum(map(len, self._logs))

    def ended(self) -> "asyncio.Future[bool]":
        """A future of one's own, that becomes True at the end."""
        future: "asyncio.Future[bool]" = asyncio.get_event_loop().create_future()
        if self.done:
            future.set_result(True)
        else:
            self._waiting.append(future)
        return future

    def leave_queue(self) -> float:
        """Seconds for which there was no place for it; they become a metric."""
        self._queue_time = perf_counter() - self._created
        self.started_at = now()
        return self._queue_time

    def begin(self) -> None:
        self.status = "processing"
        self._emit("start", lambda: dumps({"id": self.id, "status": "processing"}))
        self.on_change("start")

    def add_log(self, source: str, text: str) -> None:
        self._logs.append(text)
        self._emit("log", lambda: dumps({"source": source, "data": text}))
        self.on_change("logs")

    def add_metric(self, metric: Dict[str, Any]) -> None:
        self.metrics = metric["metrics"]
        shown = {"name": metric["name"], "value": metric["value"], "mode": metric["mode"]}
        self._emit("metric", lambda: dumps(shown))

    def add_piece(self, piece: bytes) -> None:
        pieces = self._pieces
        if pieces is None:
            pieces = self._pieces = []
        pieces.append(piece)
        self._emit("output", lambda: b'{"chunk":%b,"index":%d}' % (piece, len(pieces) - 1))
        self.on_change("output")

    def add_part(self, part: bytes) -> None:
        """A part of an output that is too large for one frame."""
        self._output.append(part)

    def finish(self, header: Dict[str, Any], output: bytes = b"") -> None:
        """Ends the prediction as the worker's DONE frame says."""
        self.error = header.get("error")
        self.invalid = header.get("invalid")
        if header.get("pieces") and self._pieces is None and header["status"] == "succeeded":
            self._pieces = []
        if output:
            self._output.append(output)
        self.metrics["predict_time"] = header["predict_time"]
        if header["status"] == "canceled" and self.time_limit is not None:
            self.error = "Prediction timed out after {:g} seconds".format(self.time_limit)
            self._end("failed")
        else:
            self._end(header["status"])

    def fail(self, error: str) -> None:
        """Ends the prediction for a reason outside of the model's code."""
        self.error = error
        self._end("failed")

    def moment(self) -> Moment:
        return Moment(self.status, len(self._pieces or ()), len(self._logs))

    def body(self, moment: Optional[Moment] = None) -> bytes:
        """The prediction as JSON, as it is or as it was."""
        return b"".join(self.parts(moment))

    def parts(self, moment: Optional[Moment] = None) -> List[bytes]:
        """`body` in parts, none of them much larger than what the worker sent at once."""
        status, pieces, logs = moment or self.moment()
        ended = status in TERMINAL
        parts = [b'{"id":', dumps(self.id), b',"status":"', status.encode("ascii"), b'"']
        if self._input is not None:
            parts += [b',"input":', self._input]
        parts += [b',"output":', *self._output_json(pieces), b',"error":', dumps(self.error if ended else None)]
        parts += [b',"logs":', dumps("".join(self._logs[:logs])), b',"metrics":', dumps(self.metrics)]
        if self.created_at is not None:
            parts += [b',"created_at":', dumps(self.created_at)]
        parts += [b',"started_at":', dumps(self.started_at)]
        if ended:
            parts += [b',"completed_at":', dumps(self.completed_at)]
        parts.append(b"}")
        return parts

    def _output_json(self, pieces: int) -> List[bytes]:
        if self._pieces is not None:
            return [b"[", b",".join(self._pieces[:pieces]), b"]"] if pieces or self.done else [b"null"]
        return self._output if self._output and self.done else [b"null"]

    def _emit(self, kind: str, data: Callable[[], bytes]) -> None:
        self.events += 1
        if self.history is None:
            return
        event = Event(kind, data())
        self.history.append(event)
        for stream in self.streams:
            stream(event)

    def _end(self, status: str) -> None:
        self.status = status
        if self._queue_time is not None:
            self.metrics.setdefault("queue_time", self._queue_time)
        self.completed_at = now()
        self._emit("completed", self.body)
        self.on_change("completed")
        for future in self._waiting:
            if not future.done():
                future.set_result(True)
        self._waiting.clear()


def _nothing(kind: str) -> None:
    pass
