"""Reading the signature of a prediction or training method."""

import inspect
from copy import deepcopy
from typing import Any, Callable, Dict, List, Optional

from ..input import UNSET, FieldInfo
from .hints import admits_none, arguments_of, is_literal, origin_of, readable, resolved_hints, without_annotated
from .kinds import ALLOWED, Converter, InvalidInput, Spec, UnsupportedType, kind_of

_ITERATORS = {
    "ConcatenateIterator": "concatenate",
    "AsyncConcatenateIterator": "concatenate",
    "Iterator": "iterate",
    "AsyncIterator": "iterate",
    "Generator": "iterate",
    "AsyncGenerator": "iterate",
}


class SignatureError(TypeError):
    """A signature that cannot be served. The message names file, line and parameter."""


class Signature:
    """What a method takes and gives.

    `fields`: plain data, one per parameter: name, spec, required, and where given default, description, ge, le,
    min_length, max_length, regex, choices, deprecated, accept. `output`: plain data: spec, and `iterator` ("iterate"
    or "concatenate") if the output comes in pieces of that spec.
    """

    def __init__(self, fields: List[Spec], output: Spec, converters: Dict[str, Converter]) -> None:
        self.fields = fields
        self.output = output
        # Whether arguments may have to be downloaded or decoded, which takes time.
        self.fetches = any(_has_file(field["spec"]) for field in fields)
        self._converters = converters
        self._defaults = {field["name"]: field["python_default"] for field in fields if "python_default" in field}
        for field in fields:
            field.pop("python_default", None)

    def arguments(self, given: Dict[str, Any], files: Any) -> Dict[str, Any]:
        """The keyword arguments for the method, from input that has been validated. Raises InvalidInput."""
        arguments: Dict[str, Any] = {}
        converters = self._converters
        for field in self.fields:
            name = field["name"]
            if field.get("variadic"):
                names = {other["name"] for other in self.fields if not other.get("variadic")}
                arguments.update((key, value) for key, value in given.items() if key not in names)
                continue
            if name in given:
                value = given[name]
            elif name in self._defaults:
                value = self._defaults[name]
                if isinstance(value, (list, dict, set)):
                    value = deepcopy(value)
                elif not isinstance(value, str):
                    arguments[name] = value
                    continue
            else:
                value = None
            convert = converters.get(name)
            try:
                arguments[name] = value if convert is None or value is None else convert(value, files)
            except InvalidInput as error:
                raise error.below("body", "input", name) from None
        return arguments


def read_signature(function: Callable[..., Any]) -> Signature:
    """Raises SignatureError for anything that cannot be served."""
    place = _Place(function)
    try:
        hints = resolved_hints(inspect.unwrap(getattr(function, "__func__", function)))
    except (NameError, TypeError, AttributeError) as error:
        raise place.error("an annotation cannot be resolved: {}".format(error)) from error
    fields: List[Spec] = []
    converters: Dict[str, Converter] = {}
    batched = hasattr(function, "__cog_batched__")
    if batched:
        hints = {name: _item_of_batch(name, annotation, place) for name, annotation in hints.items()}
    for parameter in inspect.signature(function).parameters.values():
        field, convert = _read_parameter(parameter, hints.get(parameter.name, UNSET), place)
        fields.append(field)
        if convert is not None:
            converters[parameter.name] = convert
    if "return" not in hints:
        raise place.type_error(
            "You must set an output type. If your model can return multiple output types, you can explicitly set `Any`."
        )
    return Signature(fields, _read_output(hints["return"]), converters)


def _item_of_batch(name: str, annotation: Any, place: "_Place") -> Any:
    """What one prediction gives or gets, from the list that a `@batched` method takes or returns."""
    bare, metadata = without_annotated(annotation)
    arguments = arguments_of(bare)
    if origin_of(bare) not in (list, List) or len(arguments) != 1:
        subject = "the return value" if name == "return" else "it"
        message = "{} must be a list with a type, such as List[str]: the method is @batched".format(subject)
        raise place.error(message, None if name == "return" else name)
    if not metadata:
        return arguments[0]
    from typing import Annotated  # type: ignore[attr-defined, unused-ignore]

    return Annotated[(arguments[0], *metadata)]  # type: ignore[misc, unused-ignore]


