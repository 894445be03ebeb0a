"""The body of a request that creates a prediction, checked."""

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from .multipart import Part, read_parts
from .validate import compile_input

Error = Dict[str, Any]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,255}\Z")
_EVENTS = ("start", "output", "logs", "completed")
REDACTED = "**********"


class Invalid(Exception):
    """A request that is answered with 422; `detail` is the list in the answer's body."""

    def __init__(self, detail: List[Error]) -> None:
        super().__init__(detail)
        self.detail = detail


class CreateRequest:
    """What a client asked for. `input` is valid; `shown_input` is the same with secrets hidden."""

    def __init__(self) -> None:
        self.id: Optional[str] = None
        self.input: Dict[str, Any] = {}
        self.shown_input: Optional[Dict[str, Any]] = {}
        self.context: Dict[str, str] = {}
        self.created_at: Optional[str] = None
        self.output_file_prefix: Optional[str] = None
        self.webhook: Optional[str] = None
        self.webhook_events: Tuple[str, ...] = _EVENTS


class RequestReader:
    """Reads requests for a model whose parameters are `fields`; `loads` is a JSON parser."""

    def __init__(self, fields: List[Dict[str, Any]], loads: Callable[[bytes], Any]) -> None:
        self._loads = loads
        self._validate = compile_input(fields)
        self._specs = {field["name"]: field["spec"] for field in fields}
        self._secret = {
            field["name"]: field["spec"] for field in fields if _has_kind(field["spec"], ("secret", "foreign"))
        }

    def read(
        self, body: bytes, id_in_url: Optional[str], noun: str = "prediction", boundary: Optional[str] = None
    ) -> CreateRequest:
        """A body of JSON, or the form whose parts this boundary separates, each of them an input. Raises Invalid."""
        given = _parse(body, self._loads) if boundary is None else {"input": self._form(body, boundary)}
        request = CreateRequest()
        errors: List[Error] = []
        request.id = _read_id(given.get("id"), id_in_url, noun, errors)
        request.context = _read_context(given.get("context"), errors)
        request.created_at = _read_text(given.get("created_at"), "created_at", errors)
        request.output_file_prefix = _read_text(given.get("output_file_prefix"), "output_file_prefix", errors)
        request.webhook = _read_webhook(given.get("webhook"), errors)
        request.webhook_events = _read_events(given.get("webhook_events_filter"), errors)
        request.input, input_errors = self._validate(given.get("input"))
        if errors or input_errors:
            raise Invalid(errors + input_errors)
        request.shown_input = self._shown(request.input)
        return request

    def _form(self, body: bytes, boundary: str) -> Dict[str, Any]:
        parts: Dict[str, List[Part]] = {}
        try:
            for part in read_parts(body, boundary):
                # A browser's file input in which nothing was chosen.
                if part.filename == "" and not part.content:
                    continue
                parts.setdefault(part.name, []).append(part)
        except ValueError as error:
            raise Invalid([_error(["body"], str(error), "value_error.multipart")]) from error
        return {
            name: _value_of_parts(parts[name], spec, self._loads) for name, spec in self._specs.items() if name in parts
        }

    def _shown(self, values: Dict[str, Any]) -> Dict[str, Any]:
        if not self._secret:
            return values
        return {name: _hidden(value, self._secret.get(name)) for name, value in values.items()}


def valid_id(text: str) -> bool:
    return _ID.match(text) is not None


def invalid_id(noun: str, in_body: bool = False) -> List[Error]:
    message = "an ID is up to 256 letters, digits and the characters ._:~- and begins with a letter or digit"
    return [_error(["body", "id"] if in_body else ["path", noun + "_id"], message, "value_error.str.regex")]


def _parse(body: bytes, loads: Callable[[bytes], Any]) -> Dict[str, Any]:
    if not body or body.isspace():
        return {}
    try:
        given = loads(body)
    except ValueError as error:
        position = getattr(error, "pos", 0)
        raise Invalid([_error(["body", position], str(error), "value_error.jsondecode")]) from error
    except RecursionError as error:
        raise Invalid([_error(["body"], "the JSON is nested too deeply", "value_error.jsondecode")]) from error
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Invalid([_error(["body"], "value is not a valid dict", "type_error.dict")])
    return given


def _error(loc: List[Any], msg: str, kind: str) -> Error:
    return {"loc": loc, "msg": msg, "type": kind}


def _read_id(given: Any, in_url: Optional[str], noun: str, errors: List[Error]) -> Optional[str]:
    if in_url is not None and given is not None and given != in_url:
        message = "{} ID must match the ID supplied in the URL".format(noun)
        errors.append(_error(["body", "id"], message, "value_error"))
        return None
    chosen = given if in_url is None else in_url
    if chosen is None:
        return None
    if not isinstance(chosen, str):
        errors.append(_error(["body", "id"], "str type expected", "type_error.str"))
        return None
    if not valid_id(chosen):
        errors.extend(invalid_id(noun, in_body=in_url is None))
        return None
    return chosen


