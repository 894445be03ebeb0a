"""Fetching many files in parts over parallel connections, with resume, into flat memory.

Parts go straight to their place in a file; which ones are there stands in a journal beside it, so a process that is killed goes on where it
was. A file counts only when all of it hashes to what is wanted.
"""

import hashlib
import os
import queue
import random
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, List, Optional, Set, Tuple
from urllib.parse import urlsplit

from . import buckets
from .manifest import WeightFile

PART = 32 << 20
_BUFFER = 1 << 20
# Where a buffer is filled by many reads, each of which may take long on a slow line.
_SOME = 1 << 17
_ATTEMPTS = 6
_LONGEST_PAUSE = 20.0
# However long a server asks to wait.
_LONGEST_WAIT = 60.0
_TIMEOUT = 30.0
# How long a thread waits for bytes before it looks whether it is still wanted.
_GLANCE = 1.0
_HUB = "https://huggingface.co"


class DownloadError(Exception):
    """A file that could not be had, with the last reason; or one whose bytes are others than those locked."""


class WrongBytes(DownloadError):
    """What came hashes to something else; `resumed` tells whether some of it was there from before."""

    def __init__(self, message: str, resumed: bool) -> None:
        super().__init__(message)
        self.resumed = resumed


class _Refused(Exception):
    """An answer that trying again does not change."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _WholeOnly(Exception):
    """The server does not serve parts."""


class Job:
    """One file under way."""

    def __init__(self, file: WeightFile, partial: str) -> None:
        self.file = file
        self.partial = partial
        self.journal = partial + ".parts"
        self.count = max(1, -(-file.size // PART))
        self.done = self._read_journal()
        self.resumed = bool(self.done)
        self._whole_taken = False
        self.lock = threading.Lock()
        self.progress = threading.Condition(self.lock)
        self.failure: Optional[BaseException] = None
        self.url = 0
        # Where redirects led, by address.
        self.places: Dict[str, str] = {}
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_size != file.size:
                os.ftruncate(descriptor, file.size)
        finally:
            os.close(descriptor)

    def parts(self) -> List[int]:
        return [index for index in range(self.count) if index not in self.done]

    def finish(self, index: int) -> None:
        with self.progress:
            self.done.add(index)
            with open(self.journal, "a") as journal:
                journal.write("{}\n".format(index))
            self.progress.notify_all()

    def take_whole(self) -> bool:
        """True for the one thread that fetches the file in one piece, because its server gives no parts."""
        with self.lock:
            taken, self._whole_taken = self._whole_taken, True
            return not taken

    def wait_for(self, index: int, stop: threading.Event) -> None:
        with self.progress:
            while index not in self.done and self.failure is None and not stop.is_set():
                self.progress.wait(0.5)

    def fail(self, error: BaseException) -> None:
        with self.progress:
            self.failure = self.failure or error
            self.progress.notify_all()

    def forget(self) -> None:
        """Drops what is there: it is not what it should be."""
        for path in (self.partial, self.journal):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass

    def _read_journal(self) -> Set[int]:
        try:
            if os.stat(self.partial).st_size != self.file.size:
                return set()
            with open(self.journal) as journal:
                lines = journal.read().split()
        except OSError:
            return set()
        return {int(line) for line in lines if line.isdigit() and int(line) < self.count}


def fetch(jobs: List[Job], connections: int, on_bytes: Callable[[int], None], on_done: Callable[[Job], None]) -> None:
    """Brings all jobs to their end, and tells each whose hash is right. Raises DownloadError; what was fetched by then is kept for the next time."""
    work = queue.Queue()  # type: queue.Queue[Any]
    for job in jobs:
        for index in job.parts():
            work.put((job, index))
    stop = threading.Event()

    def run() -> None:
        buffer = bytearray(_BUFFER)
        while not stop.is_set():
            try:
                job, index = work.get_nowait()
            except queue.Empty:
                return
            try:
                if index not in job.done:
                    _fetch_part(job, index, buffer, on_bytes, stop)
            except BaseException as error:  # noqa: B902  told to whoever waits, for this file or for another that nobody fetches now
                failed = _told(job, error)
                for each in jobs:
                    each.fail(failed)
                stop.set()
                return

    threads = [threading.Thread(target=run, daemon=True) for _ in range(max(1, min(connections, work.qsize())))]
    for thread in threads:
        thread.start()
    try:
        for job in jobs:
            _check(job)
            on_done(job)
    except BaseException:
        stop.set()
        raise
    finally:
        for thread in threads:
            thread.join()


def _check(job: Job) -> None:
    """Hashes a file while its parts arrive, in order, and waits for each."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_BUFFER))
    with open(job.partial, "rb", buffering=0) as stream:
        for index in range(job.count):
            with job.progress:
                while index not in job.done and job.failure is None:
                    job.progress.wait()
                if job.failure is not None:
                    raise job.failure
            stream.seek(index * PART)
            left = min(PART, job.file.size - index * PART)
            while left > 0:
                count = stream.readinto(buffer[: min(left, _BUFFER)])
                if not count:
                    raise DownloadError("{} became shorter while it was read".format(job.file.path))
                digest.update(buffer[:count])
                left -= count
    if digest.hexdigest() != job.file.sha256:
        job.forget()
        raise WrongBytes(
            "{} from {}: expected sha256 {}, got {}".format(
                job.file.path, _shown(job.file.urls[job.url]), job.file.sha256, digest.hexdigest()
            ),
            job.resumed,
        )
    try:
        os.unlink(job.journal)
    except FileNotFoundError:
        pass


