"""A worker process as the server sees it: its sockets, its pipes and its end."""

import asyncio
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections import deque
from typing import Deque, Dict, List, Optional, Sequence, Tuple

from .. import _frames as frames
from .._boot import worker_command

_CHUNK = 1 << 18
# Of one pipe or socket per turn of the event loop, so that a flood cannot keep requests waiting.
_MOST_CHUNKS = 8
_LENGTH = struct.Struct("=i")
_NO_LENGTH = b"\0\0\0\0"


class WorkerEvents:
    """What a worker tells its owner. All calls come on the event loop."""

    def on_frame(self, kind: int, number: int, payload: bytes) -> None:
        raise NotImplementedError

    def on_native_output(self, descriptor: int, text: bytes) -> None:
        raise NotImplementedError

    def on_exit(self, return_code: int) -> None:
        """Comes last, after everything that the worker sent."""
        raise NotImplementedError


class Worker:
    """Starts the process at once. `events` gets everything that follows."""

    def __init__(self, mode: str, reference: str, environment: Dict[str, str], events: WorkerEvents) -> None:
        self._loop = asyncio.get_event_loop()
        self._events = events
        self._sending: Deque[memoryview] = deque()
        self._closed = False
        self._data, data = socket.socketpair()
        self._control, control = socket.socketpair()
        self._lifeline, lifeline = socket.socketpair()
        out, out_write = os.pipe()
        err, err_write = os.pipe()
        # How much of each pipe has been read, for the worker to know what was written before something else. The last
        # number grows by one before a read and after it: while it is odd, the others cannot be relied on.
        self._counts = [0, 0]
        counts = tempfile.TemporaryFile(prefix="cog-counts-")
        counts.truncate(frames.SHARED_SIZE)
        # Items of a memoryview are written as a whole, which `struct` does not do.
        self._shared_counts = memoryview(mmap.mmap(counts.fileno(), frames.SHARED_SIZE)).cast("Q")
        theirs = (data, control, lifeline, counts)
        try:
            self.process = subprocess.Popen(
                worker_command(mode, reference, data.fileno(), control.fileno(), counts.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=out_write,
                stderr=err_write,
                pass_fds=[end.fileno() for end in theirs],
                env=environment,
                start_new_session=True,
            )
            _kill_group_at_hangup(lifeline, self.process.pid)
        finally:
            for end in theirs:
                end.close()
            os.close(out_write)
            os.close(err_write)
        self._data.setblocking(False)
        self._pipes = ((1, out), (2, err))
        self._reader = _FrameReader()
        self._loop.add_reader(self._data.fileno(), self._on_frames)
        for index, (_, pipe) in enumerate(self._pipes):
            os.set_blocking(pipe, False)
            self._loop.add_reader(pipe, self._on_native_output, index)
        threading.Thread(target=self._wait, name="worker-exit", daemon=True).start()

    def send(self, kind: int, number: int, *payload: bytes) -> None:
        """Queues a frame on the data socket. The parts of the payload are not copied if they are large."""
        if self._closed:
            return
        size = sum(map(len, payload))
        head = frames.HEADER.pack(kind, number, size)
        pieces = [b"".join((head, *payload))] if size < 65536 else [head, *(part for part in payload if part)]
        idle = not self._sending
        self._sending.extend(memoryview(piece) for piece in pieces)
        if idle:
            self._flush()

    def command(self, kind: int, number: int = 0) -> None:
        """Sends a command on the control socket; they are few and short, so this never waits in practice."""
        if self._closed:
            return
        try:
            self._control.sendall(frames.HEADER.pack(kind, number, 0))
        except OSError:
            pass

    def stop_gently(self) -> None:
        """Tells the worker that no prediction will follow; it runs its exit handlers and leaves."""
        if not self._closed:
            try:
                self._data.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def kill(self) -> None:
        """Ends the worker and every process in its group."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def _flush(self) -> None:
        sending = self._sending
        try:
            while sending:
                sent = self._data.send(sending[0])
                if sent == len(sending[0]):
                    sending.popleft()
                else:
                    sending[0] = sending[0][sent:]
        except (BlockingIOError, InterruptedError):
            self._loop.add_writer(self._data.fileno(), self._flush)
            return
        except OSError:
            sending.clear()
        self._loop.remove_writer(self._data.fileno())

    def _on_frames(self) -> None:
        self._read_frames(_MOST_CHUNKS, until_empty=False)

    def _on_native_output(self, index: int) -> None:
        """Something has come on the pipe with this index.

        What was in the pipes before the frames are read comes after all that Python printed before it was written;
        what comes into the pipes from here on may come after frames that are not here yet, and waits for the next turn.
        """
        written = [read + size for read, size in zip(self._counts, self._sizes_waiting())]
        nothing = written[index] == self._counts[index]
        if self._read_frames(_MOST_CHUNKS):
            return
        self._read_up_to(written)
        if nothing:
            self._stop_at_end(self._pipes[index][1])

    def _read_frames(self, most: int, until_empty: bool = True) -> bool:
        """Whether there may be more."""
        for _ in range(most):
            try:
                chunk = self._data.recv(_CHUNK)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                chunk = b""
            if not chunk:
                self._loop.remove_reader(self._data.fileno())
                return False
            for kind, number, payload in self._reader.feed(chunk):
                if kind == frames.LOG and payload[0] & frames.AFTER_NATIVE:
                    self._read_up_to(frames.COUNTS.unpack_from(payload, 1))
                    skipped = 1 + frames.COUNTS.size
                    payload = bytes((payload[0] & ~frames.AFTER_NATIVE,)) + payload[skipped:]
                elif kind in (frames.DONE, frames.SETUP):
                    self._read_pipes(_MOST_CHUNKS)
                self._events.on_frame(kind, number, payload)
            if not until_empty and len(chunk) < 4096:
                return True
        return True

    def _read_up_to(self, counts: Sequence[int]) -> None:
        """Reads from each pipe until so much has been read since the start."""
        for index, count in enumerate(counts):
            while self._counts[index] < count:
                if not self._read_pipe(index, count - self._counts[index]):
                    break

    def _sizes_waiting(self) -> Tuple[int, ...]:
        """How much there is to read from each pipe."""
        return tuple(_LENGTH.unpack(fcntl.ioctl(pipe, termios.FIONREAD, _NO_LENGTH))[0] for _, pipe in self._pipes)

    def _stop_at_end(self, pipe: int) -> None:
        """Listens no longer to a pipe that is empty and that nobody has open for writing."""
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        if any(events & (select.POLLHUP | select.POLLERR) and not events & select.POLLIN for _, events in poll.poll(0)):
            self._loop.remove_reader(pipe)

    def _read_pipes(self, most: int) -> bool:
        """Whether there may be more."""
        more = False
        for index in range(len(self._pipes)):
            turns = most
            while turns and self._read_pipe(index, 65536):
                turns -= 1
            more = more or not turns
        return more

    def _read_pipe(self, index: int, most: int) -> bytes:
        """Reads once and passes it on; nothing if there is nothing."""
        descriptor, pipe = self._pipes[index]
        shared = self._shared_counts
        shared[2] += 1
        try:
            text = os.read(pipe, most)
        except OSError:
            text = b""
        self._counts[index] += len(text)
        shared[index] = self._counts[index]
        shared[2] += 1
        if text:
            self._events.on_native_output(descriptor, text)
        return text

    def _wait(self) -> None:
        return_code = self.process.wait()
        try:
            self._loop.call_soon_threadsafe(self._on_exit, return_code)
        except RuntimeError:
            pass

    def _on_exit(self, return_code: int) -> None:
        self.kill()
        while self._read_frames(_MOST_CHUNKS):
            pass
        while self._read_pipes(_MOST_CHUNKS):
            pass
        self._closed = True
        self._loop.remove_reader(self._data.fileno())
        self._loop.remove_writer(self._data.fileno())
        for _, pipe in self._pipes:
            self._loop.remove_reader(pipe)
            os.close(pipe)
        for end in (self._data, self._control, self._lifeline):
            end.close()
        self._events.on_exit(return_code)


class _FrameReader:
    """Cuts a stream of bytes into frames, in time linear in its length."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = frames.HEADER.size

    def feed(self, chunk: bytes) -> List[Tuple[int, int, bytes]]:
        buffer = self._buffer
        buffer += chunk
        found: List[Tuple[int, int, bytes]] = []
        offset = 0
        size = frames.HEADER.size
        while len(buffer) - offset >= self._needed:
            kind, number, length = frames.HEADER.unpack_from(buffer, offset)
            if len(buffer) - offset < size + length:
                self._needed = size + length
                break
            start = offset + size
            found.append((kind, number, bytes(memoryview(buffer)[start : start + length])))
            offset = start + length
            self._needed = size
        if offset:
            del buffer[:offset]
        return found


def _kill_group_at_hangup(end: socket.socket, group: int) -> None:
    """Has the kernel kill the worker's group when the server's end of this socket closes, however the server ends.

    A signal on hang-up reaches a worker that is deep in C code, where no Python handler would run. See F_SETSIG and
    F_SETOWN in fcntl(2); nothing is ever sent on this socket. Where the kernel does not offer it, the worker's control
    thread does the same when it sees the end of its own socket.
    """
    set_signal: Optional[int] = getattr(fcntl, "F_SETSIG", 10 if sys.platform == "linux" else None)
    if set_signal is None:
        return
    try:
        fcntl.fcntl(end, fcntl.F_SETOWN, -group)
        fcntl.fcntl(end, set_signal, signal.SIGKILL)
        fcntl.fcntl(end, fcntl.F_SETFL, fcntl.fcntl(end, fcntl.F_GETFL) | os.O_NONBLOCK | fcntl.FASYNC)
    except (OSError, ValueError):
        pass
