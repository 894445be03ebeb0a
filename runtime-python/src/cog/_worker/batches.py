"""Predictions of a `@batched` model: those that come at about the same time share one call of its method."""

import asyncio
import inspect
import queue
import threading
import time
from typing import Any, Callable, Coroutine, Dict, List, Optional, Set

from ..exceptions import CancelationException
from ..scope import _current
from .cancelation import Cancelation
from .channel import Channel, Reader
from .prediction import Prediction, read_prediction
from .streams import Attribution


class BatchError(TypeError):
    """A batched method returned something other than one output for each of its inputs."""


class _Batch:
    """Predictions that share a call. Canceling one ends it alone; canceling the last that is left stops the call."""

    def __init__(self, predictions: List[Prediction], stop: Callable[[], None]) -> None:
        self.predictions = predictions
        self._stop = stop
        self._lock = threading.Lock()
        self._left = len(predictions)

    def cancel(self, number: int) -> bool:
        """Whether the prediction is one of these."""
        for prediction in self.predictions:
            if prediction.number != number:
                continue
            if not prediction.ended:
                with self._lock:
                    self._left -= 1
                    last = self._left == 0
                if last:
                    self._stop()
                else:
                    # The files stay: the call may be reading them.
                    prediction.finish("canceled", keep_files=True)
            return True
        return False

    def arguments(self, names: List[str]) -> Dict[str, List[Any]]:
        return {name: [prediction.prepared[name] for prediction in self.predictions] for name in names}

    def begin(self) -> None:
        for prediction in self.predictions:
            prediction.begin()
        # What is printed belongs to a prediction only if it is alone.
        _current.set(None)

    def deliver(self, outputs: Any) -> None:
        """Ends each prediction with its output; one whose output is an exception fails with that."""
        size = len(self.predictions)
        count = len(outputs) if hasattr(outputs, "__len__") and not isinstance(outputs, (str, bytes, dict)) else None
        if count != size:
            given = type(outputs).__name__ if count is None else "{} outputs".format(count)
            raise BatchError("a batched method must return a list of {} outputs, not {}".format(size, given))
        for prediction, output in zip(self.predictions, outputs):
            if not prediction.ended:
                _finish(prediction, output)
        self._clean_up()

    def fail(self, error: BaseException) -> None:
        for prediction in self.predictions:
            if prediction.ended:
                continue
            if isinstance(error, (CancelationException, asyncio.CancelledError)):
                prediction.finish("canceled")
            else:
                _fail(prediction, error)
        self._clean_up()

    def _clean_up(self) -> None:
        for prediction in self.predictions:
            prediction.files.remove()


def serve_batches(
    model: Any,
    reader: Reader,
    channel: Channel,
    attribution: Attribution,
    cancelation: Cancelation,
    listener: Any,
) -> None:
    """For a model that is not async: one batch at a time, on the main thread. Returns when the server is gone."""
    server = _SyncBatches(model, channel, attribution, cancelation)
    listener.cancel = server.cancel
    threading.Thread(target=server.read, args=(reader,), name="cog-reader", daemon=True).start()
    server.run()


class _SyncBatches:
    def __init__(self, model: Any, channel: Channel, attribution: Attribution, cancelation: Cancelation) -> None:
        self._model = model
        self._channel = channel
        self._attribution = attribution
        self._cancelation = cancelation
        self._names = [field["name"] for field in model.signature.fields]
        self._arrived: "queue.Queue[Optional[Prediction]]" = queue.Queue()
        # Together with what was canceled before it was part of a batch, so that no cancelation falls between the two.
        self._lock = threading.Lock()
        self._batch: Optional[_Batch] = None
        self._canceled: Set[int] = set()

    def read(self, reader: Reader) -> None:
        while True:
            frame = reader.read()
            if frame is None:
                self._arrived.put(None)
                return
            prediction = read_prediction(*frame, self._channel, self._attribution, self._model.requests)
            if prediction is not None and prepare(prediction, self._model.signature):
                self._arrived.put(prediction)

    def cancel(self, number: int) -> None:
        """Called on the control thread."""
        with self._lock:
            batch = self._batch
            if batch is None or not batch.cancel(number):
                self._canceled.add(number)

    def run(self) -> None:
        size, wait = self._model.batched
        while True:
            first = self._arrived.get()
            if first is None:
                return
            predictions = [first]
            deadline = time.monotonic() + wait
            while len(predictions) < size:
                try:
                    following = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    break
                if following is None:
                    break
                predictions.append(following)
            self._run(predictions)

    def _run(self, predictions: List[Prediction]) -> None:
        first = predictions[0].number
        batch = _Batch(predictions, lambda: self._cancelation.request(first))
        batch.begin()
        with self._lock:
            self._batch = batch
            for number in self._canceled.copy():
                if batch.cancel(number):
                    self._canceled.discard(number)
        try:
            try:
                self._cancelation.arm(first)
                outputs = self._model.method(**batch.arguments(self._names))
            finally:
                self._cancelation.disarm()
                self._batch = None
            batch.deliver(outputs)
        except BaseException as error:  # noqa: B902  sys.exit() in a prediction fails that prediction, not the model
            batch.fail(error)


