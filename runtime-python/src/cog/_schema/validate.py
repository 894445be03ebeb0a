"""Validation of inputs from type descriptions (`kinds`), with error bodies as Cog's servers give them.

A check takes a value, its location and the list of errors; it returns the value, coerced where Cog's servers coerced
it (`"3"` for an integer, `3` for a string), and appends to the errors instead of raising.
"""

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

Spec = Dict[str, Any]
Error = Dict[str, Any]
Location = Tuple[Any, ...]
Check = Callable[[Any, Location, List[Error]], Any]

URL_SCHEMES = ("http://", "https://", "data:")
_TRUE = frozenset(("true", "1", "on", "t", "y", "yes"))
_FALSE = frozenset(("false", "0", "off", "f", "n", "no"))
_INTEGER = re.compile(r"[ \t\r\n]*[+-]?\d{1,4300}[ \t\r\n]*\Z")


def compile_input(fields: List[Spec]) -> Callable[[Any], Tuple[Dict[str, Any], List[Error]]]:
    """A function from the request's `input` to (valid input with defaults left out, errors).

    `fields` are those of `signature.Signature.fields`. Names that are no field are dropped, unless one is variadic.
    """
    takes_others = any(field.get("variadic") for field in fields)
    fields = [field for field in fields if not field.get("variadic")]
    plan = [(field["name"], _check_of_field(field), field["required"]) for field in fields]
    names = {field["name"] for field in fields}

    def validate(given: Any) -> Tuple[Dict[str, Any], List[Error]]:
        if given is None:
            given = {}
        errors: List[Error] = []
        if not isinstance(given, dict):
            return {}, [_error(("body", "input"), "value is not a valid dict", "type_error.dict")]
        accepted: Dict[str, Any] = {}
        for name, check, required in plan:
            if name in given:
                accepted[name] = check(given[name], ("body", "input", name), errors)
            elif required:
                errors.append(_error(("body", "input", name), "Field required", "value_error.missing"))
        if takes_others:
            accepted.update((name, value) for name, value in given.items() if name not in names)
        return accepted, errors

    return validate


def accepts(spec: Spec) -> Callable[[Any], bool]:
    """Whether a value is of this type as it stands, without coercion."""
    check = _strict(_check_of(spec))

    def test(value: Any) -> bool:
        return check(value) is not None

    return test


def parse_datetime(text: str) -> Any:
    from datetime import datetime

    # fromisoformat reads a trailing Z only from Python 3.11 on.
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)


def _error(loc: Location, msg: str, kind: str, ctx: Optional[Dict[str, Any]] = None) -> Error:
    error: Error = {"loc": list(loc), "msg": msg, "type": kind}
    if ctx is not None:
        error["ctx"] = ctx
    return error


def _check_of_field(field: Spec) -> Check:
    check = _check_of(field["spec"])
    bounds = [
        bound
        for bound in (
            _number_bound(field.get("ge"), "not_ge", "greater than or equal to", lambda value, limit: value >= limit),
            _number_bound(field.get("le"), "not_le", "less than or equal to", lambda value, limit: value <= limit),
            _length_bound(field.get("min_length"), "min_length", "at least", lambda size, limit: size >= limit),
            _length_bound(field.get("max_length"), "max_length", "at most", lambda size, limit: size <= limit),
            _pattern_bound(field.get("regex")),
            _choice_bound(field.get("choices")),
        )
        if bound is not None
    ]
    if not bounds:
        return check

    def bounded(value: Any, loc: Location, errors: List[Error]) -> Any:
        before = len(errors)
        value = check(value, loc, errors)
        if len(errors) == before and value is not None:
            for bound in bounds:
                for item in value if isinstance(value, list) else (value,):
                    bound(item, loc, errors)
        return value

    return bounded


Bound = Callable[[Any, Location, List[Error]], None]


def _number_bound(limit: Any, kind: str, words: str, holds: Callable[[Any, Any], bool]) -> Optional[Bound]:
    if limit is None:
        return None

    def check(value: Any, loc: Location, errors: List[Error]) -> None:
        if isinstance(value, (int, float)) and not holds(value, limit):
            message = "ensure this value is {} {}".format(words, limit)
            errors.append(_error(loc, message, "value_error.number." + kind, {"limit_value": limit}))

    return check


