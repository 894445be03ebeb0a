"""The OpenAPI document of a model, as FastAPI and Pydantic generated it for Cog (OpenAPI 3.0.2).

Reference: https://spec.openapis.org/oas/v3.0.2
"""

from typing import Any, Dict, List, Optional

from .signature import Signature

Json = Dict[str, Any]

_SCALARS: Dict[str, Json] = {
    "any": {},
    "opaque": {"type": "object"},
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "path": {"type": "string", "format": "uri"},
    "file": {"type": "string", "format": "uri"},
    "secret": {"type": "string", "format": "password", "writeOnly": True, "x-cog-secret": True},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
}


def openapi_document(signature: Signature, mode: str = "predict", streaming: bool = False) -> Json:
    """The document for a model whose method has this signature. `mode` is "predict" or "train"."""
    names = _TRAIN if mode == "train" else _PREDICT
    models: Json = {}
    sides: Json = {names.input: _input_schema(signature.fields, names.input, models)}
    sides[names.output] = _output_schema(signature.output, names.output, models)
    envelope = _envelope(names)
    if models.get(names.output) is sides[names.output]:
        # The author's own model called Output is the output.
        del models[names.output]
    for name in sorted(set(models) & (set(sides) | set(envelope))):
        sides, models = _renamed((sides, models), name, name + "_")
        models[name + "_"] = models.pop(name)
    components = {**models, **sides, **envelope}
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": _paths(names, streaming),
        "components": {"schemas": {name: components[name] for name in sorted(components)}},
    }


def _renamed(value: Any, name: str, other: str) -> Any:
    """The same with references to one component turned to another."""
    if isinstance(value, dict):
        renamed = {key: _renamed(item, name, other) for key, item in value.items()}
        if renamed.get("$ref") == _reference(name):
            renamed["$ref"] = _reference(other)
        return renamed
    if isinstance(value, (list, tuple)):
        return type(value)(_renamed(item, name, other) for item in value)
    return value


class _Names:
    """What the words of the document are in one mode."""

    def __init__(self, verb: str, noun: str, prefix: str, description: str) -> None:
        self.verb = verb
        self.noun = noun
        self.title = noun.capitalize()
        self.input = prefix + "Input"
        self.output = prefix + "Output"
        self.description = description


_PREDICT = _Names("predict", "prediction", "", "Run a single prediction on the model")
_TRAIN = _Names("train", "training", "Training", "")


def _title(name: str) -> str:
    return name.replace("_", " ").title()


def _input_schema(fields: List[Json], name: str, components: Json) -> Json:
    properties: Json = {}
    for order, field in enumerate(fields):
        if not field.get("variadic"):
            properties[field["name"]] = dict(_property(field, components), **{"x-order": order})
    schema: Json = {"properties": properties, "type": "object", "title": name}
    if len(properties) < len(fields):
        schema["additionalProperties"] = True
    required = [field["name"] for field in fields if field["required"]]
    if required:
        schema["required"] = required
    return schema


def _property(field: Json, components: Json) -> Json:
    spec = field["spec"]
    if field.get("implicitly_nullable"):
        spec = {key: value for key, value in spec.items() if key != "nullable"}
    schema = _schema(spec, components)
    if "$ref" in schema:
        schema = {"allOf": [{"$ref": schema["$ref"]}], **{k: v for k, v in schema.items() if k != "$ref"}}
    else:
        schema["title"] = _title(field["name"])
    for key, keyword in _KEYWORDS:
        if key in field:
            schema[keyword] = field[key]
    return schema


_KEYWORDS = (
    ("description", "description"),
    ("default", "default"),
    ("ge", "minimum"),
    ("le", "maximum"),
    ("min_length", "minLength"),
    ("max_length", "maxLength"),
    ("regex", "pattern"),
    ("deprecated", "deprecated"),
    ("accept", "x-cog-accept"),
)


def _output_schema(output: Json, name: str, components: Json) -> Json:
    spec = output["spec"]
    schema = _schema(spec, components)
    if output["iterator"] is not None:
        listed: Json = {"items": schema, "title": name, "type": "array", "x-cog-array-type": "iterator"}
        if output["iterator"] == "concatenate":
            listed["x-cog-array-display"] = "concatenate"
        return listed
    if "$ref" not in schema:
        schema["title"] = name
    elif schema["$ref"] == _reference(name):
        schema = components[name]
    return schema


def _reference(name: str) -> str:
    return "#/components/schemas/" + name


def _schema(spec: Json, components: Json) -> Json:
    schema = _schema_of_present(spec, components)
    if spec.get("nullable"):
        schema["nullable"] = True
    return schema


