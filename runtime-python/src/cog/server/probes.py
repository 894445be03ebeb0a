"""`/healthz`, `/readyz` and `/metrics`, for those who run many servers."""

import os
from typing import Iterator, List, Sequence, Tuple, Union

from .._version import DISTRIBUTION
from .service import Service
from .statistics import Histogram

METRICS_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_STATES = ("STARTING", "READY", "BUSY", "SETUP_FAILED", "DEFUNCT")

Sample = Tuple[str, Union[int, float]]


def is_alive(service: Service) -> bool:
    """False if only a new container can help."""
    return service.status not in ("SETUP_FAILED", "DEFUNCT")


async def is_ready(service: Service) -> bool:
    """Whether requests may be sent here. A server without a free place is ready: it says so by itself."""
    return service.accepts and await service.is_healthy()


def metrics_page(service: Service) -> bytes:
    """See https://prometheus.io/docs/instrumenting/exposition_formats/"""
    statistics = service.statistics
    lines: List[str] = []

    def add(name: str, kind: str, text: str, samples: Sequence[Sample]) -> None:
        lines.append("# HELP {} {}".format(name, text))
        lines.append("# TYPE {} {}".format(name, kind))
        lines.extend("{} {}".format(sample, _number(value)) for sample, value in samples)

    def one(name: str, kind: str, text: str, value: Union[int, float]) -> None:
        add(name, kind, text, [(name, value)])

    status = service.status
    states: List[Sample] = [('cog_state{{state="{}"}}'.format(state), int(state == status)) for state in _STATES]
    ended: List[Sample] = [
        ('cog_predictions_total{{status="{}"}}'.format(key), count) for key, count in statistics.ended.items()
    ]
    answers: List[Sample] = [
        ('cog_http_responses_total{{code="{}"}}'.format(code), count)
        for code, count in sorted(statistics.answers.items())
    ]
    add("cog_info", "gauge", "The version of the server.", [('cog_info{{version="{}"}}'.format(DISTRIBUTION), 1)])
    add("cog_state", "gauge", "1 for the state of /health-check, 0 for the others.", states)
    add("cog_predictions_total", "counter", "Predictions that ended.", ended)
    one("cog_predictions_running", "gauge", "Predictions that run.", service.running)
    one("cog_predictions_queued", "gauge", "Predictions that wait for a place.", service.waiting)
    one("cog_places", "gauge", "Predictions that may run at once.", service.places)
    duration = "Time that predictions took, without the time in the queue."
    add("cog_prediction_seconds", "histogram", duration, list(_samples("cog_prediction_seconds", statistics.durations)))
    queue = "Time for which predictions waited for a place."
    add("cog_queue_seconds", "histogram", queue, list(_samples("cog_queue_seconds", statistics.waits)))
    one("cog_setup_seconds", "gauge", "Time that the last setup took.", statistics.setup_seconds)
    one("cog_worker_restarts_total", "counter", "How often the worker was started again.", statistics.restarts)
    one("cog_webhooks_lost_total", "counter", "Events that no attempt could deliver.", statistics.webhooks_lost)
    add("cog_http_responses_total", "counter", "HTTP answers by status.", answers)
    one("process_resident_memory_bytes", "gauge", "Memory of the server process, without the worker.", _resident())
    return ("\n".join(lines) + "\n").encode("utf-8")


def _samples(name: str, histogram: Histogram) -> Iterator[Sample]:
    for bound, count in zip(histogram.bounds, histogram.counts):
        yield '{}_bucket{{le="{:g}"}}'.format(name, bound), count
    yield '{}_bucket{{le="+Inf"}}'.format(name), histogram.count
    yield name + "_sum", histogram.total
    yield name + "_count", histogram.count


def _number(value: Union[int, float]) -> str:
    return repr(value)


def _resident() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0
