"""Types that may annotate inputs and outputs, beyond Python's own."""

import io
import pathlib
import sys
from contextvars import ContextVar
from typing import Any, AsyncIterator, Callable, Dict, Iterator, Optional, TypeVar, Union

T_co = TypeVar("T_co", covariant=True)

# The `InputFiles` of the prediction whose input is being converted: files within a pydantic model are among them.
_input_files: "ContextVar[Any]" = ContextVar("cog_input_files", default=None)
_URL_SCHEMES = ("http://", "https://", "data:")


class _FieldType:
    """Lets pydantic, whichever version the author has, take the type as that of a field.

    See https://docs.pydantic.dev/latest/concepts/types/ for `__get_pydantic_core_schema__`, and
    https://docs.pydantic.dev/1.10/usage/types/ for `__get_validators__`.
    """

    __slots__ = ()
    _json_schema: Dict[str, Any] = {"type": "string", "format": "uri"}

    @classmethod
    def validate(cls, value: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def __get_validators__(cls) -> Iterator[Callable[[Any], Any]]:
        yield cls.validate

    @classmethod
    def __modify_schema__(cls, field_schema: Dict[str, Any]) -> None:
        field_schema.update(cls._json_schema)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(cls.validate)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Dict[str, Any]:
        return dict(cls._json_schema)


def _checked_url(value: Any) -> str:
    if not isinstance(value, str) or not value.lower().startswith(_URL_SCHEMES):
        raise ValueError("not a valid URL: 'data', 'http', or 'https' is supported")
    return value


class Path(_FieldType, pathlib.PosixPath):
    """A file. As an input the client sends a URL or data URI and the model gets the path of a local copy, which is
    removed after the prediction. As an output the file is sent to the client, as a data URI or by upload."""

    @classmethod
    def validate(cls, value: Any) -> pathlib.Path:
        """A path as it is. A URL is fetched where it is the input of a prediction, and is a `URLPath` elsewhere."""
        if isinstance(value, pathlib.Path):
            return value
        files = _input_files.get()
        if files is not None:
            path: pathlib.Path = files.path(_checked_url(value))
            return path
        if isinstance(value, str) and not value.lower().startswith(_URL_SCHEMES):
            return Path(value)
        from ._worker.fetch import filename_of

        return URLPath(source=_checked_url(value), filename=filename_of(value))


class File(_FieldType, io.IOBase):
    """A file, open for reading in binary mode. `Path` is the better choice for new models."""

    @classmethod
    def validate(cls, value: Any) -> Any:
        """An open file as it is. A URL is opened: at once if it holds the data itself, otherwise on first use."""
        if isinstance(value, io.IOBase) or hasattr(value, "read"):
            return value
        files = _input_files.get()
        if files is None:
            from ._worker.files import InputFiles

            files = InputFiles()
        return files.file(_checked_url(value))


class Secret(_FieldType):
    """A string that does not show in logs, in `str()` or in answers of the server."""

    __slots__ = ("_secret_value",)
    _json_schema = {"type": "string", "writeOnly": True, "format": "password", "x-cog-secret": True}

    @classmethod
    def validate(cls, value: Any) -> "Secret":
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise ValueError("str type expected")
        return cls(value)

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

    _opened: Any = None

    def __init__(self, url: str, filename: Optional[str] = None) -> None:
        from ._worker.fetch import filename_of

        if not url.lower().startswith(("http://", "https://")):
            raise ValueError("URLFile requires URL to conform to HTTP or HTTPS protocol")
        self._url = url
        self.name = filename or filename_of(url)
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

    def __getattr__(self, name: str) -> Any:
        """Whatever else the open response has, such as `headers`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._file(), name)

    def __reduce__(self) -> Any:
        return URLFile, (self._url, self.name)

    def __repr__(self) -> str:
        return "URLFile({!r})".format(self._url)


Weights = Union[File, Path, str]
