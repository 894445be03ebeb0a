"""The predictions of the server: which run, which wait, which have ended, and how many more fit."""

import asyncio
import secrets
import sys
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional

from .. import _frames as frames
from .._schema.request import CreateRequest
from .._version import DISTRIBUTION, PUBLIC
from .codec import dumps, loads
from .ended import EndedPredictions
from .output import Output
from .prediction import Prediction
from .statistics import Statistics
from .supervisor import Description, Owner, Supervisor, seconds
from .webhook import Webhooks

_SOURCES = {1: "stdout", 2: "stderr"}
_VERSION = {
    "cog": DISTRIBUTION,
    "coglet": PUBLIC,
    "python_sdk": PUBLIC,
    "python": "{}.{}.{}".format(*sys.version_info[:3]),
}


class Busy(Exception):
    """No prediction can start now."""


class NotReady(Exception):
    """No prediction can start in the state the server is in; the message says which."""


class Unread:
    """A prediction whose request the worker reads. `accepted` ends when it has, or when that came to nothing."""

    def __init__(self, prediction: Prediction, trace: Dict[str, str], accepted: "asyncio.Future[None]") -> None:
        self.prediction = prediction
        self.trace = trace
        self.accepted = accepted
        self.first = b""
        self.is_duplicate = False

    def settle(self, unread: Dict[int, "Unread"]) -> None:
        unread.pop(self.prediction.number, None)
        if not self.accepted.done():
            self.accepted.set_result(None)


