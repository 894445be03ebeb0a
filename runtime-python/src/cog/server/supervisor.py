"""The worker's life as the server manages it: starts, setup, deaths and restarts, and what it says about its model."""

import asyncio
import codecs
import os
import signal
from typing import Any, Dict, List, NamedTuple, Optional

from .. import _frames as frames
from .._schema.request import RequestReader
from .clock import now
from .codec import dumps, loads
from .output import Output
from .statistics import Statistics
from .worker import Worker, WorkerEvents

_SETUP_NUMBER = 0
# After this many deaths without a single prediction between them, the model is not started again.
_MOST_DEATHS = 5
_LONGEST_BACKOFF = 30.0
_HEALTHCHECK_SECONDS = 5.0
_NOT_READY = {
    "STARTING": "Setup has not finished yet",
    "SETUP_FAILED": "Setup failed; see /health-check",
    "DEFUNCT": "The worker died and is not restarted",
}


class Description(NamedTuple):
    """What a worker tells about its model once it has imported it."""

    schema: bytes
    requests: RequestReader
    concurrency: int
    streaming: bool
    method: str
    has_healthcheck: bool


class Owner:
    """What the supervisor tells whoever looks after the predictions. All calls come on the event loop."""

    def on_prediction_frame(self, kind: int, number: int, payload: bytes) -> None:
        raise NotImplementedError

    def on_native_output(self, descriptor: int, text: str) -> None:
        """Output of native code and of children, outside of setup."""
        raise NotImplementedError

    def on_worker_gone(self, reason: str) -> bool:
        """No prediction runs any longer. Returns whether the death was what a cancelation asked for."""
        raise NotImplementedError

    def on_ready(self) -> None:
        raise NotImplementedError

    def on_down(self, reason: str) -> None:
        """There will be no worker any more."""
        raise NotImplementedError

    def on_crash(self) -> None:
        """The worker died, and the server is to end with it."""
        raise NotImplementedError


