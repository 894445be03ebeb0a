"""The worker's end of its sockets."""

import socket
import threading
from typing import Any, Optional, Tuple

from .. import _frames as frames
from .cancelation import Cancelation


class Channel:
    """Sends frames from any thread. A cancelation never interrupts a frame half-way."""

    def __init__(self, data: socket.socket, cancelation: Cancelation) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._cancelation = cancelation
        self.closed = False

    def send(self, kind: int, number: int, payload: bytes) -> None:
        if self.closed:
            return
        if len(payload) > frames.MAX_PAYLOAD:
            raise ValueError("an output of {} bytes is too large".format(len(payload)))
        header = frames.HEADER.pack(kind, number, len(payload))
        with self._cancelation.deferred():
            with self._lock:
                if len(payload) < 65536:
                    self._data.sendall(header + payload)
                else:
                    self._data.sendall(header)
                    self._data.sendall(payload)

    def deferred(self) -> Any:
        """A context in which no cancelation interrupts the main thread."""
        return self._cancelation.deferred()

    def close_in_child(self) -> None:
        """For a forked child: it must not speak on its parent's socket."""
        self.closed = True
        self._lock = threading.Lock()


class Reader:
    """Reads frames from a blocking socket."""

    def __init__(self, source: socket.socket) -> None:
        self._file = source.makefile("rb", buffering=65536)

    def read(self) -> Optional[Tuple[int, int, bytes]]:
        """The next frame as (kind, number, payload); None when the server is gone."""
        head = self._file.read(frames.HEADER.size)
        if len(head) < frames.HEADER.size:
            return None
        kind, number, length = frames.HEADER.unpack(head)
        payload = self._file.read(length) if length else b""
        return None if len(payload) < length else (kind, number, payload)
