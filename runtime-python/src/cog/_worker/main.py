"""The worker process: imports the model, runs `setup()`, then predictions until the server says stop or goes away."""

import inspect
import json
import os
import signal
import socket
import sys
import threading
import traceback
from typing import Any, Callable, Dict, Optional, Tuple

from .. import _frames as frames
from .._schema.openapi import openapi_document
from .._schema.request import RequestReader
from .._schema.signature import Signature, SignatureError, read_signature
from . import fetched, loader, streams
from .cancelation import Cancelation
from .channel import Channel, Reader
from .files import await_file_clock
from .healthcheck import Healthcheck


class Model:
    """A model that has been imported: its method, and what can be said about it before `setup()`."""

    def __init__(self, reference: str, mode: str) -> None:
        self.instance = loader.load_model(reference)
        self.method = loader.prediction_method(self.instance, mode)
        self.signature: Signature = read_signature(self.method)
        self.requests = RequestReader(self.signature.fields, json.loads)
        self.is_async = inspect.iscoroutinefunction(self.method) or inspect.isasyncgenfunction(self.method)
        self.setup = loader.setup_method(self.instance)
        self.healthcheck: Optional[Callable[[], Any]] = getattr(self.instance, "healthcheck", None)
        self.streaming = bool(getattr(self.method, "__cog_streaming__", False))
        # The most predictions in one call, and for how many seconds the first waits for others; or None.
        self.batched: Optional[Tuple[int, float]] = getattr(self.method, "__cog_batched__", None)
        self.mode = mode
        self.concurrency = self._concurrency()

    def _concurrency(self) -> int:
        given = os.environ.get("COG_MAX_CONCURRENCY", "")
        if given.strip():
            if not given.strip().isdigit() or int(given) < 1:
                raise loader.ModelError("COG_MAX_CONCURRENCY is {!r}, not a positive number".format(given))
            wanted = int(given)
        else:
            wanted = getattr(self.method, "__cog_concurrent__", self.batched[0] if self.batched else 1)
        if wanted > 1 and not self.is_async and self.batched is None:
            if self.mode == "train":
                # The number is that of the project's predictions.
                return 1
            raise loader.ModelError(
                "{} predictions at once need an async method; {}() is not async".format(wanted, self.method.__name__)
            )
        return wanted

    def description(self) -> bytes:
        """The payload of the SCHEMA frame."""
        document = openapi_document(self.signature, self.mode, self.streaming)
        return _json(
            {
                "openapi": document,
                "fields": self.signature.fields,
                "concurrency": self.concurrency,
                "streaming": self.streaming,
                "method": self.method.__name__,
                "healthcheck": callable(self.healthcheck),
            }
        )


def main() -> None:
    """Started by the server, with the mode, the model's reference and the three descriptors as arguments."""
    mode, reference, data_descriptor, control_descriptor, counts_descriptor = sys.argv[1:6]
    data = socket.socket(fileno=int(data_descriptor))
    control = socket.socket(fileno=int(control_descriptor))
    sys.argv[:] = ["cog"]
    cancelation = Cancelation()
    cancelation.install()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(data, cancelation)
    attribution = streams.Attribution()
    streams.install(channel, attribution, int(counts_descriptor))
    sys.path.insert(0, os.getcwd())

    listener = _ControlListener(control, cancelation)
    listener.start()
    model = _set_up(reference, mode, channel, listener)
    if model is None:
        fetched.forget_fetches()
        os._exit(1)
    attribution.setting_up = False
    reader = Reader(data)
    if model.is_async:
        from .async_loop import serve_async

        serve_async(model, reader, channel, attribution, listener)
    elif model.batched is not None:
        from .batches import serve_batches

        serve_batches(model, reader, channel, attribution, cancelation, listener)
    else:
        from .sync_loop import serve_sync

        serve_sync(model, reader, channel, attribution, cancelation)
    _leave()


def _set_up(reference: str, mode: str, channel: Channel, listener: "_ControlListener") -> Optional[Model]:
    """Imports the model and runs `setup()`; None if either failed, which the server then knows."""
    error: Optional[BaseException] = None
    model: Optional[Model] = None
    try:
        _fetch_weights()
        fetched.answer_fetches()
        model = Model(reference, mode)
        channel.send(frames.SCHEMA, 0, model.description())
        streams.inherit_context_in_pools()
        _run_setup(model)
        await_file_clock()
        if callable(model.healthcheck):
            listener.healthcheck = Healthcheck(model.healthcheck, channel)
    except (loader.ModelError, SignatureError) as failure:
        error = failure
        print(failure, file=sys.stderr)
    except BaseException as failure:  # noqa: B902  sys.exit() in setup() is a failed setup, too
        error = failure
        print_traceback(failure)
    streams.flush_streams(streams.SETUP)
    sys.stdout.flush()
    sys.stderr.flush()
    if error is None:
        channel.send(frames.SETUP, 0, _json({"status": "succeeded"}))
        return model
    channel.send(frames.SETUP, 0, _json({"status": "failed", "error": describe(error)}))
    return None


def _fetch_weights() -> None:
    """What the image names and does not carry is there before the model is imported."""
    if not os.path.exists(os.environ.get("COG_WEIGHTS_MANIFEST") or "/usr/local/share/cogplan/weights.json"):
        return
    from .._weights import download, manifest, present

    try:
        present.ensure()
    except (download.DownloadError, manifest.ManifestError) as error:
        raise loader.ModelError("weights: {}".format(error)) from None


def _run_setup(model: Model) -> None:
    setup = model.setup
    is_async = inspect.iscoroutinefunction(setup)
    if model.is_async or is_async:
        from .async_loop import new_event_loop

        loop = new_event_loop()
        if setup is not None and is_async:
            loop.run_until_complete(setup(**loader.setup_arguments(setup)))
            return
    if setup is not None:
        setup(**loader.setup_arguments(setup))


def describe(error: BaseException) -> str:
    """An exception as the text of a prediction's `error`."""
    if isinstance(error, SystemExit):
        return "SystemExit: the model called sys.exit({})".format("" if error.code is None else error.code)
    return str(error) or type(error).__name__


def print_traceback(error: BaseException) -> None:
    """Prints a traceback that begins with the model's own code; none if no code of the model was involved."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    frame = error.__traceback__
    while frame is not None and _is_internal(frame.tb_frame.f_code.co_filename, own):
        frame = frame.tb_next
    if frame is None and error.__context__ is None:
        sys.stderr.write("".join(traceback.format_exception_only(type(error), error)))
    else:
        traceback.print_exception(type(error), error, frame)


def _is_internal(filename: str, own: str) -> bool:
    return filename.startswith((own, "<frozen importlib")) or filename == "<string>"


class _ControlListener(threading.Thread):
    """Obeys the server's commands while the main thread runs the model."""

    def __init__(self, control: socket.socket, cancelation: Cancelation) -> None:
        super().__init__(name="cog-control", daemon=True)
        self._reader = Reader(control)
        self.cancel: Callable[[int], None] = cancelation.request
        self.healthcheck: Optional[Healthcheck] = None

    def run(self) -> None:
        while True:
            frame = self._reader.read()
            if frame is None:
                # The server is gone, and nobody else would end the model's own children.
                os.killpg(0, signal.SIGKILL)
                return
            kind, number, _ = frame
            if kind == frames.CANCEL:
                self.cancel(number)
            elif kind == frames.HEALTHCHECK and self.healthcheck is not None:
                self.healthcheck.start()


def _leave() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    import atexit

    atexit._run_exitfuncs()
    os._exit(0)


def _json(value: Dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
