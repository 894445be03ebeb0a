"""What a prediction knows about itself: its context, and the metrics it records."""

import re
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterator, Mapping, MutableMapping, Optional

_LETTER = re.compile(r"[A-Za-z]")
_WORD = re.compile(r"[A-Za-z0-9_]+\Z")
_MODES = {"replace": "replace", "incr": "increment", "increment": "increment", "append": "append"}


class ExperimentalFeatureWarning(FutureWarning):
    """Kept for models that import it to silence it; nothing warns with it."""


class Metrics(MutableMapping[str, Any]):
    """The metrics of one prediction. A value keeps its type until its key is deleted."""

    def __init__(self) -> None:
        self._values: Dict[str, Any] = {}
        self._listener: Optional[Callable[[str, Any, str], None]] = None

    def record(self, key: str, value: Any, mode: str = "replace") -> None:
        """Sets a metric, adds to it (`incr`), or appends to a list (`append`).

        Raises ValueError for a name or mode that is not allowed and TypeError for a value of another type than before.
        """
        _check_name(key)
        if mode not in _MODES:
            raise ValueError("metric mode must be one of replace, incr, append; not {!r}".format(mode))
        before = self._values.get(key)
        mode = _MODES[mode]
        if mode == "increment":
            after = _incremented(key, before, value)
        elif mode == "append":
            if before is not None and not isinstance(before, list):
                raise TypeError("metric {!r} holds a {}; cannot append".format(key, type(before).__name__))
            after = (before or []) + [value]
        else:
            if before is not None and _kind(before) != _kind(value):
                raise TypeError(
                    "metric {!r} holds a {}, not a {}; delete it first to change its type".format(
                        key, _kind(before), _kind(value)
                    )
                )
            after = value
        self._values[key] = after
        if self._listener is not None:
            self._listener(key, value, mode)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if value is None:
            self._values.pop(key, None)
        else:
            self.record(key, value)

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def nested(self) -> Dict[str, Any]:
        """The metrics as the server reports them: a dotted name becomes an object within an object."""
        tree: Dict[str, Any] = {}
        for key, value in self._values.items():
            *parents, leaf = key.split(".")
            node = tree
            for parent in parents:
                child = node.get(parent)
                if not isinstance(child, dict):
                    child = node[parent] = {}
                node = child
            node[leaf] = value
        return tree


class Scope:
    """The prediction that the calling code belongs to. Outside of one, metrics go nowhere and the context is empty."""

    def __init__(self, context: Optional[Mapping[str, str]] = None, number: int = 0) -> None:
        self.metrics = Metrics()
        self.context: Dict[str, str] = dict(context or {})
        self._number = number
        self._finished = False

    def record_metric(self, key: str, value: Any, mode: str = "replace") -> None:
        """See `Metrics.record`."""
        self.metrics.record(key, value, mode)


_current: "ContextVar[Optional[Scope]]" = ContextVar("cog_scope", default=None)


def current_scope() -> Scope:
    """The scope of the running prediction; never None."""
    return _current.get() or Scope()


def emit_metric(name: str, value: Any) -> None:
    """Records a metric of the running prediction; the older spelling of `current_scope().record_metric`."""
    current_scope().record_metric(name, value)


def _check_name(key: str) -> None:
    if not isinstance(key, str):
        raise TypeError("a metric's name must be a string, not {}".format(type(key).__name__))
    problem = _name_problem(key)
    if problem is not None:
        raise ValueError("invalid metric name {!r}: {}".format(key, problem))


def _name_problem(key: str) -> Optional[str]:
    if not key:
        return "it must not be empty"
    if len(key) > 128:
        return "it must have at most 128 characters"
    if key == "predict_time":
        return "predict_time is reserved"
    if key == "cog" or key.startswith("cog."):
        return "names that begin with cog. are reserved"
    if key.startswith("."):
        return "it must not start with a dot"
    if key.endswith("."):
        return "it must not end with a dot"
    segments = key.split(".")
    if len(segments) > 4:
        return "it must have at most 4 dot-separated segments"
    for segment in segments:
        if not segment:
            return "it must not have empty segments"
        if not _LETTER.match(segment):
            return "each segment must start with a letter"
        if not _WORD.match(segment):
            return "a segment consists of letters, digits and underscores"
        if "__" in segment:
            return "it must not contain consecutive underscores"
        if segment.endswith("_"):
            return "each segment must end with a letter or digit"
    return None


def _incremented(key: str, before: Any, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("metric {!r} can only be incremented by a number, not {!r}".format(key, value))
    if before is None:
        return value
    if _kind(before) != "number":
        raise TypeError("metric {!r} holds a {}; cannot increment".format(key, _kind(before)))
    return before + value


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__
