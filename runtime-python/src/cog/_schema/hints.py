"""Annotations as values, on every Python from 3.7 on."""

import sys
import types
import typing
from typing import Any, Dict, Tuple, Union

NONE_TYPE = type(None)


def resolved_hints(target: Any) -> Dict[str, Any]:
    """The annotations of a function or class with forward references resolved and `Annotated` kept.

    Raises NameError or TypeError where a reference cannot be resolved.
    """
    if sys.version_info < (3, 11) and isinstance(target, types.FunctionType):
        # There, a default of None would make the annotation Optional.
        annotations = target.__annotations__
        target = types.FunctionType(target.__code__, target.__globals__, target.__name__, None, target.__closure__)
        target.__annotations__ = annotations
    if sys.version_info >= (3, 9):
        return typing.get_type_hints(target, include_extras=True)
    return typing.get_type_hints(target)


def origin_of(annotation: Any) -> Any:
    """`list` for `List[int]` and `list[int]`, `Union` for `X | Y` and `Optional[X]`, None for a plain type."""
    origin = getattr(annotation, "__origin__", None)
    if origin is not None:
        return origin
    # `Union` is the name of the class from Python 3.14 on.
    if type(annotation).__name__ in ("UnionType", "Union"):
        return Union
    return None


def arguments_of(annotation: Any) -> Tuple[Any, ...]:
    """The parameters between the brackets; empty for `List` and `list`."""
    arguments: Tuple[Any, ...] = getattr(annotation, "__args__", None) or ()
    return tuple(argument for argument in arguments if not isinstance(argument, typing.TypeVar))


def without_annotated(annotation: Any) -> Tuple[Any, Tuple[Any, ...]]:
    """The type within `Annotated`, and its metadata."""
    metadata = getattr(annotation, "__metadata__", None)
    if metadata is None:
        return annotation, ()
    return annotation.__origin__, metadata


def without_none(annotation: Any) -> Tuple[Any, bool]:
    """`Optional[X]` as (X, True); other types as (X, False)."""
    if origin_of(annotation) is not Union:
        return annotation, False
    members = tuple(member for member in arguments_of(annotation) if member is not NONE_TYPE)
    if len(members) == len(arguments_of(annotation)):
        return annotation, False
    if len(members) == 1:
        return members[0], True
    return Union[members], True


def admits_none(annotation: Any) -> bool:
    annotation, _ = without_annotated(annotation)
    return annotation is Any or annotation is NONE_TYPE or without_none(annotation)[1]


def is_literal(annotation: Any) -> bool:
    origin = origin_of(annotation)
    return getattr(origin, "_name", None) == "Literal" or str(origin).endswith("typing.Literal")


def readable(annotation: Any) -> str:
    """A type as its author would write it."""
    if isinstance(annotation, type) and origin_of(annotation) is None:
        return annotation.__name__
    return str(annotation).replace("typing.", "").replace("typing_extensions.", "")
