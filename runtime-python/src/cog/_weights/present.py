"""Makes sure that the weights an image names are at their places, before the model is imported."""

import os
import shutil
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any, Dict, List

from . import manifest
from .cache import Cache
from .download import DownloadError, Job, WrongBytes, fetch

_CONNECTIONS = 16
_AT_ONCE = 64
_TELL_EVERY = 5.0
# Locks on what this process uses: they end with it.
_held: List[Any] = []


def ensure() -> None:
    """Fetches what is missing. Raises DownloadError or ManifestError, whose text names the file; nothing wrong is ever at a file's place."""
    path = os.environ.get("COG_WEIGHTS_MANIFEST") or manifest.PATH
    if not os.path.exists(path):
        return
    files = [file for file in manifest.read(path) if not _is_placed(file)]
    if not files:
        return
    cache = Cache(_cache_root())
    _held.append(cache.hold(file.sha256 for file in files))
    _fetch_missing(cache, files)
    for file in files:
        _place(cache, file)


def _fetch_missing(cache: Cache, files: List[manifest.WeightFile]) -> None:
    wanted: Dict[str, manifest.WeightFile] = {}
    for file in files:
        if not cache.has(file.sha256, file.size):
            wanted[file.sha256] = file.joined(wanted.get(file.sha256, file))
    if not wanted:
        return
    total = sum(file.size for file in wanted.values())
    limit = os.environ.get("COG_WEIGHTS_CACHE_MAX_BYTES", "")
    cache.make_room(total, int(limit) if limit.isdigit() else None)
    free = shutil.disk_usage(cache.root).free
    if free < total:
        raise DownloadError(
            "weights of {} do not fit: {} has {} free".format(_amount(total), cache.root, _amount(free))
        )
    print("weights: fetching {} files, {}".format(len(wanted), _amount(total)), flush=True)
    started = time.monotonic()
    meter = _Meter(total)
    pending = list(wanted.values())
    while pending:
        batch, pending = pending[:_AT_ONCE], pending[_AT_ONCE:]
        _fetch_batch(cache, batch, meter)
    seconds = max(time.monotonic() - started, 0.001)
    print("weights: fetched and checked {} in {:.1f} s".format(_amount(total), seconds), flush=True)


def _fetch_batch(cache: Cache, files: List[manifest.WeightFile], meter: "_Meter") -> None:
    with ExitStack() as locks:
        # In one order everywhere, so that two containers never wait for each other.
        for file in sorted(files, key=lambda file: file.sha256):
            locks.enter_context(cache.fetching(file.sha256))
        try:
            _fetch_absent(cache, files, meter)
        except WrongBytes as error:
            if not error.resumed:
                raise
            # What an earlier run left was wrong: all of it comes anew, once.
            _fetch_absent(cache, files, meter)


def _fetch_absent(cache: Cache, files: List[manifest.WeightFile], meter: "_Meter") -> None:
    jobs = [Job(file, cache.partial(file.sha256)) for file in files if not cache.has(file.sha256, file.size)]
    fetch(jobs, _CONNECTIONS, meter.add, lambda job: cache.adopt(job.file.sha256))


def _is_placed(file: manifest.WeightFile) -> bool:
    """A restarted worker finds what it placed; a file of this size that somebody else put there is taken as theirs only when it links into the cache."""
    cached = os.path.join(_cache_root(), "files", "sha256", file.sha256[:2], file.sha256)
    try:
        return os.path.samefile(file.path, cached)
    except OSError:
        return False


def _place(cache: Cache, file: manifest.WeightFile) -> None:
    cached = cache.path(file.sha256)
    cache.touch(file.sha256)
    os.makedirs(os.path.dirname(file.path), exist_ok=True)
    beside = "{}.cogplan-{}".format(file.path, os.getpid())
    try:
        os.link(cached, beside)
    except OSError:
        # Another file system, or one without links.
        os.symlink(cached, beside)
    os.replace(beside, file.path)


def _cache_root() -> str:
    root = os.environ.get("COG_CACHE_DIR")
    if not root:
        root = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "cog")
    return os.path.join(root, "weights")


class _Meter:
    """Tells how far the download is, every few seconds."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told < _TELL_EVERY:
                return
            self._told = now
            done = self._done
        print("weights: {} of {}".format(_amount(done), _amount(self._total)), file=sys.stdout, flush=True)


def _amount(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return "{:.1f} {}".format(count / size, unit)
    return "{} B".format(count)
