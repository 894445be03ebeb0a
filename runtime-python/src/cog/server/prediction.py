"""One prediction as the server sees it, from request to answer."""

import asyncio
from typing import Any, Dict, List, Optional

from .clock import now
from .codec import dumps

TERMINAL = ("succeeded", "failed", "canceled")


class Prediction:
    """State of a prediction. JSON that the worker made is kept as bytes and put into answers as it is."""

    def __init__(self, number: int, prediction_id: str, shown_input: Dict[str, Any], created_at: Optional[str]) -> None:
        self.number = number
        self.id = prediction_id
        self.status = "starting"
        self.error: Optional[str] = None
        self.invalid: Optional[List[Dict[str, Any]]] = None
        self.created_at = created_at
        self.started_at = now()
        self.completed_at: Optional[str] = None
        self.metrics: Dict[str, Any] = {}
        self.cancel_requested = False
        self._input = dumps(shown_input)
        self._logs: List[str] = []
        self._output: Optional[bytes] = None
        self._pieces: Optional[List[bytes]] = None
        self._finished: "asyncio.Future[None]" = asyncio.get_event_loop().create_future()

    @property
    def done(self) -> bool:
        return self.status in TERMINAL

    async def wait(self) -> None:
        await asyncio.shield(self._finished)

    def add_log(self, text: str) -> None:
        self._logs.append(text)

    def add_piece(self, piece: bytes) -> None:
        if self._pieces is None:
            self._pieces = []
        self._pieces.append(piece)

    def finish(self, header: Dict[str, Any], output: bytes) -> None:
        """Ends the prediction as the worker's DONE frame says."""
        self.error = header.get("error")
        if header.get("pieces") and self._pieces is None and header["status"] == "succeeded":
            self._pieces = []
        if output:
            self._output = output
        self.metrics["predict_time"] = header["predict_time"]
        self._end(header["status"])

    def fail(self, error: str) -> None:
        """Ends the prediction for a reason outside of the model's code."""
        self.error = error
        self._end("failed")

    def body(self) -> bytes:
        """The prediction as JSON."""
        parts = [b'{"id":', dumps(self.id), b',"status":"', self.status.encode("ascii"), b'","input":', self._input]
        parts += [b',"output":', self._output_json(), b',"error":', dumps(self.error)]
        parts += [b',"logs":', dumps("".join(self._logs)), b',"metrics":', dumps(self.metrics)]
        if self.created_at is not None:
            parts += [b',"created_at":', dumps(self.created_at)]
        parts += [b',"started_at":', dumps(self.started_at)]
        if self.completed_at is not None:
            parts += [b',"completed_at":', dumps(self.completed_at)]
        parts.append(b"}")
        return b"".join(parts)

    def _output_json(self) -> bytes:
        if self._pieces is not None:
            return b"[" + b",".join(self._pieces) + b"]"
        return b"null" if self._output is None else self._output

    def _end(self, status: str) -> None:
        self.status = status
        self.completed_at = now()
        if not self._finished.done():
            self._finished.set_result(None)
