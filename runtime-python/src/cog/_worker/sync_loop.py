"""Predictions of a model that is not async: one at a time, on the main thread."""

from typing import Any

from ..exceptions import CancelationException
from .cancelation import Cancelation
from .channel import Channel, Reader
from .prediction import Prediction, is_iterator, read_prediction
from .streams import Attribution


def serve_sync(
    model: Any, reader: Reader, channel: Channel, attribution: Attribution, cancelation: Cancelation
) -> None:
    """Returns when the server closes the socket."""
    while True:
        frame = reader.read()
        if frame is None:
            return
        prediction = read_prediction(*frame, channel, attribution, model.requests)
        del frame
        if prediction is not None:
            _run(model, prediction, cancelation)


def _run(model: Any, prediction: Prediction, cancelation: Cancelation) -> None:
    prediction.begin()
    try:
        try:
            cancelation.arm(prediction.number)
            output = _predict(model, prediction)
        finally:
            cancelation.disarm()
    except CancelationException:
        cancelation.disarm()
        prediction.finish("canceled")
    except BaseException as error:  # noqa: B902  sys.exit() in a prediction fails that prediction, not the model
        prediction.fail(error)
    else:
        prediction.finish("succeeded", output)


def _predict(model: Any, prediction: Prediction) -> bytes:
    """Runs the method; returns the output unless it went out in pieces."""
    output = model.method(**prediction.arguments(model.signature))
    if not is_iterator(output):
        return prediction.encode(output)
    prediction.expect_pieces()
    try:
        for item in output:
            prediction.send_piece(item)
    finally:
        close = getattr(output, "close", None)
        if close is not None:
            close()
    return b""
