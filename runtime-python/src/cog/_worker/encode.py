"""From what a model returns to JSON."""

import enum
import io
import json
import math
import os
from binascii import b2a_base64
from typing import Any, Callable, Dict, Iterable, Optional

from .. import model as _model

# What becomes of a file in the output: its JSON string. Takes an open binary file and its name.
FileEncoder = Callable[[Any, str], str]

_MIME_TYPES = {
    ".avif": "image/avif",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".glb": "model/gltf-binary",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".txt": "text/plain",
    ".wav": "audio/x-wav",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".zip": "application/zip",
}


class OpenedPath(io.FileIO):
    """A file that the model returned as a path; other files in an output are open already."""


def encode_output(value: Any, encode_file: FileEncoder) -> bytes:
    """The output as JSON. Numbers that JSON does not have (NaN, infinity) become null.

    Raises TypeError for a value that has no JSON form.
    """

    def default(item: Any) -> Any:
        return _plain(item, encode_file)

    try:
        text = json.dumps(value, default=default, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError):
        text = ""
    if not text:
        text = json.dumps(_sanitized(value, default), ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(json.loads(text), separators=(",", ":")).encode("ascii")


def data_uri(file: Any, name: str) -> str:
    content = file.read()
    if isinstance(content, str):
        content = content.encode("utf-8")
    return "data:{};base64,{}".format(mime_type_of(name), b2a_base64(content, newline=False).decode("ascii"))


def mime_type_of(name: str) -> str:
    extension = os.path.splitext(name)[1].lower()
    known = _MIME_TYPES.get(extension)
    if known is not None:
        return known
    from mimetypes import guess_type

    return guess_type(name)[0] or "application/octet-stream"


def _plain(value: Any, encode_file: FileEncoder) -> Any:
    """One step from a Python value towards JSON."""
    if isinstance(value, _model.BaseModel) and hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, os.PathLike):
        with OpenedPath(os.fspath(value)) as file:
            return encode_file(file, os.path.basename(os.fspath(value)))
    if isinstance(value, io.IOBase) or (hasattr(value, "read") and hasattr(value, "seek")):
        if value.seekable():
            value.seek(0)
        return encode_file(value, os.path.basename(str(getattr(value, "name", ""))))
    if hasattr(value, "model_dump"):
        return _attributes(value)
    if hasattr(value, "__fields__") and hasattr(value, "dict"):
        return _attributes(value)
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if hasattr(value, "get_secret_value"):
        return str(value)
    module = type(value).__module__.split(".")[0]
    if module == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8")
    if module in ("uuid", "decimal"):
        return str(value) if module == "uuid" else float(value)
    from ..coder import Coder

    coder = Coder.lookup(type(value))
    if coder is not None:
        return coder.encode(value)
    if isinstance(value, (set, frozenset)) or hasattr(value, "__next__"):
        return list(value)
    raise TypeError("an output of type {} has no JSON form".format(type(value).__qualname__))


def _attributes(value: Any) -> Dict[str, Any]:
    """A pydantic model by its attributes, so that files within it are still files."""
    fields = getattr(type(value), "model_fields", None)
    if not isinstance(fields, dict):
        fields = value.__fields__
    attributes = {name: getattr(value, name) for name in fields}
    extra: Optional[Dict[str, Any]] = getattr(value, "__pydantic_extra__", None)
    if extra:
        attributes.update(extra)
    return attributes


def _sanitized(value: Any, default: Callable[[Any], Any]) -> Any:
    """The same value with everything in it that JSON does not know replaced."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value
    if isinstance(value, dict):
        return {_key(key): _sanitized(item, default) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return _sanitized_items(value, default)
    return _sanitized(default(value), default)


def _sanitized_items(items: Iterable[Any], default: Callable[[Any], Any]) -> Any:
    return [_sanitized(item, default) for item in items]


def _key(key: Any) -> Any:
    if isinstance(key, enum.Enum):
        key = key.value
    if isinstance(key, float) and not math.isfinite(key):
        return str(key)
    return key if key is None or isinstance(key, (str, int, float, bool)) else str(key)
