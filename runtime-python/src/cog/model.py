"""`BaseModel`: a structured output, declared by annotations."""

from typing import Any, Dict, Tuple

_ABSENT: Any = object()


class BaseModel:
    """A record with the annotated attributes of the class.

    Subclasses become dataclasses. Attributes are given by keyword or in order; one without a value takes its default,
    or None where its type is `Optional`. `auto_dataclass=False` leaves a subclass alone.
    """

    def __init_subclass__(cls, auto_dataclass: bool = True, init: bool = True, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not auto_dataclass:
            return
        from dataclasses import dataclass

        for name, default in list(_own_defaults(cls).items()):
            setattr(cls, name, default)
        # dataclass() would refuse an attribute without a default after one with; __init__ below does not mind.
        dataclass(init=False, repr=True, eq=True)(cls)
        if init and "__init__" not in cls.__dict__:
            cls.__init__ = _init  # type: ignore[method-assign]

    def dict(self, **_: Any) -> Dict[str, Any]:
        """The attributes, nested models as dictionaries too."""
        return {name: _plain(getattr(self, name)) for name in _field_names(self)}

    model_dump = dict


def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    fields = self.__dataclass_fields__
    names = list(fields)
    if len(args) > len(names):
        raise TypeError("{} takes at most {} values, {} given".format(type(self).__name__, len(names), len(args)))
    given = dict(zip(names, args))
    for name, value in kwargs.items():
        if name in given:
            raise TypeError("{} got two values for {!r}".format(type(self).__name__, name))
        given[name] = value
    missing = []
    for name in names:
        value = given.pop(name, _ABSENT)
        if value is _ABSENT:
            value = _default_of(fields[name])
        if value is _ABSENT and _admits_none(type(self), name):
            value = None
        if value is _ABSENT:
            missing.append(name)
        else:
            setattr(self, name, value)
    if missing:
        raise TypeError("{} needs a value for {}".format(type(self).__name__, ", ".join(missing)))
    if given:
        raise TypeError("{} has no attribute {}".format(type(self).__name__, ", ".join(sorted(given))))


def _own_defaults(cls: type) -> Dict[str, Any]:
    """Defaults that dataclass() refuses or does not understand, replaced by factories."""
    from copy import deepcopy
    from dataclasses import field
    from functools import partial

    replaced: Dict[str, Any] = {}
    for name in cls.__dict__.get("__annotations__", None) or _annotations(cls):
        default = cls.__dict__.get(name, _ABSENT)
        if isinstance(default, (list, dict, set)):
            replaced[name] = field(default_factory=partial(deepcopy, default))
        elif type(default).__module__.split(".")[0] == "pydantic":
            factory = getattr(default, "default_factory", None)
            value = getattr(default, "default", ...)
            if factory is not None:
                replaced[name] = field(default_factory=factory)
            elif value is ... or type(value).__name__.startswith("PydanticUndefined"):
                replaced[name] = field()
            else:
                replaced[name] = field(default=value)
    return replaced


def _annotations(cls: type) -> Dict[str, Any]:
    """The class's own annotations where they are computed on demand (Python 3.14)."""
    import sys

    if sys.version_info < (3, 14):
        return {}
    import annotationlib  # type: ignore[import-not-found, unused-ignore]

    own: Dict[str, Any] = annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return own


def _default_of(field: Any) -> Any:
    from dataclasses import MISSING

    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    return _ABSENT


def _admits_none(cls: type, name: str) -> bool:
    from ._schema.hints import admits_none, resolved_hints

    return admits_none(resolved_hints(cls).get(name))


def _field_names(model: Any) -> Tuple[str, ...]:
    return tuple(getattr(model, "__dataclass_fields__", ()))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