class Service(Owner):
    """Gives predictions to the worker, as many at once as it takes. Everything here runs on the event loop."""

    def __init__(
        self, mode: str, environment: Dict[str, str], output: Output, upload_url: Optional[str] = None
    ) -> None:
        self.mode = mode
        self.statistics = Statistics()
        self.on_fatal_crash: Callable[[], None] = lambda: None
        self._environment = environment
        self._output = output
        self._loop = asyncio.get_event_loop()
        self._supervisor = Supervisor(mode, environment, output, self.statistics, self)
        # Launched by number, and in order those for which there is no place yet.
        self._running: Dict[int, Prediction] = {}
        self._queue: Deque[Prediction] = deque()
        self.queue_depth = _whole_number(environment.get("COG_QUEUE_DEPTH"), 0)
        self._ids: Dict[str, Prediction] = {}
        self._last_number = 0
        self._upload_url = upload_url
        self._webhooks = Webhooks(environment, output, self.statistics)
        self._ended = EndedPredictions(seconds(environment.get("COG_PREDICTION_RETENTION")) or 300.0)
        self._unread: Dict[int, Unread] = {}
        self._cancel_grace = seconds(environment.get("COG_CANCEL_GRACE")) or 10.0
        self._time_limit = seconds(environment.get("COG_PREDICTION_TIMEOUT"))
        self._history_capacity = _whole_number(environment.get("COG_STREAM_HISTORY_CAPACITY"), 1024)

    def start(self) -> None:
        self._supervisor.start()

    @property
    def status(self) -> str:
        """As in `/health-check`, apart from UNHEALTHY."""
        status = self._supervisor.status
        return "BUSY" if status == "READY" and self._is_full() else status

    @property
    def description(self) -> Optional[Description]:
        """None until the model has been imported."""
        return self._supervisor.description

    @property
    def running(self) -> int:
        return len(self._running)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def places(self) -> int:
        description = self._supervisor.description
        return 1 if description is None else description.concurrency

    @property
    def accepts(self) -> bool:
        """Whether the model is ready and the server not about to end."""
        return self._supervisor.is_ready and not self._supervisor.stopping

    def create(self, request: CreateRequest) -> Prediction:
        """Takes a place, or one in the queue, for a prediction; `begin` must follow. Raises Busy or NotReady."""
        if self._supervisor.stopping:
            raise NotReady("the server is shutting down")
        if not self._supervisor.is_ready:
            raise NotReady(self.not_ready_reason())
        if self._is_full():
            raise Busy
        if request.id is not None and request.id in self._ids:
            raise Busy
        self._last_number += 1
        prediction_id = request.id or "pred_" + secrets.token_hex(13)
        history = self._history_capacity if self._streaming() else None
        prediction = Prediction(self._last_number, prediction_id, request.shown_input, request.created_at, history)
        self._ids[prediction_id] = prediction
        return prediction

    def create_unread(
        self, body: List[bytes], id_in_url: Optional[str], header: Dict[str, Any], trace: Dict[str, str]
    ) -> Unread:
        """Gives a request that is too large to be read here to the worker. Raises Busy or NotReady."""
        request = CreateRequest()
        request.id = id_in_url
        request.shown_input = None
        prediction = self.create(request)
        unread = Unread(prediction, trace, self._loop.create_future())
        self._unread[prediction.number] = unread
        prediction.ended().add_done_callback(lambda _: unread.settle(self._unread))
        header = dict(header, id=prediction.id, id_in_url=id_in_url)
        header["trace"] = trace
        header["upload_url"] = self._upload_url
        content = [frames.with_header(dumps(header), b""), *body]

        def launch() -> None:
            self._supervisor.send(frames.PREDICT_RAW, prediction.number, *content)
            content.clear()

        self._enter(prediction, launch)
        return unread

    def begin(self, prediction: Prediction, request: CreateRequest, trace: Dict[str, str]) -> None:
        """Gives the prediction to the worker, and its webhook, if it has one, the news from here on."""
        if request.webhook is not None:
            self._webhooks.attach(prediction, request.webhook, request.webhook_events, trace)
        payload: Dict[str, Any] = {"input": request.input, "context": request.context}
        if request.output_file_prefix:
            payload["upload"] = {"prefix": request.output_file_prefix, "id": prediction.id, "headers": trace}
        elif self._upload_url is not None:
            payload["upload"] = {"url": self._upload_url, "id": prediction.id, "headers": trace}
        content = dumps(payload)

        def launch() -> None:
            self._supervisor.send(frames.PREDICT, prediction.number, content)
            prediction.begin()

        self._enter(prediction, launch)

    def cancel_after(self, prediction: Prediction, delay: float) -> None:
        prediction.timers.append(self._loop.call_later(delay, self.cancel, prediction))

    def not_ready_reason(self) -> str:
        return self._supervisor.not_ready_reason()

    def log_bug(self, trace: str) -> None:
        self._output.log("error", "a request could not be answered", traceback=trace)

    def abandon(self) -> None:
        """Ends the worker without waiting for anything."""
        self._supervisor.kill()

    def find(self, prediction_id: str) -> Optional[Prediction]:
        """A prediction that has not ended."""
        return self._ids.get(prediction_id)

    def recall(self, prediction_id: str) -> Optional[Prediction]:
        """A prediction that runs or waits, or that ended not long ago."""
        return self._ids.get(prediction_id) or self._ended.find(prediction_id)

    def cancel(self, prediction: Prediction) -> None:
        if prediction.done or prediction.cancel_requested:
            return
        prediction.cancel_requested = True
        if prediction.number not in self._running:
            self._end(prediction, {"status": "canceled", "predict_time": 0.0})
            return
        self._supervisor.command(frames.CANCEL, prediction.number)
        prediction.timers.append(self._loop.call_later(self._cancel_grace, self._escalate, prediction))

    async def health(self) -> Dict[str, Any]:
        answer: Dict[str, Any] = {"status": self.status, "setup": self._supervisor.setup, "version": _VERSION}
        problem = await self._supervisor.healthcheck()
        if problem is not None:
            answer.update(status="UNHEALTHY", user_healthcheck_error=problem)
        return answer

    async def is_healthy(self) -> bool:
        """Whether the model's own healthcheck, if it has one, finds nothing wrong."""
        return await self._supervisor.healthcheck() is None

    async def stop(self, patience: float) -> None:
        """Lets predictions end for so many seconds, then ends the worker."""
        self._supervisor.stopping = True
        unfinished = set(self._ids.values())
        if unfinished and patience > 0:
            await asyncio.wait({prediction.ended() for prediction in unfinished}, timeout=patience)
        for prediction in list(self._ids.values()):
            self.cancel(prediction)
        await self._supervisor.stop(at_once=bool(self._running))
        if patience > 0:
            await self._webhooks.drain(patience)

    def on_prediction_frame(self, kind: int, number: int, payload: bytes) -> None:
        if kind == frames.LOG:
            self._output.model(payload[0], payload[1:])
        prediction = self._running.get(number)
        if prediction is None:
            return
        if kind == frames.LOG:
            prediction.add_log(_SOURCES[payload[0]], payload[1:].decode("utf-8", "replace"))
        elif kind == frames.OUTPUT:
            prediction.add_piece(payload)
        elif kind == frames.PART:
            prediction.add_part(payload)
        elif kind == frames.ACCEPTED:
            self._on_accepted(number, loads(payload))
        elif kind == frames.METRIC:
            prediction.add_metric(loads(payload))
        elif kind == frames.DONE:
            header, output = frames.split_header(payload)
            self._supervisor.note_success()
            self._end(prediction, loads(header), output)

    def on_native_output(self, descriptor: int, text: str) -> None:
        if len(self._running) == 1:
            next(iter(self._running.values())).add_log(_SOURCES[descriptor], text)

    def on_worker_gone(self, reason: str) -> bool:
        in_flight = list(self._running.values())
        wanted = bool(in_flight) and all(prediction.cancel_requested for prediction in in_flight)
        self._running.clear()
        for prediction in in_flight:
            if prediction.cancel_requested:
                self._end(prediction, {"status": "canceled", "predict_time": 0.0})
            else:
                self._fail(prediction, "Prediction failed: {} while the prediction was running".format(reason))
        if self._supervisor.stopping:
            self.on_down(reason)
        return wanted

    def on_ready(self) -> None:
        self._advance()

    def on_down(self, reason: str) -> None:
        for prediction in list(self._ids.values()):
            self._fail(prediction, "Prediction failed: " + reason)

    def on_crash(self) -> None:
        self.on_fatal_crash()

    def _is_full(self) -> bool:
        free = self.places - len(self._running)
        return free <= 0 and len(self._queue) >= self.queue_depth

    def _streaming(self) -> bool:
        description = self._supervisor.description
        return description is not None and description.streaming

    def _enter(self, prediction: Prediction, launch: Callable[[], None]) -> None:
        prediction.launch = launch
        self._queue.append(prediction)
        self._advance()
        prediction.queued = prediction.number not in self._running

    def _advance(self) -> None:
        """Launches what waits, as far as there are places."""
        queue = self._queue
        while queue and len(self._running) < self.places and self._supervisor.is_ready:
            prediction = queue.popleft()
            self._running[prediction.number] = prediction
            if prediction.queued:
                self.statistics.waits.add(prediction.leave_queue())
            if self._time_limit:
                prediction.timers.append(self._loop.call_later(self._time_limit, self._on_time_limit, prediction))
            launch, prediction.launch = prediction.launch, None
            if launch is not None:
                launch()

    def _on_time_limit(self, prediction: Prediction) -> None:
        if not prediction.done and not prediction.cancel_requested:
            prediction.time_limit = self._time_limit
            self.cancel(prediction)

    def _end(self, prediction: Prediction, header: Dict[str, Any], output: bytes = b"") -> None:
        # The place is free before anybody hears of the end: the next request may come at once.
        self._forget(prediction)
        prediction.finish(header, output)
        self._note(prediction, header["predict_time"])

    def _fail(self, prediction: Prediction, error: str) -> None:
        self._forget(prediction)
        prediction.fail(error)
        self._note(prediction, 0.0)

    def _note(self, prediction: Prediction, duration: float) -> None:
        self._ended.add(prediction)
        self.statistics.ended[prediction.status] += 1
        if duration:
            self.statistics.durations.add(duration)
        self._advance()

    def _forget(self, prediction: Prediction) -> None:
        self._running.pop(prediction.number, None)
        if prediction.launch is not None:
            prediction.launch = None
            self._queue.remove(prediction)
        if self._ids.get(prediction.id) is prediction:
            del self._ids[prediction.id]
        for timer in prediction.timers:
            timer.cancel()
        prediction.timers.clear()

    def _on_accepted(self, number: int, accepted: Dict[str, Any]) -> None:
        unread = self._unread.get(number)
        if unread is None:
            return
        prediction = unread.prediction
        if accepted["id"] != prediction.id:
            if accepted["id"] in self._ids:
                unread.is_duplicate = True
                self.cancel(prediction)
                unread.settle(self._unread)
                return
            del self._ids[prediction.id]
            prediction.id = accepted["id"]
            self._ids[prediction.id] = prediction
        prediction.created_at = accepted["created_at"]
        if accepted["webhook"] is not None:
            events = tuple(accepted["webhook_events"])
            self._webhooks.attach(prediction, accepted["webhook"], events, unread.trace)
        unread.first = prediction.body()
        unread.settle(self._unread)
        prediction.begin()

    def _escalate(self, prediction: Prediction) -> None:
        if not prediction.done:
            self._output.log("warn", "the model does not heed a cancelation; killing the worker", id=prediction.id)
            self._supervisor.kill()


def _whole_number(text: Optional[str], default: int) -> int:
    text = (text or "").strip()
    return int(text) if text.isdigit() else default
