"""The protocol between server and worker: length-prefixed frames on Unix sockets.

A frame is a header (kind, prediction number, payload length) and the payload. Each worker has two sockets. `control`
carries short commands to the worker, `data` predictions to the worker and everything the worker has to say. Neither
side ever waits for the other before it reads, so that no pair of full buffers can stop both.
"""

import struct

HEADER = struct.Struct("!BQI")
LENGTH = struct.Struct("!I")
MAX_PAYLOAD = (1 << 32) - 1

# Server to worker, on `data`. Payload: JSON {"input", "context", "upload"?: {"url", "id", "headers"}}.
PREDICT = 1

# Server to worker, on `control`.
CANCEL = 10
HEALTHCHECK = 11

# Worker to server, on `data`.
SCHEMA = 20  # JSON: {"openapi", "fields", "concurrency", "streaming", "method", "healthcheck"}
SETUP = 21  # JSON: {"status": "succeeded" | "failed", "error"?}
LOG = 22  # one byte: 1 stdout, 2 stderr, perhaps with AFTER_NATIVE and then WAITING; then UTF-8 text
OUTPUT = 23  # one item of an iterator's output, as JSON
METRIC = 24  # JSON: {"name", "value", "mode"}
DONE = 25  # length of a JSON header, the header, and the output as JSON if there is one that was not sent in pieces
HEALTH = 26  # JSON: {"error"?}

# In LOG: there were so many bytes in the pipes of stdout and stderr, which come before this.
AFTER_NATIVE = 0x80
WAITING = struct.Struct("=ii")


def done_payload(header: bytes, output: bytes) -> bytes:
    return LENGTH.pack(len(header)) + header + output