class _Place:
    """Where a function was written, for messages."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = getattr(function, "__qualname__", repr(function))
        code = getattr(inspect.unwrap(function), "__code__", None)
        self._at = "" if code is None else "{}:{}: ".format(code.co_filename, code.co_firstlineno)

    def type_error(self, message: str) -> SignatureError:
        """In the words that Cog has for it."""
        return SignatureError("{}{}: TypeError: {}".format(self._at, self._name, message))

    def error(self, message: str, parameter: Optional[str] = None) -> SignatureError:
        subject = self._name if parameter is None else "{}, parameter {!r}".format(self._name, parameter)
        return SignatureError("{}{}: {}".format(self._at, subject, message))


def _read_parameter(parameter: inspect.Parameter, annotation: Any, place: _Place) -> Any:
    name = parameter.name
    if parameter.kind is parameter.VAR_KEYWORD:
        # It takes whatever input has no parameter of its own.
        return {"name": name, "spec": {"kind": "any", "nullable": True}, "required": False, "variadic": True}, None
    if parameter.kind is parameter.VAR_POSITIONAL:
        raise place.type_error("Unsupported variadic positional parameter *{}.".format(name))
    if parameter.kind is getattr(inspect.Parameter, "POSITIONAL_ONLY", None):
        raise place.error("an input cannot be positional-only", name)
    if annotation is UNSET:
        raise place.type_error(
            "No input type provided for parameter `{}`. Supported input types are: {}.".format(name, ALLOWED)
        )
    info = _info_of(parameter.default)
    bare, metadata = without_annotated(annotation)
    for item in metadata:
        if isinstance(item, FieldInfo):
            info = _merged(item, info)
    try:
        kind = kind_of(annotation)
    except UnsupportedType as error:
        message = "Unsupported input type {} for parameter `{}`. Supported input types are: {}."
        raise place.type_error(message.format(error, name, ALLOWED)) from error
    except (NameError, TypeError) as error:
        raise place.error("{} cannot be used: {}".format(readable(annotation), error), name) from error
    spec, convert = _with_choices(name, kind.spec, kind.convert, info, place)
    field: Spec = {"name": name, "spec": spec, "required": info.default is UNSET and not admits_none(annotation)}
    if bare is Any and info.default is UNSET:
        field["required"] = True
    if info.default is not UNSET:
        default = _plain_default(info.default)
        field["python_default"] = info.default
        if default is None and not spec.get("nullable"):
            # Before pydantic 2 a default of None made any type optional, and models rely on it.
            field["spec"] = dict(spec, nullable=True)
            field["implicitly_nullable"] = True
        if default is not None:
            field["default"] = default
    _add_constraints(field, info, place)
    return field, convert


def _info_of(default: Any) -> FieldInfo:
    if default is inspect.Parameter.empty:
        return FieldInfo()
    if isinstance(default, FieldInfo):
        return default
    return FieldInfo(default=default)


def _merged(annotated: FieldInfo, given: FieldInfo) -> FieldInfo:
    merged = FieldInfo(**{slot: getattr(annotated, slot) for slot in FieldInfo.__slots__})
    if given.default is not UNSET:
        merged.default = given.default
    return merged


def _plain_default(value: Any) -> Any:
    """A default as JSON, or None where it has no JSON form."""
    import enum
    import os

    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "get_secret_value"):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain_default(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain_default(item) for key, item in value.items()}
    return value if isinstance(value, (str, int, float, bool)) else None


def _with_choices(name: str, spec: Spec, convert: Any, info: FieldInfo, place: _Place) -> Any:
    if spec["kind"] == "enum" and spec["name"] is None:
        # A Literal, shown as an enumeration with the parameter's name, as `choices` is.
        return dict(spec, name=name), convert
    if info.choices is None:
        return spec, convert
    choices = info.choices
    target = spec["items"] if spec["kind"] == "list" else spec
    if target["kind"] not in ("string", "integer", "number"):
        raise place.error("`choices` goes with str, int and float only", name)
    types = {"string": str, "integer": int, "number": (int, float)}[target["kind"]]
    if not choices:
        raise place.error("`choices` is empty", name)
    for choice in choices:
        if isinstance(choice, bool) or not isinstance(choice, types):  # type: ignore[arg-type]
            raise place.error("the choice {!r} is not a {}".format(choice, target["kind"]), name)
    if info.default is not UNSET and info.default is not None:
        defaults = info.default if spec["kind"] == "list" and isinstance(info.default, list) else [info.default]
        for default in defaults:
            if _plain_default(default) not in choices:
                raise place.error("the default {!r} is not among the choices".format(default), name)
    enum: Spec = {"kind": "enum", "name": name, "values": choices}
    if spec["kind"] == "list":
        enum = {"kind": "list", "items": enum}
    if spec.get("nullable"):
        enum["nullable"] = True
    return enum, convert


def _add_constraints(field: Spec, info: FieldInfo, place: _Place) -> None:
    name = field["name"]
    spec = field["spec"]
    kinds = {spec["kind"], spec["items"]["kind"] if spec["kind"] == "list" else spec["kind"]}
    if (info.ge is not None or info.le is not None) and not kinds & {"integer", "number", "enum"}:
        raise place.error("`ge` and `le` go with int and float only", name)
    texts = (info.min_length, info.max_length, info.regex)
    if any(value is not None for value in texts) and not kinds & {"string", "enum", "secret"}:
        raise place.error("`min_length`, `max_length` and `regex` go with str only", name)
    if info.regex is not None:
        import re

        try:
            re.compile(info.regex)
        except re.error as error:
            raise place.error("`regex` is not a regular expression: {}".format(error), name) from error
    if info.accept is not None and not kinds & {"path", "file"}:
        raise place.error("`accept` goes with Path and File only", name)
    for key in ("description", "ge", "le", "min_length", "max_length", "regex", "deprecated", "accept"):
        value = getattr(info, key)
        if value is not None:
            field[key] = value


def _has_file(spec: Any) -> bool:
    if isinstance(spec, dict):
        return spec.get("kind") in ("path", "file", "foreign") or any(_has_file(value) for value in spec.values())
    return isinstance(spec, list) and any(_has_file(item) for item in spec)


def _read_output(annotation: Any) -> Spec:
    bare, _ = without_annotated(annotation)
    name = _iterator_name(bare)
    if name is None:
        return {"spec": kind_of(annotation, lenient=True).spec, "iterator": None}
    arguments = arguments_of(bare)
    item: Spec = kind_of(arguments[0], lenient=True).spec if arguments else {"kind": "any"}
    return {"spec": item, "iterator": _ITERATORS[name]}


def _iterator_name(annotation: Any) -> Optional[str]:
    origin = origin_of(annotation) or annotation
    if is_literal(annotation) or not isinstance(origin, type):
        return None
    module = getattr(origin, "__module__", "")
    name = origin.__name__
    if name in _ITERATORS and (module == "collections.abc" or module == "cog.types"):
        return name
    return None
