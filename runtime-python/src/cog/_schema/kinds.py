"""From an annotation to a type description.

The description (`spec`) is plain data, so that the server can make schema and validation from it without the model's
types. The converter turns valid JSON into what the model expects, and exists only in the worker.

    {"kind": "string" | "integer" | "number" | "boolean" | "any" | "opaque" | "path" | "file" | "secret" |
             "date" | "datetime" | "time"}
    {"kind": "list", "items": spec}            {"kind": "object", "values": spec or None}
    {"kind": "union", "members": [spec]}       {"kind": "enum", "name": str or None, "values": [..]}
    {"kind": "model", "name": str, "fields": [{"name", "spec", "required", "default"?}]}
    {"kind": "foreign", "name": str, "schema": JSON Schema, "definitions": {name: JSON Schema}}

Each may carry "nullable": True.
"""

import enum
import pathlib
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from ..model import BaseModel
from ..types import File, Opaque, Path, Secret, URLPath, _input_files
from .hints import (
    NONE_TYPE,
    admits_none,
    arguments_of,
    is_literal,
    origin_of,
    readable,
    resolved_hints,
    without_annotated,
    without_none,
)

Spec = Dict[str, Any]
# Takes JSON and the prediction's `InputFiles`.
Converter = Callable[[Any, Any], Any]

ALLOWED = (
    "str, int, float, bool, Path, File, Secret, Any, Enum, Literal, datetime, list, dict, dataclass, BaseModel, "
    "and Optional or Union of these"
)


class UnsupportedType(TypeError):
    """An annotation that cannot be an input. The message is its name."""


class InvalidInput(ValueError):
    """Input that only the author's own model could find wrong. `detail` is as in an answer with status 422."""

    def __init__(self, detail: List[Dict[str, Any]]) -> None:
        super().__init__("; ".join("{}: {}".format(".".join(map(str, item["loc"])), item["msg"]) for item in detail))
        self.detail = detail

    def below(self, *place: Any) -> "InvalidInput":
        """The same, with its locations below a place."""
        return InvalidInput([dict(item, loc=list(place) + item["loc"]) for item in self.detail])


class Kind:
    """A spec with its converter; no converter means that JSON's own value is what the model gets."""

    __slots__ = ("spec", "convert")

    def __init__(self, spec: Spec, convert: Optional[Converter] = None) -> None:
        self.spec = spec
        self.convert = convert


def kind_of(annotation: Any, lenient: bool = False, path: Tuple[Any, ...] = ()) -> Kind:
    """Describes a type. `lenient` is for outputs: what is not known is described as anything.

    Raises UnsupportedType. `path` holds the models being described, to stop at recursion.
    """
    annotation, metadata = without_annotated(annotation)
    if Opaque in metadata or any(isinstance(item, Opaque) for item in metadata):
        return Kind({"kind": "opaque"})
    annotation, nullable = without_none(annotation)
    kind = _kind_of_present(annotation, lenient, path)
    if not nullable:
        return kind
    spec = dict(kind.spec, nullable=True)
    if kind.convert is None:
        return Kind(spec)
    convert = kind.convert
    return Kind(spec, lambda value, files: None if value is None else convert(value, files))


def _kind_of_present(annotation: Any, lenient: bool, path: Tuple[Any, ...]) -> Kind:
    # From Python 3.11 on, Any is a class.
    if annotation is Any or annotation is None:
        return Kind({"kind": "any"} if annotation is Any else {"kind": "any", "nullable": True})
    origin = origin_of(annotation)
    if origin is None and isinstance(annotation, type):
        return _kind_of_class(annotation, lenient, path)
    if is_literal(annotation):
        return Kind({"kind": "enum", "name": None, "values": list(_literal_values(annotation))})
    if origin is Union:
        return _union(annotation, lenient, path)
    arguments = arguments_of(annotation)
    if origin in (list, set, frozenset, tuple) or _is_abstract(origin, "Sequence", "Iterable", "Collection", "Set"):
        return _list(origin, arguments, lenient, path)
    if origin is dict or _is_abstract(origin, "Mapping", "MutableMapping"):
        values = kind_of(arguments[1], lenient, path) if len(arguments) == 2 else None
        return _object(values)
    supertype = getattr(annotation, "__supertype__", None)
    if supertype is not None:
        return kind_of(supertype, lenient, path)
    if isinstance(origin, type):
        return _kind_of_class(origin, lenient, path)
    return _unknown(annotation, lenient)