def _schema_of_present(spec: Json, components: Json) -> Json:
    kind = spec["kind"]
    if kind in _SCALARS:
        return dict(_SCALARS[kind])
    if kind == "list":
        return {"type": "array", "items": _schema(spec["items"], components)}
    if kind == "object":
        schema: Json = {"type": "object"}
        if spec["values"] is not None:
            schema["additionalProperties"] = _schema(spec["values"], components) or True
        return schema
    if kind == "union":
        return {"anyOf": [_schema(member, components) for member in spec["members"]]}
    if kind == "enum":
        return _enum(spec, components)
    if kind == "model":
        return _model(spec, components)
    return _foreign(spec, components)


def _enum(spec: Json, components: Json) -> Json:
    values = spec["values"]
    schema: Json = {"enum": values}
    for json_type, types in (("string", str), ("integer", int), ("number", (int, float))):
        if all(isinstance(value, types) and not isinstance(value, bool) for value in values):
            schema["type"] = json_type
            break
    if spec["name"] is None:
        return schema
    components[spec["name"]] = dict(schema, title=spec["name"], description="An enumeration.")
    return {"$ref": _reference(spec["name"])}


def _model(spec: Json, components: Json) -> Json:
    properties: Json = {}
    for field in spec["fields"]:
        schema = _schema(field["spec"], components)
        if "$ref" not in schema:
            schema["title"] = _title(field["name"])
        elif len(schema) > 1:
            schema = {"allOf": [{"$ref": schema.pop("$ref")}], **schema}
        if field.get("default") is not None:
            schema["default"] = field["default"]
        properties[field["name"]] = schema
    model: Json = {"properties": properties, "type": "object", "title": spec["name"]}
    required = [field["name"] for field in spec["fields"] if field["required"]]
    if required:
        model["required"] = required
    components[spec["name"]] = model
    return {"$ref": _reference(spec["name"])}


def _foreign(spec: Json, components: Json) -> Json:
    for name, definition in spec["definitions"].items():
        components[name] = as_openapi_30(definition)
    components[spec["name"]] = as_openapi_30(spec["schema"])
    return {"$ref": _reference(spec["name"])}


