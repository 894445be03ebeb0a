"""Counts for `/metrics`."""

from typing import Dict

_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)


class Statistics:
    """What has happened since the server started."""

    def __init__(self) -> None:
        self.ended: Dict[str, int] = {"succeeded": 0, "failed": 0, "canceled": 0}
        self.answers: Dict[int, int] = {}
        self.durations = Histogram()
        self.waits = Histogram()
        self.restarts = 0
        self.setup_seconds = 0.0
        self.webhooks_lost = 0


class Histogram:
    """Seconds, counted by size."""

    bounds = _BOUNDS

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.count = 0
        self.total = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        for index, bound in enumerate(_BOUNDS):
            if value <= bound:
                self.counts[index] += 1