def _told(job: Job, error: BaseException) -> DownloadError:
    if isinstance(error, DownloadError):
        return error
    return DownloadError("{} cannot be fetched: {}".format(job.file.path, error))


def _fetch_part(
    job: Job, index: int, buffer: bytearray, on_bytes: Callable[[int], None], stop: threading.Event
) -> None:
    start = index * PART
    end = min(start + PART, job.file.size)
    position = start
    failures = 0
    while position < end:
        if stop.is_set():
            return
        before = position
        url = job.file.urls[job.url]
        try:
            position = _receive(job, url, (position, end), buffer, on_bytes, stop)
        except _WholeOnly:
            if job.take_whole():
                _fetch_whole(job, url, buffer, on_bytes, stop)
            else:
                job.wait_for(index, stop)
            return
        except (OSError, _Refused, ValueError) as error:
            position = getattr(error, "position", position)
            failures = 1 if position > before else failures + 1
            if isinstance(error, _Refused) or failures >= _ATTEMPTS:
                with job.lock:
                    if url == job.file.urls[job.url]:
                        if job.url + 1 == len(job.file.urls):
                            raise DownloadError(
                                "{} from {}: {}".format(job.file.path, _shown(url), error or type(error).__name__)
                            ) from None
                        job.url += 1
                failures = 0
            stop.wait(_pause(failures, error))
    job.finish(index)


def _receive(
    job: Job,
    url: str,
    range_: Tuple[int, int],
    buffer: bytearray,
    on_bytes: Callable[[int], None],
    stop: threading.Event,
) -> int:
    """Writes what one connection gives of a range. Returns the position after it; errors carry it as `position`."""
    start, end = range_
    position = start
    ranges = {"Range": "bytes={}-{}".format(start, end - 1)} if job.file.size > 0 else {}
    with _located(job, url, ranges) as answer:
        if answer.status == 206:
            wanted = "bytes {}-{}/{}".format(start, end - 1, job.file.size)
            told = answer.headers.get("Content-Range", "")
            if told != wanted:
                raise _Refused("the server sends {!r} for {!r}".format(told[:80], wanted))
        elif start == 0 and end == job.file.size:
            _check_length(answer, job.file)
        else:
            raise _WholeOnly()
        view = memoryview(buffer)
        receive = _receiver(answer, stop)
        descriptor = os.open(job.partial, os.O_WRONLY)
        try:
            while position < end:
                count = receive(view[: min(_BUFFER, end - position)])
                if not count:
                    raise _with_position(ConnectionError("the transfer ended early"), position)
                written = 0
                while written < count:
                    written += os.pwrite(descriptor, view[written:count], position + written)
                position += count
                on_bytes(count)
        except OSError as error:
            raise _with_position(error, position) from None
        finally:
            os.close(descriptor)
    return position


def _receiver(answer: Any, stop: threading.Event) -> Callable[[memoryview], int]:
    """Fills buffers with a body, 0 at its end. Where nothing is encrypted, the system fills a whole buffer in one call: to be woken for
    each packet, among as many threads as there are connections, costs more than everything else."""

    def receive_some(view: memoryview) -> int:
        return answer.readinto(view[:_SOME])  # type: ignore[no-any-return]

    sock = getattr(getattr(answer.fp, "raw", None), "_sock", None)
    if type(sock) is not socket.socket or answer.chunked:
        return receive_some
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", int(_GLANCE), int(_GLANCE % 1 * 1e6)))
    except OSError:
        return receive_some
    buffered = len(answer.fp.peek(1))
    sock.settimeout(None)

    def receive(view: memoryview) -> int:
        nonlocal buffered
        if buffered > 0:
            count = answer.readinto(view[:buffered])
            buffered -= count
            return count  # type: ignore[no-any-return]
        limit = time.monotonic() + _TIMEOUT
        while True:
            try:
                return sock.recv_into(view, 0, socket.MSG_WAITALL)
            except BlockingIOError:
                # Nothing came for a moment.
                if stop.is_set() or time.monotonic() > limit:
                    raise socket.timeout("timed out") from None

    return receive


def _fetch_whole(job: Job, url: str, buffer: bytearray, on_bytes: Callable[[int], None], stop: threading.Event) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            return _receive_whole(job, url, buffer, on_bytes, stop)
        except OSError as error:
            if attempt + 1 == _ATTEMPTS:
                raise DownloadError("{} from {}: {}".format(job.file.path, _shown(url), error)) from None
            stop.wait(_pause(attempt, error))
            if stop.is_set():
                return


