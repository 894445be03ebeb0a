"""Schemas against those that Cog's own releases made, signatures, and validation."""

import importlib.util
import json
import os
import sys
import unittest

from cog import Input, Path
from cog._schema.openapi import openapi_document
from cog._schema.signature import SignatureError, read_signature
from cog._schema.validate import compile_input

from .support import SOURCE, Server

SCHEMAS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas")


def load(name):
    spec = importlib.util.spec_from_file_location("predict", os.path.join(SCHEMAS, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["predict"] = module
    spec.loader.exec_module(module)
    return module


def golden(name):
    with open(os.path.join(SCHEMAS, name + ".json")) as file:
        return json.load(file)


def define(source, **names):
    """The function `predict` that the source text defines."""
    scope = {"Input": Input, "Path": Path}
    exec("from typing import *\nfrom cog import *\nimport enum, datetime", scope)
    scope.update(names)
    exec(source, scope)
    return scope["predict"]


def validator(source, **names):
    return compile_input(read_signature(define(source, **names)).fields)


def pydantic_path():
    """Where pydantic is installed for models; None if it is not."""
    paths = os.environ.get("COG_TEST_MODEL_PATH", "").split(os.pathsep)
    return next((path for path in paths if os.path.isdir(os.path.join(path, "pydantic"))), None)


class GoldenTest(unittest.TestCase):
    """The goldens are what cog 0.16.12 with pydantic 2 gives for the model beside them; one is from cog 0.9.9."""

    maxDiff = None

    def test_schemas_are_as_cog_made_them(self):
        for file in sorted(os.listdir(SCHEMAS)):
            name, extension = os.path.splitext(file)
            if extension != ".py" or name in ("train", "pydantic_output"):
                continue
            if name == "input_literal" and sys.version_info < (3, 8):
                continue
            with self.subTest(name):
                document = openapi_document(read_signature(load(name).Predictor().predict))
                expected = golden(name)
                if "paths" in expected:
                    self.assertEqual(document, expected)
                for component, schema in expected["components"]["schemas"].items():
                    self.assertEqual(document["components"]["schemas"].get(component), schema)

    def test_a_trainer(self):
        document = openapi_document(read_signature(load("train").train), "train")
        expected = golden("train")
        for path, operations in document["paths"].items():
            self.assertEqual(operations, expected["paths"][path], path)
        for name, schema in document["components"]["schemas"].items():
            self.assertEqual(schema, expected["components"]["schemas"][name], name)

    def test_what_0_9_said_is_still_said(self):
        def without_later_keys(value):
            if isinstance(value, list):
                return [without_later_keys(item) for item in value]
            if not isinstance(value, dict):
                return value
            return {key: without_later_keys(item) for key, item in value.items() if key != "nullable"}

        document = without_later_keys(openapi_document(read_signature(load("inputs_old").Predictor().predict)))
        expected = golden("inputs_old-0.9.9")
        for name in ("Input", "Output", "choices", "int_choices", "default_choice", "Status", "HTTPValidationError"):
            self.assertEqual(document["components"]["schemas"][name], expected["components"]["schemas"][name])
        self.assertEqual(document["paths"]["/predictions"], expected["paths"]["/predictions"])

    def test_pydantic_models(self):
        path = pydantic_path()
        if path is None:
            self.skipTest("pydantic is not installed for this Python")
        sys.path.append(path)
        try:
            module = load("pydantic_output")
            document = openapi_document(read_signature(module.Predictor().predict))
            schemas = document["components"]["schemas"]
            expected = golden("pydantic_output")["components"]["schemas"]
            if hasattr(module.Out, "model_json_schema"):
                for name in expected:
                    self.assertEqual(schemas[name], expected[name])
            else:
                self.assertEqual(schemas["Out"]["required"], ["name", "inner"])
        finally:
            sys.path.remove(path)


class PydanticInputTest(unittest.TestCase):
    def test_an_input_that_the_models_own_pydantic_checks(self):
        path = pydantic_path()
        if path is None:
            self.skipTest("pydantic is not installed for this Python")
        source = """
            from typing import List
            from pydantic import BaseModel, Field

            class Box(BaseModel):
                width: int = Field(gt=0)
                label: str = "none"

            class Predictor:
                def predict(self, box: Box, more: List[Box] = []) -> Box:
                    assert isinstance(box, Box)
                    return Box(width=box.width + len(more), label=box.label)
        """
        with Server(source, environment={"PYTHONPATH": os.pathsep.join([SOURCE, path])}) as server:
            body = server.predict(box={"width": "3"}, more=[{"width": 1}]).json()
            self.assertEqual(body["output"], {"width": 4, "label": "none"}, body)
            answer = server.predict(box={"width": 0})
            self.assertEqual(answer.status, 422)
            self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "input", "box", "width"])
            schemas = server.get("/openapi.json").json()["components"]["schemas"]
            self.assertEqual(schemas["Input"]["properties"]["box"]["allOf"], [{"$ref": "#/components/schemas/Box"}])
            self.assertEqual(schemas["Box"]["required"], ["width"])


