"""Predictions that ended not long ago, for clients that ask again."""

import time
from collections import OrderedDict
from typing import Optional, Tuple

from .prediction import Prediction

_MOST = 128
_MOST_BYTES = 32 << 20


class EndedPredictions:
    """Keeps a bounded number of predictions for a bounded time; the oldest go first."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: "OrderedDict[str, Tuple[float, int, Prediction]]" = OrderedDict()
        self._bytes = 0

    def add(self, prediction: Prediction) -> None:
        self._remove(prediction.id)
        size = prediction.size
        if size <= _MOST_BYTES:
            self._kept[prediction.id] = (time.monotonic(), size, prediction)
            self._bytes += size
        while len(self._kept) > _MOST or self._bytes > _MOST_BYTES or self._is_old():
            self._remove(next(iter(self._kept)))

    def find(self, prediction_id: str) -> Optional[Prediction]:
        while self._is_old():
            self._remove(next(iter(self._kept)))
        kept = self._kept.get(prediction_id)
        return None if kept is None else kept[2]

    def _is_old(self) -> bool:
        first = next(iter(self._kept.values()), None)
        return first is not None and time.monotonic() - first[0] > self._seconds

    def _remove(self, prediction_id: str) -> None:
        kept = self._kept.pop(prediction_id, None)
        if kept is not None:
            self._bytes -= kept[1]
