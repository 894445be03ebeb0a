"""Decorators that say how a prediction method may be run."""

from typing import Any, Callable, Optional, TypeVar, Union, overload

F = TypeVar("F", bound=Callable[..., Any])


@overload
def streaming(function: F) -> F: ...


@overload
def streaming() -> Callable[[F], F]: ...


def streaming(function: Optional[F] = None) -> Union[F, Callable[[F], F]]:
    """Marks a method as meant for server-sent events. Every iterator may be streamed; the mark shows in the schema."""

    def mark(target: F) -> F:
        target.__cog_streaming__ = True  # type: ignore[attr-defined]
        return target

    return mark if function is None else mark(function)


@overload
def concurrent(function: F) -> F: ...


@overload
def concurrent(*, max: int) -> Callable[[F], F]: ...


def concurrent(function: Optional[F] = None, *, max: int = 1) -> Union[F, Callable[[F], F]]:
    """Allows up to `max` predictions at once. More than one needs an `async def` method."""
    if isinstance(max, bool) or not isinstance(max, int):
        raise TypeError("max must be an integer, not {!r}".format(max))
    if max < 1:
        raise ValueError("max must be at least 1, not {}".format(max))

    def mark(target: F) -> F:
        from inspect import isasyncgenfunction, iscoroutinefunction

        if max > 1 and not (iscoroutinefunction(target) or isasyncgenfunction(target)):
            raise TypeError(
                "@concurrent(max={}) needs an async method; {} is not async".format(
                    max, getattr(target, "__qualname__", target)
                )
            )
        target.__cog_concurrent__ = max  # type: ignore[attr-defined]
        return target

    return mark if function is None else mark(function)