class Supervisor(WorkerEvents):
    """Keeps one worker alive. `status` is that of `/health-check`, apart from BUSY and UNHEALTHY."""

    def __init__(
        self, mode: str, environment: Dict[str, str], output: Output, statistics: Statistics, owner: Owner
    ) -> None:
        self.status = "STARTING"
        self.description: Optional[Description] = None
        self.stopping = False
        self._mode = mode
        self._environment = environment
        self._variable = "COG_TRAIN_TYPE_STUB" if mode == "train" else "COG_PREDICT_TYPE_STUB"
        self._output = output
        self._statistics = statistics
        self._owner = owner
        self._loop = asyncio.get_event_loop()
        self._worker: Optional[Worker] = None
        self._gone: "asyncio.Future[None]" = self._loop.create_future()
        self._setup: Dict[str, Any] = {}
        self._setup_logs: List[str] = []
        self._setup_timer: Optional[asyncio.TimerHandle] = None
        self._setup_began = 0.0
        self._deaths = 0
        # Characters may be cut by the end of a read.
        self._decoders = {descriptor: codecs.getincrementaldecoder("utf-8")("replace") for descriptor in (1, 2)}
        self._health: "Optional[asyncio.Future[None]]" = None
        self._health_result: Optional[str] = None

    @property
    def setup(self) -> Dict[str, Any]:
        """Times, status and logs of the last setup."""
        return dict(self._setup, logs="".join(self._setup_logs))

    def start(self) -> None:
        self.status = "STARTING"
        self._setup_logs = []
        self._setup_began = self._loop.time()
        self._gone = self._loop.create_future()
        self._setup = {"started_at": now(), "logs": "", "status": "starting"}
        reference = self._environment.get(self._variable, "")
        problem = None
        if not reference:
            problem = "the variable {} does not name a model, such as predict.py:Predictor".format(self._variable)
        else:
            try:
                self._worker = Worker(self._mode, reference, self._environment, self)
            except OSError as error:
                problem = "the worker cannot be started: {}".format(error)
        if problem is not None:
            self._gone.set_result(None)
            self._fail_setup(problem)
            return
        limit = seconds(self._environment.get("COG_SETUP_TIMEOUT"))
        if limit:
            self._setup_timer = self._loop.call_later(limit, self._on_setup_timeout, limit)

    @property
    def is_ready(self) -> bool:
        """Whether a worker is there that takes predictions."""
        return self.status == "READY" and self._worker is not None

    def not_ready_reason(self) -> str:
        return _NOT_READY.get(self.status, "the model is not ready")

    def send(self, kind: int, number: int, *payload: bytes) -> None:
        if self._worker is not None:
            self._worker.send(kind, number, *payload)

    def command(self, kind: int, number: int = 0) -> None:
        if self._worker is not None:
            self._worker.command(kind, number)

    def kill(self) -> None:
        if self._worker is not None:
            self._worker.kill()

    def note_success(self) -> None:
        """A prediction ended as it should; earlier deaths of the worker count no longer."""
        self._deaths = 0

    async def stop(self, at_once: bool) -> None:
        """Ends the worker; by force if that takes too long, or if it has anything else to do."""
        worker = self._worker
        if worker is None:
            return
        if at_once or self.status != "READY":
            worker.kill()
        worker.stop_gently()
        await asyncio.wait({self._gone}, timeout=3)
        if not self._gone.done():
            worker.kill()
            await asyncio.wait({self._gone}, timeout=3)

    async def healthcheck(self) -> Optional[str]:
        """Asks the model; what is wrong with it, or None. Probes at the same time share one call."""
        if self.status != "READY" or self.description is None or not self.description.has_healthcheck:
            return None
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

    def on_frame(self, kind: int, number: int, payload: bytes) -> None:
        if kind == frames.LOG and number == _SETUP_NUMBER:
            self._output.model(payload[0], payload[1:])
            self._setup_logs.append(payload[1:].decode("utf-8", "replace"))
        elif kind == frames.HEALTH:
            self._on_health(loads(payload))
        elif kind == frames.SCHEMA:
            self._on_schema(payload)
        elif kind == frames.SETUP:
            self._on_setup(loads(payload))
        else:
            self._owner.on_prediction_frame(kind, number, payload)

    def on_native_output(self, descriptor: int, text: bytes) -> None:
        self._output.model(descriptor, text)
        decoded = self._decoders[descriptor].decode(text)
        if self.status == "STARTING":
            self._setup_logs.append(decoded)
        else:
            self._owner.on_native_output(descriptor, decoded)

    def on_exit(self, return_code: int) -> None:
        self._worker = None
        self._on_health({"error": "Healthcheck failed: the worker is gone"})
        if self._setup_timer is not None:
            self._setup_timer.cancel()
        if not self._gone.done():
            self._gone.set_result(None)
        reason = "the worker {}".format(_ending(return_code))
        wanted = self._owner.on_worker_gone(reason)
        if self.stopping or self.status == "SETUP_FAILED":
            return
        if self.status == "STARTING":
            self._fail_setup(reason + " during setup")
        elif wanted:
            self._output.log("info", "restarting the worker after a cancelation that the model did not heed")
            self._statistics.restarts += 1
            self.start()
        else:
            self._output.log("error", reason)
            if self.status == "READY":
                self._restart()

    def _restart(self) -> None:
        self._deaths += 1
        if _is_true(self._environment.get("COG_EXIT_ON_CRASH")):
            self._go_down("the worker died")
            self._owner.on_crash()
            return
        if self._deaths > _MOST_DEATHS:
            reason = "the worker died {} times in a row and stays down".format(self._deaths)
            self._output.log("error", reason)
            self._go_down(reason)
            return
        self.status = "STARTING"
        delay = 0.0 if self._deaths == 1 else min(_LONGEST_BACKOFF, 2.0 ** (self._deaths - 2))
        self._output.log("info", "restarting the worker", delay=delay)
        self._statistics.restarts += 1
        self._loop.call_later(delay, lambda: None if self.stopping else self.start())

    def _go_down(self, reason: str) -> None:
        self.status = "DEFUNCT"
        self._owner.on_down(reason)

    def _on_health(self, result: Dict[str, Any]) -> None:
        self._health_result = result.get("error")
        if self._health is not None and not self._health.done():
            self._health.set_result(None)
        self._health = None

    def _on_schema(self, payload: bytes) -> None:
        described = loads(payload)
        self.description = Description(
            dumps(described["openapi"]),
            RequestReader(described["fields"], loads),
            described["concurrency"],
            described["streaming"],
            described["method"],
            described["healthcheck"],
        )

    def _on_setup(self, result: Dict[str, Any]) -> None:
        if self._setup_timer is not None:
            self._setup_timer.cancel()
            self._setup_timer = None
        if result["status"] == "failed":
            self._fail_setup(result["error"])
            return
        self.status = "READY"
        self._setup.update(completed_at=now(), status="succeeded")
        self._statistics.setup_seconds = self._loop.time() - self._setup_began
        self._output.log("info", "ready")
        if "KUBERNETES_SERVICE_HOST" in self._environment:
            _touch("/var/run/cog/ready")
        self._owner.on_ready()

    def _on_setup_timeout(self, limit: float) -> None:
        if self.status == "STARTING" and self._worker is not None:
            self._fail_setup("setup took longer than {:g} seconds".format(limit))
            self._worker.kill()

    def _fail_setup(self, reason: str) -> None:
        self.status = "SETUP_FAILED"
        self._setup.update(completed_at=now(), status="failed")
        logs = "".join(self._setup_logs)
        if reason not in logs:
            self._setup_logs.append(("" if not logs or logs.endswith("\n") else "\n") + reason + "\n")
        self._output.log("error", "setup failed: " + reason)
        self._owner.on_down("setup failed: " + reason)


def seconds(text: Optional[str]) -> float:
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
