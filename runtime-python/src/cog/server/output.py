"""The server's own standard output and error: its log, and what the model prints.

Written by a thread, so that a reader of the container's log who does not read cannot stop the server.
"""

import json
import os
import queue
import sys
import threading
from typing import Any, Tuple

from .clock import now

_LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "critical": 50}
_MOST_QUEUED = 16 << 20


class Output:
    def __init__(self, level: str = "info", human: bool = False) -> None:
        self._level = _LEVELS.get(level.lower(), 20)
        self._human = human
        self._queue: "queue.Queue[Tuple[int, bytes]]" = queue.Queue()
        self._queued = 0
        self._lock = threading.Lock()
        self._dropped = 0
        threading.Thread(target=self._run, name="output", daemon=True).start()

    def model(self, descriptor: int, text: bytes) -> None:
        """Passes on what the model printed: descriptor 1 or 2."""
        with self._lock:
            if self._queued + len(text) > _MOST_QUEUED:
                self._dropped += len(text)
                return
            self._queued += len(text)
        self._queue.put((descriptor, text))

    def log(self, level: str, message: str, **fields: Any) -> None:
        if _LEVELS[level] < self._level:
            return
        if self._human:
            extra = "".join(" {}={}".format(key, value) for key, value in fields.items())
            line = "{} {:5} {}{}\n".format(now(), level.upper(), message, extra)
        else:
            record = {"timestamp": now(), "severity": level.upper(), "message": message}
            record.update(fields)
            line = json.dumps(record, default=str) + "\n"
        self.model(2, line.encode("utf-8", "backslashreplace"))

    def drain(self, seconds: float) -> None:
        """Waits until everything is written, but not longer than this."""
        done = threading.Event()
        self._queue.put((0, b""))
        self._drained = done
        done.wait(seconds)

    def _run(self) -> None:
        while True:
            descriptor, text = self._queue.get()
            if descriptor == 0:
                self._drained.set()
                continue
            with self._lock:
                self._queued -= len(text)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                text += "[{} bytes of output were dropped: nobody was reading]\n".format(dropped).encode()
            self._write(descriptor, text)

    def _write(self, descriptor: int, text: bytes) -> None:
        try:
            while text:
                text = text[os.write(descriptor, text) :]
        except OSError:
            pass


def output_from_environment() -> Output:
    human = os.environ.get("LOG_FORMAT", "") in ("console", "development") or sys.stderr.isatty()
    return Output(os.environ.get("COG_LOG_LEVEL", "info"), human)