class SignatureTest(unittest.TestCase):
    def test_what_cannot_be_served_is_told_with_its_place(self):
        for source, message in (
            ("def predict(x) -> str: pass", "No input type provided for parameter `x`"),
            ("def predict(x: str): pass", "You must set an output type"),
            ("def predict(*args: str) -> str: pass", "Unsupported variadic positional parameter *args."),
            ("def predict(x: bytes) -> str: pass", "Unsupported input type bytes for parameter `x`"),
            ("def predict(x: 'Missing') -> str: pass", "'Missing' is not defined"),
            ("def predict(x: Callable[[], int]) -> str: pass", "Unsupported input type collections.abc.Callable"),
            ("def predict(x: bool = Input(choices=[True])) -> str: pass", "`choices` goes with"),
            ("def predict(x: str = Input(choices=[])) -> str: pass", "`choices` is empty"),
            ("def predict(x: str = Input(choices=[1, 2])) -> str: pass", "the choice 1 is not a string"),
            ("def predict(x: str = Input(choices=['a'], default='b')) -> str: pass", "not among the choices"),
            ("def predict(x: str = Input(ge=1)) -> str: pass", "`ge` and `le` go with"),
            ("def predict(x: int = Input(max_length=1)) -> str: pass", "go with str only"),
            ("def predict(x: str = Input(regex='(')) -> str: pass", "not a regular expression"),
            ("def predict(x: str = Input(accept='image/*')) -> str: pass", "`accept` goes with"),
        ):
            with self.subTest(source):
                with self.assertRaises(SignatureError) as caught:
                    read_signature(define(source))
                self.assertIn(message, str(caught.exception))
                self.assertIn(":1: ", str(caught.exception))

    def test_which_inputs_are_required(self):
        for parameter, required in (
            ("x: str", True),
            ("x: str = Input()", True),
            ("x: str = Input(...)", True),
            ("x: str = Input(description='d')", True),
            ("x: str = 'a'", False),
            ("x: str = Input('a')", False),
            ("x: str = Input(default=None)", False),
            ("x: str = None", False),
            ("x: Optional[str]", False),
            ("x: Optional[str] = Input(description='d')", False),
            ("x: Any", True),
        ):
            with self.subTest(parameter):
                signature = read_signature(define("def predict({}) -> str: pass".format(parameter)))
                self.assertIs(signature.fields[0]["required"], required)
                if not required:
                    default = "a" if "'a'" in parameter else None
                    self.assertEqual(signature.arguments({}, None), {"x": default})

    def test_annotations_as_strings(self):
        source = "from __future__ import annotations\ndef predict(x: int, y: List[str] = None) -> Iterator[str]: pass"
        signature = read_signature(define(source))
        self.assertEqual([field["spec"]["kind"] for field in signature.fields], ["integer", "list"])
        self.assertEqual(signature.output["iterator"], "iterate")

    @unittest.skipIf(sys.version_info < (3, 10), "the syntax is newer")
    def test_modern_syntax(self):
        source = "def predict(a: list[int], b: str | None, c: dict[str, int], d: int | str) -> str | None: pass"
        fields = read_signature(define(source)).fields
        self.assertEqual([field["spec"]["kind"] for field in fields], ["list", "string", "object", "union"])
        self.assertTrue(fields[1]["spec"]["nullable"])
        self.assertFalse(fields[1]["required"])

    @unittest.skipIf(sys.version_info < (3, 9), "Annotated is newer")
    def test_annotated(self):
        source = (
            "def predict(a: Annotated[int, Input(ge=1)] = 2, b: Annotated[bytes, Opaque] = None, "
            "c: Annotated[str, 'note'] = 'x') -> str: pass"
        )
        fields = read_signature(define(source)).fields
        self.assertEqual((fields[0]["ge"], fields[0]["default"]), (1, 2))
        self.assertEqual(fields[1]["spec"]["kind"], "opaque")
        self.assertEqual(fields[2]["spec"]["kind"], "string")

    def test_converted_values(self):
        source = """
class Color(enum.Enum):
    RED = "red"

class Point(BaseModel):
    x: int
    y: int = 5

def predict(color: Color, when: datetime.date, points: List[Point], secret: Secret, numbers: Set[int]) -> str: pass
"""
        signature = read_signature(define(source))
        given, errors = compile_input(signature.fields)(
            {"color": "red", "when": "2024-01-02", "points": [{"x": "1"}], "secret": "s", "numbers": [1, 1]}
        )
        self.assertEqual(errors, [])
        arguments = signature.arguments(given, None)
        self.assertEqual(arguments["color"].name, "RED")
        self.assertEqual(arguments["when"].isoformat(), "2024-01-02")
        self.assertEqual((arguments["points"][0].x, arguments["points"][0].y), (1, 5))
        self.assertEqual(arguments["secret"].get_secret_value(), "s")
        self.assertEqual(arguments["numbers"], {1})

    def test_mutable_defaults_are_not_shared(self):
        signature = read_signature(define("def predict(x: List[str] = Input(default=['a'])) -> str: pass"))
        signature.arguments({}, None)["x"].append("b")
        self.assertEqual(signature.arguments({}, None)["x"], ["a"])