def _read_text(given: Any, name: str, errors: List[Error]) -> Optional[str]:
    if given is None or isinstance(given, str):
        return given
    errors.append(_error(["body", name], "str type expected", "type_error.str"))
    return None


def _read_context(given: Any, errors: List[Error]) -> Dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        errors.append(_error(["body", "context"], "value is not a valid dict", "type_error.dict"))
        return {}
    for key, value in given.items():
        if not isinstance(value, str):
            errors.append(_error(["body", "context", key], "str type expected", "type_error.str"))
    return given


def _read_webhook(given: Any, errors: List[Error]) -> Optional[str]:
    if given is None:
        return None
    if not isinstance(given, str) or not re.match(r"https?://[^\s/]", given, re.I) or len(given) > 65536:
        errors.append(_error(["body", "webhook"], "invalid or missing URL scheme", "value_error.url.scheme"))
        return None
    return given


def _read_events(given: Any, errors: List[Error]) -> Tuple[str, ...]:
    if given is None:
        return _EVENTS
    if not isinstance(given, list):
        errors.append(_error(["body", "webhook_events_filter"], "value is not a valid list", "type_error.list"))
        return _EVENTS
    for index, event in enumerate(given):
        if event not in _EVENTS:
            permitted = ", ".join(repr(known) for known in _EVENTS)
            message = "value is not a valid enumeration member; permitted: {}".format(permitted)
            errors.append(_error(["body", "webhook_events_filter", index], message, "type_error.enum"))
    return tuple(given)


def _value_of_parts(parts: List[Part], spec: Dict[str, Any], loads: Callable[[bytes], Any]) -> Any:
    """What an input of this type gets: the last part, or all if it takes a list."""
    values = [_value_of_part(part, spec, loads) for part in parts]
    if spec["kind"] != "list":
        return values[-1]
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def _value_of_part(part: Part, spec: Dict[str, Any], loads: Callable[[bytes], Any]) -> Any:
    if part.filename is not None and _has_kind(spec, ("path", "file")):
        return part.data_uri()
    text = part.content.decode("utf-8", "replace")
    if spec["kind"] not in ("string", "secret", "path", "file", "enum") and text.lstrip()[:1] in ("[", "{"):
        try:
            return loads(part.content)
        except ValueError:
            pass
    return text


def _has_kind(spec: Any, kinds: Tuple[str, ...]) -> bool:
    if isinstance(spec, dict):
        return spec.get("kind") in kinds or any(_has_kind(value, kinds) for value in spec.values())
    return isinstance(spec, list) and any(_has_kind(item, kinds) for item in spec)


def _hidden(value: Any, spec: Optional[Dict[str, Any]]) -> Any:
    """The value with the secrets in it, as its type tells them, replaced."""
    if spec is None or value is None or not _has_kind(spec, ("secret", "foreign")):
        return value
    kind = spec["kind"]
    if kind == "foreign":
        return _hidden_foreign(value, spec["schema"], spec["definitions"])
    if kind == "union":
        for member in spec["members"]:
            value = _hidden(value, member)
        return value
    if kind == "list" and isinstance(value, list):
        return [_hidden(item, spec["items"]) for item in value]
    if kind == "object" and isinstance(value, dict):
        return {key: _hidden(item, spec["values"]) for key, item in value.items()}
    if kind == "model" and isinstance(value, dict):
        specs = {field["name"]: field["spec"] for field in spec["fields"]}
        return {key: _hidden(item, specs.get(key)) for key, item in value.items()}
    return REDACTED if kind == "secret" else value


def _hidden_foreign(value: Any, schema: Dict[str, Any], definitions: Dict[str, Any]) -> Any:
    """The same for a model of pydantic's, by its JSON Schema."""
    if schema.get("x-cog-secret"):
        return REDACTED
    reference = schema.get("$ref")
    if reference is not None:
        schema = definitions.get(reference.rpartition("/")[2], {})
    for member in [*schema.get("anyOf", ()), *schema.get("allOf", ())]:
        value = _hidden_foreign(value, member, definitions)
    if isinstance(value, dict) and "properties" in schema:
        others = schema.get("additionalProperties")
        default = others if isinstance(others, dict) else {}
        return {
            key: _hidden_foreign(item, schema["properties"].get(key, default), definitions)
            for key, item in value.items()
        }
    if isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
        return {k: _hidden_foreign(item, schema["additionalProperties"], definitions) for k, item in value.items()}
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_hidden_foreign(item, schema["items"], definitions) for item in value]
    return value
