"""`Input(...)`: what a parameter of `predict` accepts, beyond its type."""

from typing import Any, Iterable, List, Optional


class _Unset:
    """Marks a default that was not given, which is not the same as a default of None."""

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Any = _Unset()


class FieldInfo:
    """The arguments of one `Input(...)` call."""

    __slots__ = (
        "default",
        "description",
        "ge",
        "le",
        "min_length",
        "max_length",
        "regex",
        "choices",
        "deprecated",
        "accept",
    )

    def __init__(
        self,
        default: Any = UNSET,
        description: Optional[str] = None,
        ge: Optional[float] = None,
        le: Optional[float] = None,
        min_length: Optional[int] = None,
        max_length: Optional[int] = None,
        regex: Optional[str] = None,
        choices: Optional[List[Any]] = None,
        deprecated: Optional[bool] = None,
        accept: Optional[str] = None,
    ) -> None:
        self.default = default
        self.description = description
        self.ge = ge
        self.le = le
        self.min_length = min_length
        self.max_length = max_length
        self.regex = regex
        self.choices = choices
        self.deprecated = deprecated
        self.accept = accept

    def __repr__(self) -> str:
        shown = ("{}={!r}".format(name, getattr(self, name)) for name in self.__slots__)
        return "Input({})".format(", ".join(shown))


def Input(
    default: Any = UNSET,
    description: Optional[str] = None,
    ge: Optional[float] = None,
    le: Optional[float] = None,
    min_length: Optional[int] = None,
    max_length: Optional[int] = None,
    regex: Optional[str] = None,
    choices: Optional[Iterable[Any]] = None,
    deprecated: Optional[bool] = None,
    accept: Optional[str] = None,
) -> Any:
    """Describes a parameter of `predict`, `run` or `train`; used as the parameter's default value.

    Without a default the parameter is required, unless its type admits None. A default of None makes it optional.
    `ge` and `le` apply to numbers, `min_length`, `max_length` and `regex` to strings, `choices` to strings and
    integers, `accept` (MIME types or file extensions, a hint for user interfaces) to files.
    """
    if default is ...:
        default = UNSET
    return FieldInfo(
        default=default,
        description=description,
        ge=ge,
        le=le,
        min_length=min_length,
        max_length=max_length,
        regex=regex,
        choices=None if choices is None else list(choices),
        deprecated=deprecated,
        accept=accept,
    )
