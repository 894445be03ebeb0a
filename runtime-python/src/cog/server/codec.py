"""JSON in the server: orjson where it is installed, with the same results without it."""

import json
from typing import Any

try:
    import orjson

    loads = orjson.loads

    def dumps(value: Any) -> bytes:
        try:
            encoded: bytes = orjson.dumps(value)
            return encoded
        except TypeError:
            # Integers beyond 64 bits, and strings that are not valid Unicode.
            return _dumps(value)

except ImportError:
    loads = json.loads

    def dumps(value: Any) -> bytes:
        return _dumps(value)


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii")


__all__ = ["dumps", "loads"]
