"""Predictions of an async model: tasks on one event loop, on the main thread."""

import asyncio
import inspect
import threading
from collections import deque
from typing import Any, Deque, Dict, Optional

from .batches import AsyncBatches
from .channel import Channel, Reader
from .prediction import Prediction, is_iterator, read_prediction
from .streams import Attribution

_loop: Optional[asyncio.AbstractEventLoop] = None


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The loop that `setup()` and all predictions share."""
    global _loop
    if _loop is None:
        _loop = asyncio.new_event_loop()
        asyncio.set_event_loop(_loop)
    return _loop


def serve_async(model: Any, reader: Reader, channel: Channel, attribution: Attribution, listener: Any) -> None:
    """Returns when the server closes the socket."""
    loop = new_event_loop()
    # asyncio.run() in setup() leaves the thread without a current loop.
    asyncio.set_event_loop(loop)
    server = _AsyncServer(model, channel, attribution, loop)
    listener.cancel = server.cancel
    if listener.healthcheck is not None:
        listener.healthcheck.loop = loop
    threading.Thread(target=server.read, args=(reader,), name="cog-reader", daemon=True).start()
    loop.run_forever()


class _AsyncServer:
    def __init__(self, model: Any, channel: Channel, attribution: Attribution, loop: asyncio.AbstractEventLoop) -> None:
        self._model = model
        self._channel = channel
        self._attribution = attribution
        self._loop = loop
        self._tasks: Dict[int, "asyncio.Task[None]"] = {}
        # Numbers of predictions that were canceled before they were read; and of some that had ended.
        self._canceled_early: Deque[int] = deque(maxlen=256)
        self._batches = None if model.batched is None else AsyncBatches(model, loop)

    def read(self, reader: Reader) -> None:
        """Runs on a thread of its own: a busy event loop must not keep frames in the socket."""
        while True:
            frame = reader.read()
            if frame is None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                return
            prediction = read_prediction(*frame, self._channel, self._attribution, self._model.requests)
            if prediction is not None:
                self._loop.call_soon_threadsafe(self._start, prediction)

    def cancel(self, number: int) -> None:
        """Called on the control thread."""
        self._loop.call_soon_threadsafe(self._cancel, number)

    def _start(self, prediction: Prediction) -> None:
        number = prediction.number
        if number in self._canceled_early:
            self._canceled_early.remove(number)
            prediction.finish("canceled")
            return
        batches = self._batches
        work = self._run(prediction) if batches is None else batches.add(prediction)
        task = self._loop.create_task(work)
        if batches is not None:
            return
        self._tasks[number] = task

        def forget(_: Any) -> None:
            del self._tasks[number]
            # A task canceled before its first step never runs.
            if not prediction.ended:
                prediction.finish("canceled")

        task.add_done_callback(forget)

    def _cancel(self, number: int) -> None:
        task = self._tasks.get(number)
        if task is not None:
            task.cancel()
        elif self._batches is None or not self._batches.cancel(number):
            self._canceled_early.append(number)

    async def _run(self, prediction: Prediction) -> None:
        prediction.begin()
        try:
            output = await self._predict(prediction)
        except asyncio.CancelledError:
            prediction.finish("canceled")
        except BaseException as error:  # noqa: B902  sys.exit() in a prediction fails that prediction, not the model
            prediction.fail(error)
        else:
            prediction.finish("succeeded", output)

    async def _predict(self, prediction: Prediction) -> bytes:
        arguments = await self._arguments(prediction)
        result = self._model.method(**arguments)
        if inspect.isawaitable(result):
            result = await result
        if hasattr(result, "__anext__"):
            prediction.expect_pieces()
            try:
                async for item in result:
                    await self._send_piece(prediction, item)
            finally:
                close = getattr(result, "aclose", None)
                if close is not None:
                    await close()
            return b""
        if is_iterator(result):
            prediction.expect_pieces()
            for item in result:
                await self._send_piece(prediction, item)
            return b""
        if prediction.uploads:
            return await self._loop.run_in_executor(None, prediction.encode, result)
        return prediction.encode(result)

    async def _send_piece(self, prediction: Prediction, item: Any) -> None:
        """Off the loop where it may mean an upload."""
        if prediction.uploads:
            await self._loop.run_in_executor(None, prediction.send_piece, item)
        else:
            prediction.send_piece(item)

    async def _arguments(self, prediction: Prediction) -> Dict[str, Any]:
        signature = self._model.signature
        if not signature.fetches:
            return prediction.arguments(signature)
        return await self._loop.run_in_executor(None, prediction.arguments, signature)
