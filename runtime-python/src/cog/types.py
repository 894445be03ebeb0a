"""Types that may annotate inputs and outputs, beyond Python's own."""

import io
import pathlib
import sys
from typing import Any, AsyncIterator, Iterator, Optional, TypeVar, Union

T_co = TypeVar("T_co", covariant=True)


class Path(pathlib.PosixPath):
    """A file. As an input the client sends a URL or data URI and the model gets the path of a local copy, which is
    removed after the prediction. As an output the file is sent to the client, as a data URI or by upload."""


class File(io.IOBase):
    """A file, open for reading in binary mode. `Path` is the better choice for new models."""


class Secret:
    """A string that does not show in logs, in `str()` or in answers of the server."""

    __slots__ = ("_secret_value",)

    def __init__(self, secret_value: Optional[str]) -> None:
        self._secret_value = secret_value

    def get_secret_value(self) -> Optional[str]:
        return self._secret_value

    def __str__(self) -> str:
        return "**********" if self._secret_value else ""

    def __repr__(self) -> str:
        return "Secret({!r})".format(str(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._secret_value == self._secret_value

    def __hash__(self) -> int:
        return hash((Secret, self._secret_value))


class ConcatenateIterator(Iterator[T_co]):
    """An iterator of pieces that a client should show joined together, such as tokens of a text."""


class AsyncConcatenateIterator(AsyncIterator[T_co]):
    """`ConcatenateIterator` for async generators."""


class Opaque:
    """Marks a type that the schema shows as a plain object: `Annotated[MyType, Opaque]`."""


class URLPath(pathlib.PosixPath):
    """Stands for a file at a URL until `convert()` fetches it. The server converts inputs before it calls the model."""

    source: str
    filename: str

    def __init__(self, *, source: str, filename: str, fileobj: Optional[io.IOBase] = None) -> None:
        if sys.version_info >= (3, 12):
            super().__init__()
        self.source = source
        self.filename = filename
        self.fileobj = fileobj
        self._converted: Optional[Path] = None

    def convert(self) -> Path:
        if self._converted is None:
            from ._worker.fetch import fetch_to_temporary_file

            self._converted = Path(fetch_to_temporary_file(self.source, self.filename))
        return self._converted

    def unlink(self, missing_ok: bool = False) -> None:
        if self._converted is not None:
            try:
                self._converted.unlink()
            except FileNotFoundError:
                pass

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        return "URLPath({!r})".format(self.source)


class URLFile(io.IOBase):
    """A file at a URL, fetched on first use."""

    def __init__(self, url: str, filename: Optional[str] = None) -> None:
        from ._worker.fetch import filename_of

        self._url = url
        self.name = filename or filename_of(url)
        self._opened: Any = None
        self._size = 0

    def _counted(self, size: int) -> None:
        from ._worker.fetch import check_size

        self._size += size
        check_size(self._size, self.name)

    def _file(self) -> Any:
        if self._opened is None:
            from ._worker.fetch import open_url

            self._opened = open_url(self._url)
        return self._opened

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        data: bytes = self._file().read(size)
        self._counted(len(data))
        return data

    def readinto(self, buffer: Any) -> int:
        count: int = self._file().readinto(buffer)
        self._counted(count)
        return count

    def readline(self, size: Any = -1) -> bytes:
        line: bytes = self._file().readline(-1 if size is None else size)
        self._counted(len(line))
        return line

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        super().close()

    def __repr__(self) -> str:
        return "URLFile({!r})".format(self._url)


Weights = Union[File, Path, str]
