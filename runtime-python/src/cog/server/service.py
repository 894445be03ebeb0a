"""The state of the server: the worker's life, the predictions that run, and how many more fit."""

import asyncio
import codecs
import os
import secrets
import signal
import sys
from typing import Any, Callable, Dict, List, Optional

from .. import _frames as frames
from .._schema.request import CreateRequest, RequestReader
from .._version import DISTRIBUTION, PUBLIC
from .clock import now
from .codec import dumps, loads
from .ended import EndedPredictions
from .output import Output
from .prediction import Prediction
from .webhook import Webhooks
from .worker import Worker, WorkerEvents

_SETUP_NUMBER = 0
# After this many deaths without a single prediction between them, the model is not started again.
_MOST_DEATHS = 5
_LONGEST_BACKOFF = 30.0
_HEALTHCHECK_SECONDS = 5.0
_SOURCES = {1: "stdout", 2: "stderr"}
_VERSION = {"cog": DISTRIBUTION, "python_sdk": PUBLIC, "python": "{}.{}.{}".format(*sys.version_info[:3])}


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


class Service(WorkerEvents):
    """Owns the worker. Everything here runs on the event loop."""

    def __init__(
        self, mode: str, environment: Dict[str, str], output: Output, upload_url: Optional[str] = None
    ) -> None:
        self.mode = mode
        self.status = "STARTING"
        self.setup: Dict[str, Any] = {}
        self.schema: Optional[bytes] = None
        self.requests: Optional[RequestReader] = None
        self.concurrency = 1
        self.on_crash: Callable[[], None] = lambda: None
        self._environment = environment
        self._reference = environment.get("COG_TRAIN_TYPE_STUB" if mode == "train" else "COG_PREDICT_TYPE_STUB", "")
        self._output = output
        self._loop = asyncio.get_event_loop()
        self._worker: Optional[Worker] = None
        self._gone: "asyncio.Future[None]" = self._loop.create_future()
        self._setup_logs: List[str] = []
        self._setup_timer: Optional[asyncio.TimerHandle] = None
        self._running: Dict[int, Prediction] = {}
        self._ids: Dict[str, Prediction] = {}
        self._last_number = 0
        self._deaths = 0
        self._stopping = False
        self._decoders: Dict[int, Any] = {}
        self.streaming = False
        self.method = "predict"
        self._upload_url = upload_url
        self._webhooks = Webhooks(environment, output)
        self._ended = EndedPredictions(_seconds(environment.get("COG_PREDICTION_RETENTION")) or 300.0)
        self._unread: Dict[int, Unread] = {}
        self._has_healthcheck = False
        self._health: "Optional[asyncio.Future[None]]" = None
        self._health_result: Optional[str] = None

    def start(self) -> None:
        self.status = "STARTING"
        self._setup_logs = []
        self._gone = self._loop.create_future()
        self.setup = {"started_at": now(), "logs": "", "status": "starting"}
        if not self._reference:
            variable = "COG_TRAIN_TYPE_STUB" if self.mode == "train" else "COG_PREDICT_TYPE_STUB"
            self._fail_setup("the variable {} does not name a model, such as predict.py:Predictor".format(variable))
            self._gone.set_result(None)
            return
        try:
            self._worker = Worker(self.mode, self._reference, self._environment, self)
        except OSError as error:
            self._fail_setup("the worker cannot be started: {}".format(error))
            self._gone.set_result(None)
            return
        limit = _seconds(self._environment.get("COG_SETUP_TIMEOUT"))
        if limit:
            self._setup_timer = self._loop.call_later(limit, self._on_setup_timeout, limit)

    def create(self, request: CreateRequest) -> Prediction:
        """Takes a place for a prediction; `begin` must follow. Raises Busy or NotReady."""
        if self._stopping:
            raise NotReady("the server is shutting down")
        if self.status != "READY" or self._worker is None:
            raise NotReady(self.not_ready_reason())
        if len(self._running) >= self.concurrency:
            raise Busy
        if request.id is not None and request.id in self._ids:
            raise Busy
        self._last_number += 1
        prediction_id = request.id or secrets.token_hex(13)
        prediction = Prediction(
            self._last_number, prediction_id, request.shown_input, request.created_at, self._history()
        )
        self._running[prediction.number] = prediction
        self._ids[prediction_id] = prediction
        return prediction

    def create_unread(self, body: List[bytes], id_in_url: Optional[str], noun: str, trace: Dict[str, str]) -> Unread:
        """Gives a request that is too large to be read here to the worker. Raises Busy or NotReady."""
        request = CreateRequest()
        request.id = id_in_url
        request.shown_input = None
        prediction = self.create(request)
        unread = Unread(prediction, trace, self._loop.create_future())
        self._unread[prediction.number] = unread
        prediction.ended().add_done_callback(lambda _: unread.settle(self._unread))
        header: Dict[str, Any] = {"id": prediction.id, "id_in_url": id_in_url, "noun": noun}
        if self._upload_url is not None:
            header["upload"] = {"url": self._upload_url, "headers": trace}
        if self._worker is not None:
            self._worker.send(frames.PREDICT_RAW, prediction.number, frames.with_header(dumps(header), b""), *body)
        return unread

    def begin(self, prediction: Prediction, request: CreateRequest, trace: Dict[str, str]) -> None:
        """Gives the prediction to the worker, and its webhook, if it has one, the news from here on."""
        if request.webhook is not None:
            self._webhooks.attach(prediction, request.webhook, request.webhook_events, trace)
        if self._worker is not None:
            payload = {"input": request.input, "context": request.context}
            if self._upload_url is not None:
                payload["upload"] = {"url": self._upload_url, "id": prediction.id, "headers": trace}
            self._worker.send(frames.PREDICT, prediction.number, dumps(payload))
        prediction.begin()

    def cancel_after(self, prediction: Prediction, seconds: float) -> None:
        self._loop.call_later(seconds, self.cancel, prediction)

    def not_ready_reason(self) -> str:
        return _NOT_READY.get(self.status, "the model is not ready")

    def log_bug(self, trace: str) -> None:
        self._output.log("error", "a request could not be answered", traceback=trace)

    def abandon(self) -> None:
        """Ends the worker without waiting for anything."""
        if self._worker is not None:
            self._worker.kill()

    def find(self, prediction_id: str) -> Optional[Prediction]:
        """A prediction that has not ended."""
        return self._ids.get(prediction_id)

    def recall(self, prediction_id: str) -> Optional[Prediction]:
        """A prediction that runs, or that ended not long ago."""
        return self._ids.get(prediction_id) or self._ended.find(prediction_id)

    def cancel(self, prediction: Prediction) -> None:
        if prediction.done or prediction.cancel_requested or self._worker is None:
            return
        prediction.cancel_requested = True
        self._worker.command(frames.CANCEL, prediction.number)
        grace = _seconds(self._environment.get("COG_CANCEL_GRACE")) or 10.0
        self._loop.call_later(grace, self._escalate, prediction)

    @property
    def busy(self) -> bool:
        return len(self._running) >= self.concurrency

    async def health(self) -> Dict[str, Any]:
        status = "BUSY" if self.status == "READY" and self.busy else self.status
        setup = dict(self.setup)
        setup["logs"] = "".join(self._setup_logs)
        answer: Dict[str, Any] = {"status": status, "setup": setup, "version": _VERSION}
        if self.status == "READY" and self._has_healthcheck:
            problem = await self._healthcheck()
            if problem is not None:
                answer.update(status="UNHEALTHY", user_healthcheck_error=problem)
        return answer

    async def _healthcheck(self) -> Optional[str]:
        """Asks the model; what is wrong with it, or None. Probes at the same time share one call."""
        if self._health is None and self._worker is not None:
            self._health = self._loop.create_future()
            self._worker.command(frames.HEALTHCHECK)
        if self._health is None:
            return None
        done, _ = await asyncio.wait({self._health}, timeout=_HEALTHCHECK_SECONDS)
        if not done:
            return "Healthcheck failed: user-defined healthcheck timed out after {} seconds".format(
                _HEALTHCHECK_SECONDS
            )
        return self._health_result

    async def stop(self, patience: float) -> None:
        """Lets predictions end for so many seconds, then ends the worker."""
        self._stopping = True
        if self._running and patience > 0:
            await asyncio.wait({prediction.ended() for prediction in self._running.values()}, timeout=patience)
        worker = self._worker
        if worker is not None:
            for prediction in list(self._running.values()):
                self.cancel(prediction)
            if self._running or self.status != "READY":
                worker.kill()
            worker.stop_gently()
            try:
                await asyncio.wait_for(asyncio.shield(self._gone), 3)
            except asyncio.TimeoutError:
                worker.kill()
                await asyncio.wait({self._gone}, timeout=3)
        if patience > 0:
            await self._webhooks.drain(patience)

    def on_frame(self, kind: int, number: int, payload: bytes) -> None:
        if kind == frames.LOG:
            self._on_log(number, payload[0], payload[1:].decode("utf-8", "replace"))
        elif kind == frames.OUTPUT:
            prediction = self._running.get(number)
            if prediction is not None:
                prediction.add_piece(payload)
        elif kind == frames.PART:
            prediction = self._running.get(number)
            if prediction is not None:
                prediction.add_part(payload)
        elif kind == frames.ACCEPTED:
            self._on_accepted(number, loads(payload))
        elif kind == frames.METRIC:
            self._on_metric(number, loads(payload))
        elif kind == frames.DONE:
            self._on_done(number, payload)
        elif kind == frames.HEALTH:
            self._on_health(loads(payload))
        elif kind == frames.SCHEMA:
            self._on_schema(payload)
        elif kind == frames.SETUP:
            self._on_setup(loads(payload))

    def on_native_output(self, descriptor: int, text: bytes) -> None:
        self._output.model(descriptor, text)
        decoded = self._decode(descriptor, text)
        if not self._running:
            if self.status == "STARTING":
                self._setup_logs.append(decoded)
        elif len(self._running) == 1:
            next(iter(self._running.values())).add_log(_SOURCES[descriptor], decoded)

    def on_exit(self, return_code: int) -> None:
        self._worker = None
        self._on_health({"error": "Healthcheck failed: the worker is gone"})
        if self._setup_timer is not None:
            self._setup_timer.cancel()
        if not self._gone.done():
            self._gone.set_result(None)
        reason = "the worker {}".format(_ending(return_code))
        in_flight = list(self._running.values())
        for prediction in in_flight:
            self._forget(prediction)
            if prediction.cancel_requested:
                prediction.finish({"status": "canceled", "predict_time": 0.0})
            else:
                prediction.fail("Prediction failed: {} while the prediction was running".format(reason))
            self._ended.add(prediction)
        if self._stopping or self.status == "SETUP_FAILED":
            return
        if self.status == "STARTING":
            self._fail_setup(reason + " during setup")
            return
        if in_flight and all(prediction.cancel_requested for prediction in in_flight):
            self._output.log("info", "restarting the worker after a cancelation that the model did not heed")
            self.start()
            return
        self._output.log("error", reason)
        if self.status == "READY":
            self._restart()

    def _restart(self) -> None:
        self._deaths += 1
        if _is_true(self._environment.get("COG_EXIT_ON_CRASH")):
            self.status = "DEFUNCT"
            self.on_crash()
            return
        if self._deaths > _MOST_DEATHS:
            self.status = "DEFUNCT"
            self._output.log("error", "the worker died {} times in a row and stays down".format(self._deaths))
            return
        self.status = "STARTING"
        delay = 0.0 if self._deaths == 1 else min(_LONGEST_BACKOFF, 2.0 ** (self._deaths - 2))
        self._output.log("info", "restarting the worker", delay=delay)
        self._loop.call_later(delay, lambda: None if self._stopping else self.start())

    def _on_log(self, number: int, descriptor: int, text: str) -> None:
        self._output.model(descriptor, text.encode("utf-8", "replace"))
        if number == _SETUP_NUMBER:
            self._setup_logs.append(text)
            return
        prediction = self._running.get(number)
        if prediction is not None:
            prediction.add_log(_SOURCES[descriptor], text)

    def _on_metric(self, number: int, metric: Dict[str, Any]) -> None:
        prediction = self._running.get(number)
        if prediction is not None:
            prediction.add_metric(metric)

    def _on_done(self, number: int, payload: bytes) -> None:
        prediction = self._running.get(number)
        if prediction is None:
            return
        header, output = frames.split_header(payload)
        self._deaths = 0
        self._forget(prediction)
        prediction.finish(loads(header), output)
        self._ended.add(prediction)

    def _on_health(self, result: Dict[str, Any]) -> None:
        self._health_result = result.get("error")
        if self._health is not None and not self._health.done():
            self._health.set_result(None)
        self._health = None

    def _history(self) -> Optional[int]:
        """How many events a prediction keeps for streams that join late; None if there are no streams."""
        if not self.streaming:
            return None
        given = self._environment.get("COG_STREAM_HISTORY_CAPACITY", "").strip()
        return int(given) if given.isdigit() else 1024

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

    def _on_schema(self, payload: bytes) -> None:
        described = loads(payload)
        self.schema = dumps(described["openapi"])
        self.concurrency = described["concurrency"]
        self.streaming = described["streaming"]
        self.method = described["method"]
        self._has_healthcheck = described["healthcheck"]
        self.requests = RequestReader(described["fields"], loads)

    def _on_setup(self, result: Dict[str, Any]) -> None:
        if self._setup_timer is not None:
            self._setup_timer.cancel()
            self._setup_timer = None
        if result["status"] == "failed":
            self._fail_setup(result["error"])
            return
        self.status = "READY"
        self.setup.update(completed_at=now(), status="succeeded")
        self._output.log("info", "ready")
        if "KUBERNETES_SERVICE_HOST" in self._environment:
            _touch("/var/run/cog/ready")

    def _on_setup_timeout(self, limit: float) -> None:
        if self.status == "STARTING" and self._worker is not None:
            self._fail_setup("setup took longer than {:g} seconds".format(limit))
            self._worker.kill()

    def _fail_setup(self, reason: str) -> None:
        self.status = "SETUP_FAILED"
        self.setup.update(completed_at=now(), status="failed")
        logs = "".join(self._setup_logs)
        if reason not in logs:
            self._setup_logs.append(("" if not logs or logs.endswith("\n") else "\n") + reason + "\n")
        self._output.log("error", "setup failed: " + reason)

    def _escalate(self, prediction: Prediction) -> None:
        if not prediction.done and self._worker is not None:
            self._output.log("warn", "the model does not heed a cancelation; killing the worker", id=prediction.id)
            self._worker.kill()

    def _forget(self, prediction: Prediction) -> None:
        self._running.pop(prediction.number, None)
        if self._ids.get(prediction.id) is prediction:
            del self._ids[prediction.id]

    def _decode(self, descriptor: int, text: bytes) -> str:
        """UTF-8 whose characters may be cut by the end of a read."""
        decoder = self._decoders.get(descriptor)
        if decoder is None:
            decoder = self._decoders[descriptor] = codecs.getincrementaldecoder("utf-8")("replace")
        decoded: str = decoder.decode(text)
        return decoded


_NOT_READY = {
    "STARTING": "Setup has not finished yet",
    "SETUP_FAILED": "Setup failed; see /health-check",
    "DEFUNCT": "The worker died and is not restarted",
}


def _seconds(text: Optional[str]) -> float:
    """A positive number of seconds; 0 for anything else."""
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0


def _is_true(text: Optional[str]) -> bool:
    return (text or "").strip().lower() in ("1", "true", "yes", "on")


def _ending(return_code: int) -> str:
    if return_code >= 0:
        return "exited with code {}".format(return_code)
    try:
        return "was killed by {}".format(signal.Signals(-return_code).name)
    except ValueError:
        return "was killed by signal {}".format(-return_code)


def _touch(path: str) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a"):
            pass
    except OSError:
        pass