def _length_bound(limit: Any, kind: str, words: str, holds: Callable[[int, int], bool]) -> Optional[Bound]:
    if limit is None:
        return None

    def check(value: Any, loc: Location, errors: List[Error]) -> None:
        if isinstance(value, str) and not holds(len(value), limit):
            message = "ensure this value has {} {} characters".format(words, limit)
            errors.append(_error(loc, message, "value_error.any_str." + kind, {"limit_value": limit}))

    return check


def _pattern_bound(pattern: Optional[str]) -> Optional[Bound]:
    if pattern is None:
        return None
    search = re.compile(pattern).search

    def check(value: Any, loc: Location, errors: List[Error]) -> None:
        if isinstance(value, str) and search(value) is None:
            message = 'string does not match regex "{}"'.format(pattern)
            errors.append(_error(loc, message, "value_error.str.regex", {"pattern": pattern}))

    return check


def _choice_bound(choices: Optional[List[Any]]) -> Optional[Bound]:
    if choices is None:
        return None

    def check(value: Any, loc: Location, errors: List[Error]) -> None:
        if value not in choices:
            _not_a_choice(choices, loc, errors)

    return check


def _not_a_choice(choices: List[Any], loc: Location, errors: List[Error]) -> None:
    permitted = ", ".join(repr(choice) for choice in choices)
    message = "value is not a valid enumeration member; permitted: {}".format(permitted)
    errors.append(_error(loc, message, "type_error.enum", {"enum_values": list(choices)}))


def _check_of(spec: Spec) -> Check:
    check = _check_of_present(spec)
    if spec["kind"] == "any":
        return check
    nullable = bool(spec.get("nullable"))

    def with_none(value: Any, loc: Location, errors: List[Error]) -> Any:
        if value is not None:
            return check(value, loc, errors)
        if not nullable:
            errors.append(_error(loc, "none is not an allowed value", "type_error.none.not_allowed"))
        return None

    return with_none


def _check_of_present(spec: Spec) -> Check:
    kind = spec["kind"]
    simple = _SIMPLE.get(kind)
    if simple is not None:
        return simple
    if kind == "list":
        return _list(_check_of(spec["items"]))
    if kind == "object":
        return _object(None if spec["values"] is None else _check_of(spec["values"]))
    if kind == "union":
        return _union([_check_of(member) for member in spec["members"]])
    if kind == "enum":
        return _enum(spec["values"])
    if kind == "model":
        return _model(spec["fields"])
    raise AssertionError("unknown kind {!r}".format(kind))


def _any(value: Any, loc: Location, errors: List[Error]) -> Any:
    return value


def _string(value: Any, loc: Location, errors: List[Error]) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    errors.append(_error(loc, "str type expected", "type_error.str"))
    return value


def _integer(value: Any, loc: Location, errors: List[Error]) -> Any:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _INTEGER.match(value):
        return int(value)
    errors.append(_error(loc, "value is not a valid integer", "type_error.integer"))
    return value


def _number(value: Any, loc: Location, errors: List[Error]) -> Any:
    try:
        if isinstance(value, (int, float, str)):
            return float(value)
    except (ValueError, OverflowError):
        pass
    errors.append(_error(loc, "value is not a valid float", "type_error.float"))
    return value


def _boolean(value: Any, loc: Location, errors: List[Error]) -> Any:
    if isinstance(value, bool):
        return value
    word = str(int(value)) if isinstance(value, (int, float)) and value in (0, 1) else value
    if isinstance(word, str):
        if word.lower() in _TRUE:
            return True
        if word.lower() in _FALSE:
            return False
    errors.append(_error(loc, "value could not be parsed to a boolean", "type_error.bool"))
    return value


def _url(value: Any, loc: Location, errors: List[Error]) -> Any:
    if not isinstance(value, str):
        errors.append(_error(loc, "str type expected", "type_error.str"))
    elif not value[:8].lower().startswith(URL_SCHEMES):
        scheme = value.split(":", 1)[0] if ":" in value[:32] else ""
        message = "'{}' is not a valid URL scheme. 'data', 'http', or 'https' is supported.".format(scheme)
        errors.append(_error(loc, message, "value_error"))
    return value