def _kind_of_class(annotation: Any, lenient: bool, path: Tuple[Any, ...]) -> Kind:
    scalar = _SCALARS.get(annotation)
    if scalar is not None:
        return scalar
    if annotation is NONE_TYPE:
        return Kind({"kind": "any", "nullable": True})
    if issubclass(annotation, enum.Enum):
        return _enum(annotation)
    if _is_typed_dict(annotation):
        return _typed_dict(annotation, lenient, path)
    if annotation in (list, set, frozenset, tuple):
        return _list(annotation, (), lenient, path)
    if annotation is dict or issubclass(annotation, dict):
        return _object(None)
    if issubclass(annotation, URLPath) or issubclass(annotation, pathlib.PurePath):
        return _SCALARS[Path]
    if lenient and hasattr(annotation, "read"):
        return _SCALARS[File]
    foreign = _pydantic_model(annotation)
    if foreign is not None:
        return foreign
    if hasattr(annotation, "__dataclass_fields__"):
        return _dataclass(annotation, lenient, path)
    from ..coder import Coder

    coder = Coder.lookup(annotation)
    if coder is not None:
        decode = coder.decode
        return Kind({"kind": "opaque"}, lambda value, files: decode(value))
    derived = next((base for base in (str, bool, int, float) if issubclass(annotation, base)), None)
    if derived is not None and lenient:
        return _SCALARS[derived]
    return _unknown(annotation, lenient)


def _unknown(annotation: Any, lenient: bool) -> Kind:
    if lenient:
        return Kind({"kind": "any"})
    module = getattr(annotation, "__module__", "builtins") if isinstance(annotation, type) else "builtins"
    name = readable(annotation) if module == "builtins" else "{}.{}".format(module, readable(annotation))
    raise UnsupportedType(name)


def _literal_values(annotation: Any) -> List[Any]:
    values: List[Any] = []
    for value in annotation.__args__:
        values.extend(_literal_values(value) if is_literal(value) else [value])
    return values


def _union(annotation: Any, lenient: bool, path: Tuple[Any, ...]) -> Kind:
    kinds = [kind_of(member, lenient, path) for member in arguments_of(annotation)]
    spec: Spec = {"kind": "union", "members": [kind.spec for kind in kinds]}
    if all(kind.convert is None for kind in kinds):
        return Kind(spec)
    from .validate import accepts

    tests = [(accepts(kind.spec), kind.convert) for kind in kinds]

    def convert(value: Any, files: Any) -> Any:
        for test, member in tests:
            if test(value):
                return value if member is None else member(value, files)
        return value

    return Kind(spec, convert)


def _list(origin: Any, arguments: Tuple[Any, ...], lenient: bool, path: Tuple[Any, ...]) -> Kind:
    arguments = tuple(argument for argument in arguments if argument is not Ellipsis)
    if not arguments:
        items = Kind({"kind": "any"})
    elif len(arguments) == 1 or all(argument == arguments[0] for argument in arguments):
        items = kind_of(arguments[0], lenient, path)
    else:
        items = _union(Union[arguments], lenient, path)
    build = origin if origin in (set, frozenset, tuple) else None
    member = items.convert
    spec: Spec = {"kind": "list", "items": items.spec}
    if member is None and build is None:
        return Kind(spec)

    def convert(value: Any, files: Any) -> Any:
        converted = value if member is None else [member(item, files) for item in value]
        return converted if build is None else build(converted)

    return Kind(spec, convert)


def _object(values: Optional[Kind]) -> Kind:
    spec: Spec = {"kind": "object", "values": None if values is None else values.spec}
    member = None if values is None else values.convert
    if member is None:
        return Kind(spec)
    convert = member
    return Kind(spec, lambda value, files: {key: convert(item, files) for key, item in value.items()})


def _enum(annotation: Any) -> Kind:
    spec: Spec = {"kind": "enum", "name": annotation.__name__, "values": [member.value for member in annotation]}
    return Kind(spec, lambda value, files: annotation(value))


def _typed_dict(annotation: Any, lenient: bool, path: Tuple[Any, ...]) -> Kind:
    required = getattr(annotation, "__required_keys__", None)
    hints = resolved_hints(annotation)
    if required is None:
        required = hints if getattr(annotation, "__total__", True) else ()
    members = [(name, _without_requiredness(hint), name in required, ()) for name, hint in hints.items()]
    return _model(annotation, members, None, lenient, path)


def _without_requiredness(hint: Any) -> Any:
    """`NotRequired[X]` and `Required[X]` as X."""
    name = str(getattr(hint, "__origin__", ""))
    return hint.__args__[0] if name.endswith(("NotRequired", "Required", "ReadOnly")) else hint


