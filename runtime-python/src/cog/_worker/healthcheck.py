"""The model's own `healthcheck()`, also while predictions run."""

import asyncio
import inspect
import json
import threading
from typing import Any, Callable, Dict, Optional

from .. import _frames as frames
from .channel import Channel


class Healthcheck:
    """Calls the method once for each `start()` and sends what came of it. The server minds the time."""

    def __init__(self, method: Callable[[], Any], channel: Channel) -> None:
        self._method = method
        self._channel = channel
        # Where an async method runs; without it, on a loop of its own.
        self.loop: Optional[asyncio.AbstractEventLoop] = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="cog-healthcheck", daemon=True).start()

    def _run(self) -> None:
        answer: Dict[str, str] = {}
        try:
            result = self._method()
            if inspect.isawaitable(result):
                result = self._await(result)
            if result is False:
                answer["error"] = "Healthcheck failed: user-defined healthcheck returned False"
        except BaseException as error:  # noqa: B902  whatever it raises is an answer
            answer["error"] = "Healthcheck failed: {}".format(str(error) or type(error).__name__)
        self._channel.send(frames.HEALTH, 0, json.dumps(answer).encode("ascii"))

    def _await(self, awaitable: Any) -> Any:
        async def wait() -> Any:
            return await awaitable

        if self.loop is not None:
            return asyncio.run_coroutine_threadsafe(wait(), self.loop).result()
        return asyncio.run(wait())