def _plain_string(value: Any, loc: Location, errors: List[Error]) -> Any:
    if not isinstance(value, str):
        errors.append(_error(loc, "str type expected", "type_error.str"))
    return value


def _parsed(parse: Callable[[str], Any], words: str, kind: str) -> Check:
    def check(value: Any, loc: Location, errors: List[Error]) -> Any:
        try:
            if isinstance(value, str):
                parse(value)
                return value
        except ValueError:
            pass
        errors.append(_error(loc, "invalid {} format".format(words), "value_error." + kind))
        return value

    return check


def _parse_date(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


def _parse_time(text: str) -> Any:
    from datetime import time

    return time.fromisoformat(text)


def _mapping(value: Any, loc: Location, errors: List[Error]) -> Any:
    if not isinstance(value, dict):
        errors.append(_error(loc, "value is not a valid dict", "type_error.dict"))
    return value


_SIMPLE: Dict[str, Check] = {
    "any": _any,
    "opaque": _any,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "path": _url,
    "file": _url,
    "secret": _plain_string,
    "foreign": _mapping,
    "date": _parsed(_parse_date, "date", "date"),
    "datetime": _parsed(parse_datetime, "datetime", "datetime"),
    "time": _parsed(_parse_time, "time", "time"),
}


def _list(item_check: Check) -> Check:
    def check(value: Any, loc: Location, errors: List[Error]) -> Any:
        if not isinstance(value, list):
            errors.append(_error(loc, "value is not a valid list", "type_error.list"))
            return value
        return [item_check(item, loc + (index,), errors) for index, item in enumerate(value)]

    return check


def _object(value_check: Optional[Check]) -> Check:
    def check(value: Any, loc: Location, errors: List[Error]) -> Any:
        _mapping(value, loc, errors)
        if value_check is None or not isinstance(value, dict):
            return value
        return {key: value_check(item, loc + (key,), errors) for key, item in value.items()}

    return check


def _union(members: List[Check]) -> Check:
    exact = [_strict(member) for member in members]

    def check(value: Any, loc: Location, errors: List[Error]) -> Any:
        # A member that takes the value as it is comes before one that would coerce it.
        for member in exact:
            kept = member(value)
            if kept is not None:
                return kept[0]
        if isinstance(value, bool):
            errors.append(_error(loc, "value is of none of the permitted types", "type_error.union"))
            return value
        collected: List[Error] = []
        # To JSON an integer is a number, and comes before its spelling as a text.
        if isinstance(value, int) and any(type(loose(value, loc, [])) is float for loose in members):
            return value
        for loose in members:
            attempt: List[Error] = []
            coerced = loose(value, loc, attempt)
            if not attempt:
                return coerced
            collected.extend(attempt)
        errors.extend(collected)
        return value

    return check


def _strict(check: Check) -> Callable[[Any], Optional[Tuple[Any]]]:
    def attempt(value: Any) -> Optional[Tuple[Any]]:
        errors: List[Error] = []
        result = check(value, (), errors)
        same = not errors and _same(result, value)
        return (result,) if same else None

    return attempt


def _same(left: Any, right: Any) -> bool:
    """Equality that tells 1 from 1.0, True and "1", at every depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def _enum(values: List[Any]) -> Check:
    integers = all(isinstance(value, int) and not isinstance(value, bool) for value in values)

    def check(value: Any, loc: Location, errors: List[Error]) -> Any:
        for permitted in values:
            if type(permitted) is type(value) and permitted == value:
                return value
        if integers and isinstance(value, (str, float)):
            number = _integer(value, loc, [])
            if number in values:
                return number
        _not_a_choice(values, loc, errors)
        return value

    return check


def _model(fields: List[Spec]) -> Check:
    plan = [(field["name"], _check_of(field["spec"]), field["required"]) for field in fields]

    def check(value: Any, loc: Location, errors: List[Error]) -> Any:
        if not isinstance(value, dict):
            return _mapping(value, loc, errors)
        accepted: Dict[str, Any] = {}
        for name, field_check, required in plan:
            if name in value:
                accepted[name] = field_check(value[name], loc + (name,), errors)
            elif required:
                errors.append(_error(loc + (name,), "Field required", "value_error.missing"))
        return accepted

    return check
