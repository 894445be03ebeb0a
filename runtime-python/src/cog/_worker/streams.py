"""Standard output and error of the model, line by line and by prediction.

Text written through Python goes to the server in frames that carry the prediction's number. File descriptors 1 and 2
are pipes to the server, for native code and child processes.
"""

import io
import mmap
import os
import struct
import sys
import threading
import time
from contextvars import copy_context
from fcntl import ioctl
from termios import FIONREAD
from typing import Any, Dict, Optional

from .. import _frames as frames
from ..scope import Scope, _current
from .channel import Channel

_LONGEST = 65536
# Prediction numbers in LOG frames that stand for no prediction.
SETUP = 0
UNKNOWN = (1 << 64) - 1


class Attribution:
    """Which prediction output belongs to, for code that has no scope of its own."""

    def __init__(self) -> None:
        self.setting_up = True
        self.running: Dict[int, Scope] = {}

    def number(self) -> int:
        scope = _current.get()
        if scope is not None and scope._number:
            return UNKNOWN if scope._finished else scope._number
        if self.setting_up:
            return SETUP
        # A copy: other threads begin and end predictions meanwhile.
        running = list(self.running)
        return running[0] if len(running) == 1 else UNKNOWN


class LogStream(io.TextIOWrapper):
    """`sys.stdout` or `sys.stderr` of the worker."""

    def __init__(self, descriptor: int, channel: Channel, attribution: Attribution, native: "NativeOutput") -> None:
        raw = io.FileIO(descriptor, "wb", closefd=False)
        super().__init__(raw, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        self._descriptor = descriptor
        self._channel = channel
        self._attribution = attribution
        self._native = native
        self._partial: Dict[int, str] = {}
        # Held by one thread at a time, and by a signal handler of the model that prints within a print.
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        return "<stdout>" if self._descriptor == 1 else "<stderr>"

    def write(self, text: str) -> int:
        if self._channel.closed:
            return super().write(text)
        number = self._attribution.number()
        with self._channel.deferred(), self._lock:
            if self._partial:
                whole = self._partial.pop(number, "") + text
            else:
                whole = text
            if whole.endswith("\n") or len(whole) >= _LONGEST:
                self._send(number, whole)
            elif "\n" in whole:
                lines, _, rest = whole.rpartition("\n")
                self._partial[number] = rest
                self._send(number, lines + "\n")
            elif whole:
                self._partial[number] = whole
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self._partial and not self._channel.closed:
            self.flush_prediction(self._attribution.number())
        super().flush()

    def flush_prediction(self, number: int) -> None:
        """Sends the unfinished line of one prediction."""
        with self._channel.deferred(), self._lock:
            rest = self._partial.pop(number, "")
            if rest:
                self._send(number, rest)

    def _send(self, number: int, text: str) -> None:
        encoded = text.encode("utf-8", "backslashreplace")
        written = self._native.written()
        if written:
            head = bytes((self._descriptor | frames.AFTER_NATIVE,)) + written
        else:
            head = bytes((self._descriptor,))
        self._channel.send(frames.LOG, number, head + encoded)


_LENGTH = struct.Struct("=i")
_NOTHING = b"\0\0\0\0"
# Seconds; a server that is stopped in the middle of reading must not stop the model.
_LONGEST_READ = 5.0


class NativeOutput:
    """What native code and children write, as far as the server has not read it yet."""

    def __init__(self, counts: int) -> None:
        self._read = memoryview(mmap.mmap(counts, frames.SHARED_SIZE, prot=mmap.PROT_READ)).cast("Q")
        os.close(counts)

    def written(self) -> bytes:
        """The COUNTS of all that has been written; empty if the server has read it."""
        shared = self._read
        end = time.monotonic() + _LONGEST_READ
        while True:
            # Read before everything else: a reading of the server that falls between any two of these then shows.
            version = shared[2]
            out_read, err_read = shared[0], shared[1]
            try:
                out = ioctl(1, FIONREAD, _NOTHING)
                err = ioctl(2, FIONREAD, _NOTHING)
            except OSError:
                return b""
            if out == err == _NOTHING:
                return b""
            if not version & 1 and shared[2] == version:
                break
            if time.monotonic() > end:
                return b""
            # The server is reading, which takes no longer than a system call unless it has to wait for a processor.
            time.sleep(0.0001)
        return frames.COUNTS.pack(out_read + _LENGTH.unpack(out)[0], err_read + _LENGTH.unpack(err)[0])


def install(channel: Channel, attribution: Attribution, counts: int) -> None:
    """Replaces the standard streams, and keeps threads and forked children to the rules.

    To be called before any code of the model is imported.
    """
    native = NativeOutput(counts)
    sys.stdout = LogStream(1, channel, attribution, native)
    sys.stderr = LogStream(2, channel, attribution, native)
    sys.__stdout__ = sys.stdout  # type: ignore[misc]
    sys.__stderr__ = sys.stderr  # type: ignore[misc]
    os.register_at_fork(after_in_child=channel.close_in_child)
    _inherit_context_in_threads()


def flush_streams(number: int) -> None:
    for stream in (sys.__stdout__, sys.__stderr__):
        if isinstance(stream, LogStream):
            stream.flush_prediction(number)


def _inherit_context_in_threads() -> None:
    """Makes a thread, and work given to a thread pool, belong to the prediction that started it."""
    start = threading.Thread.start

    def start_in_context(thread: threading.Thread) -> None:
        context = copy_context()
        run = thread.run
        thread.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(thread)

    threading.Thread.start = start_in_context  # type: ignore[method-assign, assignment]


_patched: Optional[Any] = None


def inherit_context_in_pools() -> None:
    """Patches `ThreadPoolExecutor.submit` once the module has been imported; importing it just for this would be slow."""
    global _patched
    module = sys.modules.get("concurrent.futures.thread")
    if module is None or _patched is module:
        return
    _patched = module
    submit = module.ThreadPoolExecutor.submit

    def submit_in_context(self: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        return submit(self, copy_context().run, function, *args, **kwargs)

    module.ThreadPoolExecutor.submit = submit_in_context
