"""A directory of files named by their sha256, shared by containers.

`files/sha256/<2 hex>/<hex>` as Cog has it, `partial/` for what is under way, `uses/` for what running containers need: each
holds a lock on its own file there as long as it runs, so that nothing in use is removed.
"""

import fcntl
import os
import tempfile
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, List, Optional, Set, Tuple


class Cache:
    def __init__(self, root: str) -> None:
        self.root = root
        for name in ("files/sha256", "partial", "uses"):
            os.makedirs(os.path.join(root, name), exist_ok=True)

    def path(self, sha256: str) -> str:
        return os.path.join(self.root, "files", "sha256", sha256[:2], sha256)

    def partial(self, sha256: str) -> str:
        return os.path.join(self.root, "partial", sha256)

    def has(self, sha256: str, size: int) -> bool:
        """Whether the file is there. It appears by rename after its hash was checked; its size still tells a disk that ran full."""
        try:
            return os.stat(self.path(sha256)).st_size == size
        except OSError:
            return False

    @contextmanager
    def fetching(self, sha256: str) -> Iterator[None]:
        """One container at a time fetches a file; others wait, and find it there."""
        with open(self.partial(sha256) + ".lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def adopt(self, sha256: str) -> None:
        """Moves what was fetched and checked to its name."""
        target = self.path(sha256)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.chmod(self.partial(sha256), 0o444)
        os.replace(self.partial(sha256), target)

    def hold(self, hashes: Iterable[str]) -> Any:
        """Marks files as in use until the returned file is closed, or this process ends."""
        with self._alone():
            descriptor, name = tempfile.mkstemp(dir=os.path.join(self.root, "uses"))
            use = os.fdopen(descriptor, "w")
            fcntl.flock(use, fcntl.LOCK_EX)
            use.write("".join(sha256 + "\n" for sha256 in sorted(set(hashes))))
            use.flush()
        return use

    def touch(self, sha256: str) -> None:
        try:
            os.utime(self.path(sha256))
        except OSError:
            # A cache on a read-only volume has no order to keep.
            pass

    def make_room(self, needed: int, limit: Optional[int]) -> int:
        """Removes the files that were not needed for longest, until `needed` bytes fit below `limit`. Returns the bytes removed."""
        if limit is None:
            return 0
        with self._alone():
            return self._remove_oldest(needed, limit)

    def _remove_oldest(self, needed: int, limit: int) -> int:
        entries = self._entries()
        excess = sum(size for _, size, _ in entries) + needed - limit
        protected = self._in_use()
        removed = 0
        for _, size, name in sorted(entries):
            if removed >= excess:
                break
            if name in protected:
                continue
            try:
                os.unlink(self.path(name))
                removed += size
            except FileNotFoundError:
                continue
        return removed

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody marks files as in use while another decides which are not."""
        with open(os.path.join(self.root, "uses.lock"), "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _entries(self) -> List[Tuple[float, int, str]]:
        found = []
        top = os.path.join(self.root, "files", "sha256")
        for folder in os.listdir(top):
            for name in os.listdir(os.path.join(top, folder)):
                try:
                    info = os.stat(os.path.join(top, folder, name))
                except FileNotFoundError:
                    continue
                found.append((info.st_mtime, info.st_size, name))
        return found

    def _in_use(self) -> Set[str]:
        """What others hold; marks of processes that are gone are cleared away."""
        held: Set[str] = set()
        folder = os.path.join(self.root, "uses")
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            try:
                with open(path) as use:
                    try:
                        fcntl.flock(use, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    except OSError:
                        held.update(use.read().split())
                        continue
                    os.unlink(path)
            except FileNotFoundError:
                continue
        return held
