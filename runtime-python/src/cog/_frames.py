"""The protocol between server and worker: length-prefixed frames on Unix sockets.

A frame is a header (kind, prediction number, payload length) and the payload. Each worker has two sockets. `control`
carries short commands to the worker, `data` predictions to the worker and everything the worker has to say. Neither
side ever waits for the other before it reads, so that no pair of full buffers can stop both.
"""

import struct
from typing import Tuple

HEADER = struct.Struct("!BQI")
LENGTH = struct.Struct("!I")
MAX_PAYLOAD = (1 << 32) - 1

# Server to worker, on `data`. Payload: JSON {"input", "context", "upload"?: {"url" or "prefix", "id", "headers"}}.
PREDICT = 1

# Server to worker, on `data`: a request too large to be parsed by the server. Payload: length of a JSON header, the header
# {"id", "id_in_url", "noun", "form", "trace", "upload_url"}, and the request's body. The worker answers with ACCEPTED, or with DONE.
PREDICT_RAW = 2

# Server to worker, on `control`.
CANCEL = 10
HEALTHCHECK = 11

# Worker to server, on `data`.
SCHEMA = 20  # JSON: {"openapi", "fields", "concurrency", "streaming", "method", "healthcheck"}
SETUP = 21  # JSON: {"status": "succeeded" | "failed", "error"?}
LOG = 22  # one byte: 1 stdout, 2 stderr, perhaps with AFTER_NATIVE and then COUNTS; then UTF-8 text
OUTPUT = 23  # one item of an iterator's output, as JSON
METRIC = 24  # JSON: {"name", "value", "mode"}
DONE = 25  # length of a JSON header, the header, and the output as JSON if there is one that was not sent in pieces
HEALTH = 26  # JSON: {"error"?}
PART = 27  # a part of the output's JSON; DONE follows the last
ACCEPTED = 28  # JSON: {"id", "created_at", "webhook", "webhook_events"}

# In LOG: so many bytes had been written to the pipes of stdout and stderr since the start, which come before this. The
# server keeps the numbers of those that it has read in memory that both share, followed by a number that is odd while it
# reads.
AFTER_NATIVE = 0x80
COUNTS = struct.Struct("=QQ")
SHARED_SIZE = COUNTS.size + 8


def with_header(header: bytes, rest: bytes) -> bytes:
    """The payload of DONE and PREDICT_RAW."""
    return LENGTH.pack(len(header)) + header + rest


def split_header(payload: bytes) -> Tuple[bytes, bytes]:
    (length,) = LENGTH.unpack_from(payload)
    start = LENGTH.size
    return payload[start : start + length], payload[start + length :]
