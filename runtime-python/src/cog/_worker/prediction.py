"""What sync and async predictions have in common: from a PREDICT frame to frames of output and a final DONE."""

import json
from time import perf_counter
from typing import Any, Dict, List, Optional

from .. import _frames as frames
from .._schema.kinds import InvalidInput
from .._schema.request import Invalid, RequestReader
from .._schema.signature import Signature
from ..scope import Scope, _current
from . import streams
from .channel import Channel
from .encode import FileEncoder, OpenedPath, data_uri, encode_output
from .files import InputFiles, ReturnedFiles

_PART = 1 << 18


class Prediction:
    """One prediction in the worker."""

    def __init__(
        self, number: int, request: Dict[str, Any], channel: Channel, attribution: streams.Attribution
    ) -> None:
        self.number = number
        self.input: Dict[str, Any] = request["input"]
        self.scope = Scope(request.get("context"), number)
        self.scope.metrics._listener = self._on_metric
        self._channel = channel
        self._attribution = attribution
        self._started = perf_counter()
        self._in_pieces = False
        upload = request.get("upload")
        self.uploads = upload is not None
        self._encode_file: FileEncoder = data_uri
        if upload is not None:
            from .upload import FormUploader, Uploader

            headers = dict(upload["headers"], **{"X-Prediction-ID": upload["id"]})
            prefix = upload.get("prefix")
            self._encode_file = Uploader(upload["url"], headers) if prefix is None else FormUploader(prefix, headers)
        self.files = InputFiles()
        self._returned = ReturnedFiles()
        self.ended = False
        # Arguments made ahead of a batch.
        self.prepared: Dict[str, Any] = {}

    def begin(self) -> None:
        streams.inherit_context_in_pools()
        self._returned.begin()
        _current.set(self.scope)
        self._attribution.running[self.number] = self.scope
        self._started = perf_counter()

    def arguments(self, signature: Signature) -> Dict[str, Any]:
        return signature.arguments(self.input, self.files)

    def send_piece(self, value: Any) -> None:
        self._in_pieces = True
        self._channel.send(frames.OUTPUT, self.number, self.encode(value))

    def encode(self, value: Any) -> bytes:
        """Output as JSON. May upload files."""
        return encode_output(value, self._take_file)

    def _take_file(self, file: Any, name: str) -> str:
        encoded = self._encode_file(file, name)
        if isinstance(file, OpenedPath):
            self._returned.add(str(file.name))
        return encoded

    def expect_pieces(self) -> None:
        """Declares the output a list even if no item comes."""
        self._in_pieces = True

    def finish(
        self,
        status: str,
        output: bytes = b"",
        error: Optional[str] = None,
        invalid: Optional[List[Dict[str, Any]]] = None,
        keep_files: bool = False,
    ) -> None:
        """Ends the prediction. After this, nothing that it started may speak in its name."""
        self.ended = True
        elapsed = perf_counter() - self._started
        streams.flush_streams(self.number)
        self.scope._finished = True
        self._attribution.running.pop(self.number, None)
        _current.set(None)
        if not keep_files:
            self.files.remove()
        self._returned.remove()
        header: Dict[str, Any] = {"status": status, "predict_time": elapsed, "pieces": self._in_pieces}
        if error is not None:
            header["error"] = error
        if invalid is not None:
            header["invalid"] = invalid
        # The server passes a large output on part by part, without ever being busy for long.
        parts = memoryview(output)
        while len(parts) > _PART:
            self._channel.send(frames.PART, self.number, bytes(parts[:_PART]))
            parts = parts[_PART:]
        encoded = json.dumps(header, separators=(",", ":")).encode("ascii")
        self._channel.send(frames.DONE, self.number, frames.with_header(encoded, bytes(parts)))

    def fail(self, error: BaseException) -> None:
        from .main import describe, print_traceback

        if isinstance(error, InvalidInput):
            self.finish("failed", error=str(error), invalid=error.detail)
            return
        print_traceback(error)
        self.finish("failed", error=describe(error))

    def _on_metric(self, name: str, value: Any, mode: str) -> None:
        payload = {"name": name, "value": value, "mode": mode, "metrics": self.scope.metrics.nested()}
        self._channel.send(frames.METRIC, self.number, encode_output(payload, _no_file))


def read_prediction(
    kind: int, number: int, payload: bytes, channel: Channel, attribution: streams.Attribution, reader: RequestReader
) -> Optional[Prediction]:
    """The prediction of a PREDICT or PREDICT_RAW frame; None if its input is invalid, which the server then knows."""
    if kind == frames.PREDICT:
        return Prediction(number, json.loads(payload), channel, attribution)
    encoded, body = frames.split_header(payload)
    header = json.loads(encoded)
    try:
        request = reader.read(body, header["id_in_url"], header["noun"], header["form"])
    except Invalid as error:
        done = {"status": "failed", "predict_time": 0.0, "error": "invalid request", "invalid": error.detail}
        channel.send(frames.DONE, number, frames.with_header(json.dumps(done).encode("ascii"), b""))
        return None
    prediction_id = request.id or header["id"]
    accepted = {
        "id": prediction_id,
        "created_at": request.created_at,
        "webhook": request.webhook,
        "webhook_events": request.webhook_events,
    }
    channel.send(frames.ACCEPTED, number, json.dumps(accepted).encode("ascii"))
    upload = None
    if request.output_file_prefix:
        upload = {"prefix": request.output_file_prefix, "id": prediction_id, "headers": header["trace"]}
    elif header["upload_url"] is not None:
        upload = {"url": header["upload_url"], "id": prediction_id, "headers": header["trace"]}
    given = {"input": request.input, "context": request.context, "upload": upload}
    return Prediction(number, given, channel, attribution)


def _no_file(file: Any, name: str) -> str:
    raise TypeError("a metric cannot be a file")


def is_iterator(value: Any) -> bool:
    return hasattr(value, "__next__") and not hasattr(value, "read")