def _receive_whole(
    job: Job, url: str, buffer: bytearray, on_bytes: Callable[[int], None], stop: threading.Event
) -> None:
    with _open(url, {}) as answer:
        _check_length(answer, job.file)
        view = memoryview(buffer)
        receive = _receiver(answer, stop)
        with open(job.partial, "r+b", buffering=0) as stream:
            for index in range(job.count):
                left = min(PART, job.file.size - index * PART)
                while left > 0:
                    count = receive(view[: min(_BUFFER, left)])
                    if not count:
                        raise ConnectionError("the transfer ended early")
                    stream.write(view[:count])
                    left -= count
                    on_bytes(count)
                job.finish(index)


def _check_length(answer: Any, file: WeightFile) -> None:
    length = answer.headers.get("Content-Length")
    if length is not None and length != str(file.size):
        raise _Refused("the server has {} bytes, locked are {}".format(length[:20], file.size))


# As urllib.request writes the names of headers.
_CREDENTIALS = ("Authorization", "X-amz-security-token")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; the token goes to no other origin, and nothing goes from https to http."""

    def redirect_request(self, request: Any, stream: Any, code: int, message: str, headers: Any, url: str) -> Any:
        following = super().redirect_request(request, stream, code, message, headers, url)
        if following is None:
            return None
        old, new = urlsplit(request.full_url), urlsplit(url)
        if old.scheme == "https" and new.scheme != "https":
            raise _Refused("it redirects to {} without encryption".format(new.netloc.rpartition("@")[2]))
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            for name in _CREDENTIALS:
                following.remove_header(name)
        return following


_opener: Optional[urllib.request.OpenerDirector] = None


def _located(job: Job, url: str, headers: Dict[str, str]) -> Any:
    """Asks where an earlier part was found, so that the host that only tells the way, as hubs do, is not asked again for each part."""
    place = job.places.get(url)
    if place is not None:
        try:
            return _open(place, headers)
        except (OSError, _Refused):
            # Ways of hubs are good for a while.
            job.places.pop(url, None)
    answer = _open(url, headers)
    found = answer.geturl()
    if not buckets.is_bucket(url) and found != _address(url):
        job.places[url] = found
    return answer


def _open(url: str, headers: Dict[str, str]) -> Any:
    if not buckets.is_bucket(url):
        address = _address(url)
        token = _token(address)
        try:
            return _send(address, headers if token is None else dict(headers, authorization="Bearer " + token))
        except _Refused as error:
            if error.status not in (401, 403) or not _is_hub(address):
                raise
            advice = "HF_TOKEN holds no token" if token is None else "its terms may have to be accepted on the hub"
            raise _Refused("the hub answers {}: {}".format(error.status, advice), error.status) from None
    address, signed, with_credentials = buckets.request_for(url, headers, ask_machine=False)
    try:
        return _send(address, signed)
    except _Refused as error:
        if with_credentials or error.status not in (401, 403):
            raise
        address, signed, with_credentials = buckets.request_for(url, headers, ask_machine=True)
        if not with_credentials:
            raise _Refused("the bucket answers {} without credentials".format(error.status), error.status) from None
    return _send(address, signed)


def _send(address: str, headers: Dict[str, str]) -> Any:
    global _opener
    if _opener is None:
        _opener = urllib.request.build_opener(_Redirects())
    request = urllib.request.Request(address, headers=dict(headers, **{"Accept-Encoding": "identity"}))
    request.add_header("User-Agent", os.environ.get("COG_USER_AGENT") or "cogplan")
    try:
        return _opener.open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in (408, 425, 429) or error.code >= 500:
            raise
        raise _Refused("the server answers {}".format(error.code), error.code) from None


def _address(url: str) -> str:
    """HF_ENDPOINT stands for the hub, as in the hub's own tools."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return endpoint + url[len(_HUB) :] if endpoint and url.startswith(_HUB + "/") else url


def _token(url: str) -> Optional[str]:
    token = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN")
    return token.strip() if token and _is_hub(url) else None


def _is_hub(url: str) -> bool:
    hub, asked = urlsplit(os.environ.get("HF_ENDPOINT") or _HUB), urlsplit(url)
    return (asked.scheme, asked.netloc) == (hub.scheme, hub.netloc)


def _pause(failures: int, error: BaseException) -> float:
    own = min(0.2 * 2.0**failures, _LONGEST_PAUSE) * (0.5 + random.random())
    return min(max(own, _retry_after(error)), _LONGEST_WAIT)


def _retry_after(error: BaseException) -> float:
    headers = getattr(error, "headers", None)
    value = headers.get("Retry-After", "") if headers is not None else ""
    return float(value) if value.isdigit() else 0.0


def _with_position(error: OSError, position: int) -> OSError:
    error.position = position  # type: ignore[attr-defined]
    return error


def _shown(url: str) -> str:
    """Without user info and query: signed addresses are secrets."""
    parts = urlsplit(url)
    return "{}://{}{}".format(parts.scheme, parts.netloc.rpartition("@")[2], parts.path)
