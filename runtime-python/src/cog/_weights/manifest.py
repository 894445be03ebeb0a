"""What an image says about the weights that are fetched when it starts."""

import json
import os
import re
from typing import Any, List, Tuple

PATH = "/usr/local/share/cogplan/weights.json"

_SHA256 = re.compile(r"\A[0-9a-f]{64}\Z")
_MOST_BYTES = 64 << 20


class ManifestError(Exception):
    """The manifest is none, or would lead outside the places that it names."""


class WeightFile:
    """One file: where it goes, what it must hash to, and where its bytes can be had."""

    __slots__ = ("path", "sha256", "size", "urls")

    def __init__(self, path: str, sha256: str, size: int, urls: Tuple[str, ...]) -> None:
        self.path = path
        self.sha256 = sha256
        self.size = size
        self.urls = urls

    def joined(self, other: "WeightFile") -> "WeightFile":
        """The same bytes at two places may be had where either can."""
        return WeightFile(other.path, self.sha256, self.size, tuple(dict.fromkeys(other.urls + self.urls)))


def read(path: str) -> List[WeightFile]:
    """The files of a manifest, each with its absolute place."""
    if os.path.getsize(path) > _MOST_BYTES:
        raise ManifestError("{} is too large".format(path))
    with open(path, "rb") as stream:
        try:
            document = json.loads(stream.read().decode("utf-8"))
        except ValueError as error:
            raise ManifestError("{} is not JSON: {}".format(path, error)) from None
    if not isinstance(document, dict) or document.get("version") != 1:
        raise ManifestError("{} has another version than 1".format(path))
    try:
        return [_file(entry, item["target"]) for item in document["sets"] for entry in item["files"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError("{} is malformed: {!r}".format(path, error)) from None


def _file(entry: Any, target: str) -> WeightFile:
    name, sha256, size, urls = entry["path"], entry["sha256"], entry["size"], entry["urls"]
    parts = name.split("/")
    if not target.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise ValueError("path {!r} below {!r}".format(name, target))
    if not _SHA256.match(sha256) or not isinstance(size, int) or size < 0 or not urls:
        raise ValueError("file {!r}".format(name))
    return WeightFile(target.rstrip("/") + "/" + name, sha256, size, tuple(str(url) for url in urls))