class ValidationTest(unittest.TestCase):
    def check(self, annotation, cases):
        validate = validator("def predict(x: {}) -> str: pass".format(annotation))
        for value, expected in cases:
            with self.subTest(annotation=annotation, value=value):
                accepted, errors = validate({"x": value})
                if isinstance(expected, Refused):
                    self.assertEqual([error["type"] for error in errors], list(expected.types))
                    self.assertEqual(errors[0]["loc"][:3], ["body", "input", "x"])
                else:
                    self.assertEqual(errors, [])
                    self.assertEqual((type(accepted["x"]), accepted["x"]), (type(expected), expected))

    def test_scalars(self):
        integer = Refused("type_error.integer")
        self.check("int", [(3, 3), ("3", 3), (" -3 ", -3), (3.0, 3), (True, 1), (3.5, integer), ("x", integer)])
        self.check("int", [(None, Refused("type_error.none.not_allowed")), ([1], integer), ("1_0", integer)])
        number = Refused("type_error.float")
        self.check("float", [(1.5, 1.5), (2, 2.0), ("2.5", 2.5), ("x", number), ({}, number), (10**400, number)])
        text = Refused("type_error.str")
        self.check("str", [("a", "a"), (3, "3"), (1.5, "1.5"), (True, text), ([], text), ({}, text)])
        boolean = Refused("type_error.bool")
        self.check("bool", [(True, True), (0, False), ("yes", True), ("OFF", False), ("maybe", boolean), (2, boolean)])
        self.check("Any", [(None, None), ([1, {"a": 2}], [1, {"a": 2}])])
        self.check("Secret", [("s", "s"), (3, text)])

    def test_files(self):
        refused = Refused("value_error")
        for annotation in ("Path", "File"):
            self.check(annotation, [("data:,x", "data:,x"), ("HTTPS://a/b", "HTTPS://a/b"), ("/etc/passwd", refused)])
            self.check(annotation, [("file:///x", refused), ("", refused), (3, Refused("type_error.str"))])

    def test_containers(self):
        self.check("List[int]", [([1, "2"], [1, 2]), ("x", Refused("type_error.list")), (None, _NONE)])
        self.check("List[int]", [(["a", 1, "b"], Refused("type_error.integer", "type_error.integer"))])
        self.check("Dict[str, int]", [({"a": "1"}, {"a": 1}), ([], Refused("type_error.dict"))])
        self.check("dict", [({"a": [None]}, {"a": [None]}), ("x", Refused("type_error.dict"))])
        self.check("Optional[List[str]]", [(None, None), (["a"], ["a"])])

    def test_unions_prefer_the_value_as_it_is(self):
        self.check("Union[str, List[str]]", [("a", "a"), (["a"], ["a"])])
        self.check("Union[int, str]", [(1, 1), ("1", "1"), ("a", "a")])
        self.check("Union[str, int]", [(1, 1), ("1", "1")])
        self.check("Union[float, bool]", [(True, True), (1.5, 1.5)])

    def test_limits(self):
        for source, good, bad, kind in (
            ("x: int = Input(ge=1, le=3)", 3, 4, "value_error.number.not_le"),
            ("x: float = Input(ge=1.5)", "1.5", 1.4, "value_error.number.not_ge"),
            ("x: str = Input(min_length=2)", "ab", "a", "value_error.any_str.min_length"),
            ("x: str = Input(max_length=2)", "ab", "abc", "value_error.any_str.max_length"),
            ("x: str = Input(regex='^a')", "ab", "b", "value_error.str.regex"),
            ("x: str = Input(choices=['a', 'b'])", "b", "c", "type_error.enum"),
            ("x: int = Input(choices=[1, 2])", "2", 3, "type_error.enum"),
            ("x: List[str] = Input(choices=['a', 'b'])", ["a", "b"], ["a", "c"], "type_error.enum"),
        ):
            with self.subTest(source):
                validate = validator("def predict({}) -> str: pass".format(source))
                self.assertEqual(validate({"x": good})[1], [])
                self.assertEqual([error["type"] for error in validate({"x": bad})[1]], [kind])

    def test_errors_read_as_in_cog_0_9(self):
        validate = validator(
            "def predict(n: int = Input(default=0, ge=-20), c: str = Input(default='foo', choices=['foo', 'bar']), "
            "t: str = Input(default='a', regex='^a'), p: Path = None) -> str: pass"
        )
        _, errors = validate({"n": -21, "c": "baz", "t": "B", "p": "foo"})
        self.assertEqual(
            errors,
            [
                {
                    "loc": ["body", "input", "n"],
                    "msg": "ensure this value is greater than or equal to -20",
                    "type": "value_error.number.not_ge",
                    "ctx": {"limit_value": -20},
                },
                {
                    "loc": ["body", "input", "c"],
                    "msg": "value is not a valid enumeration member; permitted: 'foo', 'bar'",
                    "type": "type_error.enum",
                    "ctx": {"enum_values": ["foo", "bar"]},
                },
                {
                    "loc": ["body", "input", "t"],
                    "msg": 'string does not match regex "^a"',
                    "type": "value_error.str.regex",
                    "ctx": {"pattern": "^a"},
                },
                {
                    "loc": ["body", "input", "p"],
                    "msg": "'' is not a valid URL scheme. 'data', 'http', or 'https' is supported.",
                    "type": "value_error",
                },
            ],
        )


class Refused:
    def __init__(self, *types):
        self.types = types


_NONE = Refused("type_error.none.not_allowed")


if __name__ == "__main__":
    unittest.main()
