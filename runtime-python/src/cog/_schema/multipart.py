"""Forms as a request body. https://www.rfc-editor.org/rfc/rfc7578"""

import re
from binascii import b2a_base64
from typing import TYPE_CHECKING, Iterator, NamedTuple, Optional
from urllib.parse import quote

if TYPE_CHECKING:
    from email.message import Message

_MOST_PARTS = 1000
_MOST_HEADER_BYTES = 8192
_LONGEST_BOUNDARY = 200
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+_-]+/[A-Za-z0-9.+_-]+\Z")


class Part(NamedTuple):
    name: str
    filename: Optional[str]
    content_type: str
    content: bytes

    def data_uri(self) -> str:
        """The part as any other file from a client, with its name as a parameter of the media type."""
        media = self.content_type + (";name=" + quote(self.filename, safe="") if self.filename else "")
        return "data:{};base64,{}".format(media, b2a_base64(self.content, newline=False).decode("ascii"))


def multipart_boundary(content_type: Optional[str]) -> Optional[str]:
    """What separates the parts, according to a Content-Type header; None if the body is no form of that kind.

    Empty, and thus no boundary that a body could have, if the header does not tell.
    """
    if content_type is None or content_type.split(";", 1)[0].strip().lower() != "multipart/form-data":
        return None
    boundary = _header("Content-Type: " + content_type).get_boundary("")
    return boundary if 0 < len(boundary) <= _LONGEST_BOUNDARY else ""


def read_parts(body: bytes, boundary: str) -> Iterator[Part]:
    """Raises ValueError for anything that is no complete form."""
    if not boundary:
        raise ValueError("the form's Content-Type has no boundary")
    separator = b"\r\n--" + boundary.encode("latin-1", "replace")
    # The first separator may stand at the very beginning.
    end = 0 if body.startswith(separator[2:]) else body.find(separator) + 2
    if end < 2 and not body.startswith(separator[2:]):
        raise ValueError("the form does not begin with its boundary")
    start = end + len(separator) - 2
    for _ in range(_MOST_PARTS):
        after = body[start : start + 2]
        if after == b"--":
            return
        line_end = body.find(b"\r\n", start)
        if line_end < 0 or body[start:line_end].strip():
            raise ValueError("the form is cut off or malformed after a boundary")
        end = body.find(separator, line_end)
        if end < 0:
            raise ValueError("the form is cut off: its last boundary is missing")
        yield _part(body, line_end + 2, end)
        start = end + len(separator)
    raise ValueError("the form has more than {} parts".format(_MOST_PARTS))


def _part(body: bytes, start: int, end: int) -> Part:
    head_end = body.find(b"\r\n\r\n", start, min(end, start + _MOST_HEADER_BYTES))
    if head_end < 0:
        raise ValueError("a part of the form has no headers, or too many")
    headers = _header(body[start:head_end].decode("utf-8", "surrogateescape"))
    disposition = headers.get_params(header="content-disposition") or []
    name = headers.get_param("name", header="content-disposition")
    if not disposition or disposition[0][0].lower() != "form-data" or not isinstance(name, str):
        raise ValueError("a part of the form has no name")
    filename = headers.get_filename()
    content_type = headers.get_content_type()
    if "content-type" not in headers or not _MEDIA_TYPE.match(content_type):
        content_type = "application/octet-stream"
    return Part(_text(name), None if filename is None else _text(filename), content_type, body[head_end + 4 : end])


def _header(text: str) -> "Message":
    from email.parser import HeaderParser

    return HeaderParser().parsestr(text)


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
