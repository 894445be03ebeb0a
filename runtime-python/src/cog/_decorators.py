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


def batched(*, max_size: int, max_wait_ms: float = 0) -> Callable[[F], F]:
    """Has predictions that come at about the same time share one call of the method.

    The method takes a list for each input and returns a list with an output for each prediction, in the same order; an
    exception in its place fails that prediction alone. Its annotations say so (`text: List[str]`, `-> List[str]`), while
    clients send and get single values. A call comes when `max_size` predictions are there, or when the first has waited
    for `max_wait_ms` milliseconds.
    """
    if isinstance(max_size, bool) or not isinstance(max_size, int):
        raise TypeError("max_size must be an integer, not {!r}".format(max_size))
    if max_size < 1:
        raise ValueError("max_size must be at least 1, not {}".format(max_size))
    if isinstance(max_wait_ms, bool) or not isinstance(max_wait_ms, (int, float)):
        raise TypeError("max_wait_ms must be a number, not {!r}".format(max_wait_ms))
    if not 0 <= max_wait_ms <= 60000:
        raise ValueError("max_wait_ms must be from 0 to 60000, not {}".format(max_wait_ms))

    def mark(target: F) -> F:
        from inspect import isasyncgenfunction, isgeneratorfunction

        if isgeneratorfunction(target) or isasyncgenfunction(target):
            name = getattr(target, "__qualname__", target)
            raise TypeError("@batched needs a method that returns a list; {} yields".format(name))
        target.__cog_batched__ = (max_size, max_wait_ms / 1000)  # type: ignore[attr-defined]
        return target

    return mark