class AsyncBatches:
    """Collects predictions of an async model on its event loop; several batches may run at once."""

    def __init__(self, model: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._model = model
        self._loop = loop
        self._names = [field["name"] for field in model.signature.fields]
        self._size, self._wait = model.batched
        self._preparing: Dict[int, Prediction] = {}
        self._waiting: List[Prediction] = []
        self._timer: Optional[asyncio.TimerHandle] = None
        self._batches: List[_Batch] = []

    def add(self, prediction: Prediction) -> Coroutine[Any, Any, None]:
        self._preparing[prediction.number] = prediction
        return self._add(prediction)

    async def _add(self, prediction: Prediction) -> None:
        signature = self._model.signature
        if signature.fetches:
            ready = await self._loop.run_in_executor(None, prepare, prediction, signature)
        else:
            ready = prepare(prediction, signature)
        if self._preparing.pop(prediction.number, None) is None:
            prediction.files.remove()
            return
        if not ready:
            return
        self._waiting.append(prediction)
        if len(self._waiting) >= self._size:
            self._launch()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._wait, self._launch)

    def cancel(self, number: int) -> bool:
        """Whether the prediction is one of these."""
        preparing = self._preparing.pop(number, None)
        if preparing is not None:
            # The files stay: they may be on their way.
            preparing.finish("canceled", keep_files=True)
            return True
        for prediction in self._waiting:
            if prediction.number == number:
                self._waiting.remove(prediction)
                prediction.finish("canceled")
                return True
        return any(batch.cancel(number) for batch in self._batches)

    def _launch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        predictions, self._waiting = self._waiting, []
        if predictions:
            task: "asyncio.Future[None]"

            def stop() -> None:
                task.cancel()

            batch = _Batch(predictions, stop)
            task = self._loop.create_task(self._run(batch))

    async def _run(self, batch: _Batch) -> None:
        self._batches.append(batch)
        batch.begin()
        try:
            outputs = self._model.method(**batch.arguments(self._names))
            if inspect.isawaitable(outputs):
                outputs = await outputs
            if any(prediction.uploads for prediction in batch.predictions):
                await self._loop.run_in_executor(None, batch.deliver, outputs)
            else:
                batch.deliver(outputs)
        except BaseException as error:  # noqa: B902  sys.exit() in a prediction fails that prediction, not the model
            batch.fail(error)
        finally:
            self._batches.remove(batch)


def prepare(prediction: Prediction, signature: Any) -> bool:
    """Fetches and converts the arguments; False if that failed, and the prediction with it."""
    try:
        prediction.prepared = prediction.arguments(signature)
        return True
    except Exception as error:
        if not prediction.ended:
            _fail(prediction, error)
        return False


def _finish(prediction: Prediction, output: Any) -> None:
    if isinstance(output, BaseException):
        _fail(prediction, output)
        return
    try:
        encoded = prediction.encode(output)
    except Exception as error:
        _fail(prediction, error)
    else:
        prediction.finish("succeeded", encoded)


def _fail(prediction: Prediction, error: BaseException) -> None:
    """With the traceback in its own logs."""
    _current.set(prediction.scope)
    prediction.fail(error)