def _dataclass(annotation: Any, lenient: bool, path: Tuple[Any, ...]) -> Kind:
    from dataclasses import MISSING

    hints = resolved_hints(annotation)
    members = []
    for name, field in annotation.__dataclass_fields__.items():
        if getattr(field._field_type, "name", "") == "_FIELD_CLASSVAR" or not field.init:
            continue
        hint = hints.get(name, Any)
        default: Tuple[Any, ...] = () if field.default is MISSING else (field.default,)
        optional = bool(default) or field.default_factory is not MISSING
        if issubclass(annotation, BaseModel):
            if field.default_factory is not MISSING:
                default = (field.default_factory(),)
            optional = optional or admits_none(hint)
        members.append((name, hint, not optional, default))
    return _model(annotation, members, annotation, lenient, path)


def _model(
    annotation: Any,
    members: List[Tuple[str, Any, bool, Tuple[Any, ...]]],
    construct: Optional[Callable[..., Any]],
    lenient: bool,
    path: Tuple[Any, ...],
) -> Kind:
    if annotation in path:
        return Kind({"kind": "opaque"})
    inner = path + (annotation,)
    fields: List[Spec] = []
    converters: Dict[str, Converter] = {}
    for name, hint, required, default in members:
        kind = kind_of(hint, lenient, inner)
        field: Spec = {"name": name, "spec": kind.spec, "required": required}
        if default and _is_json(default[0]):
            field["default"] = default[0]
        fields.append(field)
        if kind.convert is not None:
            converters[name] = kind.convert
    spec: Spec = {"kind": "model", "name": annotation.__name__, "fields": fields}
    if construct is None and not converters:
        return Kind(spec)

    def convert(value: Any, files: Any) -> Any:
        converted = {key: converters[key](item, files) if key in converters else item for key, item in value.items()}
        return converted if construct is None else construct(**converted)

    return Kind(spec, convert)


def _pydantic_model(annotation: Any) -> Optional[Kind]:
    """A model of whichever pydantic the author has, known by its methods; cog itself never imports pydantic."""
    if hasattr(annotation, "model_json_schema") and hasattr(annotation, "model_validate"):
        schema = annotation.model_json_schema(ref_template="#/components/schemas/{model}")
        definitions = schema.pop("$defs", {})
        validate = annotation.model_validate
    elif hasattr(annotation, "parse_obj") and hasattr(annotation, "schema") and hasattr(annotation, "__fields__"):
        schema = dict(annotation.schema(ref_template="#/components/schemas/{model}"))
        definitions = schema.pop("definitions", {})
        validate = annotation.parse_obj
    else:
        return None
    spec: Spec = {"kind": "foreign", "name": annotation.__name__, "schema": schema, "definitions": definitions}

    def convert(value: Any, files: Any) -> Any:
        token = _input_files.set(files)
        try:
            return validate(value)
        except ValueError as error:
            # Both versions' ValidationError is a ValueError with this method.
            errors = getattr(error, "errors", None)
            if errors is None:
                raise
            detail = [{"loc": list(item["loc"]), "msg": item["msg"], "type": item["type"]} for item in errors()]
        finally:
            _input_files.reset(token)
        raise InvalidInput(detail)

    return Kind(spec, convert)


def _is_typed_dict(annotation: Any) -> bool:
    return issubclass(annotation, dict) and hasattr(annotation, "__total__") and hasattr(annotation, "__annotations__")


def _is_abstract(origin: Any, *names: str) -> bool:
    return getattr(origin, "__module__", "") == "collections.abc" and origin.__name__ in names


def _is_json(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_json(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    return value is None or isinstance(value, (str, int, float, bool))


def _date(value: str, files: Any) -> Any:
    from datetime import date

    return date.fromisoformat(value)


def _datetime(value: str, files: Any) -> Any:
    from .validate import parse_datetime

    return parse_datetime(value)


def _time(value: str, files: Any) -> Any:
    from datetime import time

    return time.fromisoformat(value)


def _scalars() -> Dict[Any, Kind]:
    from datetime import date, datetime, time

    return {
        str: Kind({"kind": "string"}),
        bool: Kind({"kind": "boolean"}),
        int: Kind({"kind": "integer"}),
        float: Kind({"kind": "number"}),
        object: Kind({"kind": "any"}),
        Path: Kind({"kind": "path"}, lambda value, files: files.path(value)),
        File: Kind({"kind": "file"}, lambda value, files: files.file(value)),
        Secret: Kind({"kind": "secret"}, lambda value, files: Secret(value)),
        date: Kind({"kind": "date"}, _date),
        datetime: Kind({"kind": "datetime"}, _datetime),
        time: Kind({"kind": "time"}, _time),
    }


_SCALARS = _scalars()
