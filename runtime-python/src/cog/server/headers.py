"""Request headers that steer a prediction."""

import re
from typing import NamedTuple, Optional

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?\Z")


class Preference(NamedTuple):
    respond_async: bool
    wait: Optional[float]


def parse_prefer(text: Optional[str]) -> Preference:
    """The preferences `respond-async` and `wait=SECONDS`. https://www.rfc-editor.org/rfc/rfc7240"""
    respond_async = False
    wait: Optional[float] = None
    for item in (text or "").split(","):
        name, _, value = item.split(";", 1)[0].partition("=")
        name = name.strip().lower()
        value = value.strip().strip('"')
        if name == "respond-async":
            respond_async = True
        elif name == "wait" and value.isdigit():
            wait = float(value)
    return Preference(respond_async, wait)


def parse_cancel_after(text: Optional[str]) -> Optional[float]:
    """Seconds in a `Cancel-After` header: "90", "45s", "1m30s", "2h"; None if there is none or it is no duration."""
    if not text:
        return None
    match = _DURATION.match(text.strip().lower())
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (float(group) if group else 0.0 for group in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def accepts_events(text: Optional[str]) -> bool:
    return "text/event-stream" in (text or "").lower()