def as_openapi_30(schema: Any) -> Any:
    """JSON Schema 2020-12 as pydantic 2 writes it, in the older dialect that OpenAPI 3.0 knows."""
    if isinstance(schema, list):
        return [as_openapi_30(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted: Json = {}
    for key, value in schema.items():
        if key == "anyOf":
            members = [as_openapi_30(member) for member in value if member != {"type": "null"}]
            if len(members) < len(value):
                converted["nullable"] = True
            if len(members) == 1 and "$ref" not in members[0]:
                converted.update(members[0])
            elif len(members) == 1:
                converted["allOf"] = members
            else:
                converted["anyOf"] = members
        elif key == "const":
            converted["enum"] = [value]
        elif key in ("exclusiveMinimum", "exclusiveMaximum") and not isinstance(value, bool):
            converted["minimum" if key == "exclusiveMinimum" else "maximum"] = value
            converted[key] = True
        elif key == "prefixItems":
            converted["items"] = {"anyOf": [as_openapi_30(item) for item in value]}
        elif key == "default" and value is None:
            continue
        else:
            converted[key] = as_openapi_30(value) if key not in ("default", "example", "enum") else value
    return converted


def _text(title: str, **extra: Any) -> Json:
    return dict({"title": title, "type": "string"}, **extra)


def _envelope(names: _Names) -> Json:
    """Request, response, and what they refer to."""
    instant: Json = {"format": "date-time", "nullable": True}
    return {
        names.title + "Request": {
            "properties": {
                "id": _text("Id", nullable=True),
                "input": {"$ref": _reference(names.input), "nullable": True},
                "context": {
                    "additionalProperties": {"type": "string"},
                    "nullable": True,
                    "title": "Context",
                    "type": "object",
                },
                "created_at": _text("Created At", **instant),
                "output_file_prefix": _text("Output File Prefix", nullable=True),
                "webhook": _text("Webhook", format="uri", nullable=True, minLength=1, maxLength=65536),
                "webhook_events_filter": {
                    **({"title": "Webhook Events Filter"} if names is _TRAIN else {}),
                    "default": ["start", "output", "logs", "completed"],
                    "items": {"$ref": _reference("WebhookEvent")},
                    "nullable": True,
                    "type": "array",
                },
            },
            "type": "object",
            "title": names.title + "Request",
        },
        names.title + "Response": {
            "properties": {
                "input": {"$ref": _reference(names.input), "nullable": True},
                "output": {"$ref": _reference(names.output), **({"nullable": True} if names is _TRAIN else {})},
                "id": _text("Id", nullable=True),
                "version": _text("Version", nullable=True),
                "created_at": _text("Created At", **instant),
                "started_at": _text("Started At", **instant),
                "completed_at": _text("Completed At", **instant),
                "logs": _text("Logs", default=""),
                "error": _text("Error", nullable=True),
                "status": {"$ref": _reference("Status"), "nullable": True},
                "metrics": {"additionalProperties": True, "nullable": True, "title": "Metrics", "type": "object"},
            },
            "type": "object",
            "title": names.title + "Response",
        },
        "Status": {
            "enum": ["starting", "processing", "succeeded", "canceled", "failed"],
            "type": "string",
            "title": "Status",
            "description": "An enumeration.",
        },
        "WebhookEvent": {
            "enum": ["start", "output", "logs", "completed"],
            "type": "string",
            "title": "WebhookEvent",
            "description": "An enumeration.",
        },
        "ValidationError": {
            "properties": {
                "loc": {
                    "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                    "title": "Location",
                    "type": "array",
                },
                "msg": _text("Message"),
                "type": _text("Error Type"),
            },
            "type": "object",
            "required": ["loc", "msg", "type"],
            "title": "ValidationError",
        },
        "HTTPValidationError": {
            "properties": {
                "detail": {"items": {"$ref": _reference("ValidationError")}, "title": "Detail", "type": "array"}
            },
            "type": "object",
            "title": "HTTPValidationError",
        },
    }


def _paths(names: _Names, streaming: bool) -> Json:
    noun = names.noun
    base = "/{}s".format(noun)
    one = "{}/{{{}_id}}".format(base, noun)
    request: Json = {"$ref": _reference(names.title + "Request")}
    training = names is _TRAIN
    titled = names.title + " Request"
    create = _operation(
        _title(names.verb),
        "{}_{}s_post".format(names.verb, noun),
        {"schema": {"$ref": _reference(names.title + "Response")}},
        parameters=[_PREFER],
        description=names.description,
    )
    create["requestBody"] = {"content": {"application/json": {"schema": request}}}
    if streaming:
        create["x-cog-streaming"] = True
    put = _operation(
        _title(names.verb) + " Idempotent",
        "{0}_idempotent_{1}s__{1}_id__put".format(names.verb, noun),
        {"schema": {"$ref": _reference(names.title + "Response")}},
        parameters=[_path_parameter(names), _PREFER],
        description=names.description and names.description + " (idempotent creation).",
    )
    put["requestBody"] = {
        "content": {"application/json": {"schema": request if training else {"allOf": [request], "title": titled}}},
        "required": True,
    }
    cancel_id = "cancel_{0}{1}s__{1}_id__cancel_post".format("training_" if training else "", noun)
    cancel = _operation(
        "Cancel Training" if training else "Cancel",
        cancel_id,
        {"schema": {"title": _answer_title(cancel_id)}},
        parameters=[_path_parameter(names)],
        description="" if training else "Cancel a running prediction",
    )
    return {
        "/shutdown": {"post": _plain_operation("Start Shutdown", "start_shutdown_shutdown_post")},
        "/": {"get": _plain_operation("Root", "root__get")},
        "/health-check": {"get": _plain_operation("Healthcheck", "healthcheck_health_check_get")},
        base: {"post": create},
        one: {"put": put},
        one + "/cancel": {"post": cancel},
    }


_PREFER: Json = {"in": "header", "name": "prefer", "required": False, "schema": _text("Prefer")}


def _path_parameter(names: _Names) -> Json:
    return {
        "in": "path",
        "name": names.noun + "_id",
        "required": True,
        "schema": _text(names.title + " ID"),
    }


def _plain_operation(summary: str, operation_id: str) -> Json:
    return {
        "summary": summary,
        "operationId": operation_id,
        "responses": {"200": _answer("Successful Response", {"schema": {"title": _answer_title(operation_id)}})},
    }


def _answer_title(operation_id: str) -> str:
    return "Response " + operation_id.replace("_", " ").title()


def _operation(
    summary: str, operation_id: str, success: Json, parameters: Optional[List[Json]] = None, description: str = ""
) -> Json:
    described = {"description": description} if description else {}
    return {
        "summary": summary,
        **described,
        "operationId": operation_id,
        "parameters": parameters or [],
        "responses": {
            "200": _answer("Successful Response", success),
            "422": _answer("Validation Error", {"schema": {"$ref": _reference("HTTPValidationError")}}),
        },
    }


def _answer(description: str, content: Json) -> Json:
    return {"description": description, "content": {"application/json": content}}
