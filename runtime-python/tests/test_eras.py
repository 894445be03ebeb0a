"""Models and requests in the idioms of Cog's releases."""

import io
import os
import pickle
import unittest

import cog
from cog import File, Path, Secret
from cog.types import URLFile, URLPath

from .receiver import Receiver
from .support import SOURCE, Server

PYDANTIC = {
    "1": os.environ.get("COG_TEST_PYDANTIC_1_PATH", ""),
    "2": os.environ.get("COG_TEST_MODEL_PATH", ""),
}


class PydanticTest(unittest.TestCase):
    """Cog's own types in models of pydantic 1, which Cog had until 0.10, and of pydantic 2."""

    def serve(self, source):
        for version, path in PYDANTIC.items():
            with Server(source, environment={"PYTHONPATH": os.pathsep.join([SOURCE, path])}) as server:
                yield version, server

    def test_files_and_secrets_in_inputs(self):
        source = """
            import asyncio
            from typing import List, Optional
            from pydantic import BaseModel
            from cog import BasePredictor, File, Path, Secret

            class Inner(BaseModel):
                key: Secret
                file: Optional[File] = None

            class Outer(BaseModel):
                text: str
                path: Path
                inner: Inner
                inners: List[Inner] = []

            class Predictor(BasePredictor):
                async def predict(self, outer: Outer) -> str:
                    inner = outer.inner
                    parts = [outer.text, outer.path.name, outer.path.read_text(), inner.key.get_secret_value()]
                    return " ".join(parts + [inner.file.read().decode() if inner.file else "-"])
        """
        for version, server in self.serve(source):
            with Receiver(lambda request: (200, {}, b"fetched")) as receiver:
                schemas = server.get("/openapi.json").json()["components"]["schemas"]
                self.assertEqual(schemas["Outer"]["properties"]["path"]["format"], "uri")
                self.assertTrue(schemas["Inner"]["properties"]["key"]["x-cog-secret"])
                inner = {"key": "hush", "file": "data:text/plain;base64,QUJD"}
                outer = {"text": "t", "path": receiver.url + "/a.txt", "inner": inner, "inners": [inner]}
                answer = server.predict(outer=outer)
                self.assertEqual(answer.json()["output"], "t a.txt fetched hush ABC", version)
                self.assertNotIn(b"hush", answer.body.replace(b"fetched hush", b""))
                answer = server.predict(outer=dict(outer, path="/etc/passwd"))
                self.assertEqual(answer.status, 422)
                self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "input", "outer", "path"])
                answer = server.predict(outer=dict(outer, inner={"key": 3}))
                self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "input", "outer", "inner", "key"])
                self.assertEqual(server.temporary_files(), [])

    def test_files_in_outputs(self):
        source = """
            import io
            from typing import List
            from pydantic import BaseModel
            from cog import BasePredictor, File, Path

            class Output(BaseModel):
                text: str
                file: File
                paths: List[Path]

            class Predictor(BasePredictor):
                def predict(self) -> Output:
                    with open("a.txt", "w") as file:
                        file.write("a")
                    return Output(text="hello", file=io.StringIO("hello"), paths=["a.txt", Path("a.txt")])
        """
        for _, server in self.serve(source):
            schema = server.get("/openapi.json").json()["components"]["schemas"]["Output"]
            self.assertEqual(schema["properties"]["file"]["format"], "uri")
            self.assertEqual(schema["required"], ["text", "file", "paths"])
            a = "data:text/plain;base64,YQ=="
            output = {"text": "hello", "file": "data:application/octet-stream;base64,aGVsbG8=", "paths": [a, a]}
            self.assertEqual(server.predict().json()["output"], output)

    def test_a_model_called_input(self):
        source = """
            from typing import List
            from pydantic import BaseModel
            from cog import BasePredictor

            class Input(BaseModel):
                text: str

            class Output(BaseModel):
                inputs: List[Input]

            class Predictor(BasePredictor):
                def predict(self, input: Input) -> Output:
                    return Output(inputs=[input, input])
        """
        for _, server in self.serve(source):
            schemas = server.get("/openapi.json").json()["components"]["schemas"]
            reference = schemas["Input"]["properties"]["input"]["allOf"][0]["$ref"]
            self.assertEqual(reference, "#/components/schemas/Input_")
            self.assertEqual(schemas["Input_"]["properties"]["text"]["type"], "string")
            self.assertEqual(schemas["Output"]["properties"]["inputs"]["items"]["$ref"], reference)
            self.assertEqual(schemas["PredictionRequest"]["properties"]["input"]["$ref"], "#/components/schemas/Input")
            output = {"inputs": [{"text": "a"}, {"text": "a"}]}
            self.assertEqual(server.predict(input={"text": "a"}).json()["output"], output)


class TypesTest(unittest.TestCase):
    def test_validation_outside_of_a_prediction(self):
        opened = io.StringIO("x")
        self.assertIs(File.validate(opened), opened)
        self.assertEqual(File.validate("data:text/plain;base64,QUJD").read(), b"ABC")
        self.assertIsInstance(File.validate("https://example.com/a.txt"), URLFile)
        for wrong in ("file:///etc/passwd", "a.txt", 3):
            with self.assertRaises(ValueError):
                File.validate(wrong)
        self.assertEqual(Path.validate("a.txt"), Path("a.txt"))
        path = Path.validate("data:text/plain;base64,QUJD")
        self.assertIsInstance(path, URLPath)
        local = path.convert()
        self.assertEqual((local.read_text(), local.suffix), ("ABC", ".txt"))
        path.unlink()
        os.rmdir(str(local.parent))
        secret = Secret("hush")
        self.assertIs(Secret.validate(secret), secret)
        self.assertEqual(Secret.validate("hush"), secret)

    def test_a_file_at_a_url_travels_between_processes(self):
        with Receiver(lambda request: (200, {"X-Kind": "text"}, b"content")) as receiver:
            file = URLFile(receiver.url + "/dir/name.txt")
            self.assertEqual(file.read(2), b"co")
            copy = pickle.loads(pickle.dumps(file))
            self.assertEqual((copy.name, copy.read()), ("name.txt", b"content"))
            self.assertEqual(copy.headers["X-Kind"], "text")
            file.close()
            copy.close()
        for wrong in ("data:text/plain,x", "file:///etc/passwd", "ftp://example.com/x"):
            with self.assertRaises(ValueError):
                URLFile(wrong)

    def test_the_package_says_which_release_it_stands_for(self):
        self.assertRegex(cog.__version__, r"^\d+\.\d+\.\d+$")


class IdiomsTest(unittest.TestCase):
    def test_keyword_arguments_take_any_input(self):
        source = """
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def predict(self, first: int = 1, **others: str) -> dict:
                    return {"first": first, "others": others}
        """
        with Server(source) as server:
            schema = server.get("/openapi.json").json()["components"]["schemas"]["Input"]
            self.assertEqual((list(schema["properties"]), schema["additionalProperties"]), (["first"], True))
            body = server.predict(animal="giraffe", no=5, first=2).json()
            self.assertEqual(body["output"], {"first": 2, "others": {"animal": "giraffe", "no": 5}})
            self.assertEqual(body["input"], {"first": 2, "animal": "giraffe", "no": 5})
            self.assertEqual(server.predict().json()["output"], {"first": 1, "others": {}})

    def test_setup_takes_weights_as_the_variable_has_them(self):
        source = """
            from cog import {0}

            class Predictor:
                def setup(self, weights: {0}):
                    self.text = weights.{1}()

                def predict(self) -> None:
                    return self.text
        """
        weights = {"COG_WEIGHTS": "data:text/plain; charset=utf-8;base64,aGVsbG8="}
        for kind, method in (("File", "read"), ("Path", "read_text")):
            with Server(source.format(kind, method), environment=weights) as server:
                self.assertEqual(server.post("/predictions").json()["output"], "hello")

    def test_weights_without_a_type_are_what_the_variable_says(self):
        source = "class Predictor:\n  def setup(self, weights=None):\n    self.text = weights\n  def predict(self) -> str: return self.text"
        with Server(source, environment={"COG_WEIGHTS": "https://example.com/model.tar"}) as server:
            self.assertEqual(server.predict().json()["output"], "https://example.com/model.tar")

    def test_files_that_a_prediction_wrote_and_returned_are_removed(self):
        source = """
            import os, tempfile
            from typing import Iterator
            from cog import BasePredictor, Path

            class Predictor(BasePredictor):
                def setup(self):
                    self.kept = Path(tempfile.mkdtemp()) / "kept.txt"
                    self.kept.write_text("kept")
                    self.beside = Path("beside.txt").absolute()

                def predict(self, fail: bool = False) -> Iterator[Path]:
                    path = Path(tempfile.mkdtemp()) / "new.txt"
                    path.write_text("new")
                    yield path
                    yield path
                    yield self.kept
                    self.beside.write_text("beside")
                    yield self.beside
                    if fail:
                        raise ValueError("late")
        """
        expected = ["data:text/plain;base64," + text for text in ("bmV3", "bmV3", "a2VwdA==", "YmVzaWRl")]
        with Server(source) as server:
            for fail in (False, True, False):
                self.assertEqual(server.predict(fail=fail).json()["output"], expected)
                self.assertEqual([os.path.basename(path) for path in server.temporary_files()], ["kept.txt"])
            self.assertTrue(os.path.exists(os.path.join(server.directory, "src", "beside.txt")))

    def test_asyncio_in_setup(self):
        sources = (
            "import asyncio\nclass Predictor:\n  async def setup(self) -> None:\n    self.loop = asyncio.get_running_loop()\n"
            "  async def predict(self) -> bool:\n    return self.loop is asyncio.get_running_loop()",
            "import asyncio\nclass Predictor:\n  def setup(self):\n    self.ok = asyncio.run(self.download())\n"
            "  async def download(self): return True\n  def predict(self) -> bool:\n    return self.ok",
            "import asyncio\nclass Predictor:\n  async def setup(self):\n    await asyncio.sleep(0.01)\n    self.ok = True\n"
            "  def predict(self) -> bool:\n    return self.ok",
        )
        for source in sources:
            with Server(source) as server:
                self.assertIs(server.predict().json()["output"], True)

    def test_unions_of_json_types(self):
        source = """
            from typing import List, Optional, Union
            from cog import BasePredictor, Input

            class Predictor(BasePredictor):
                def predict(self, value: Union[str, float, None] = Input(default=None)) -> str:
                    return "{}:{}".format(type(value).__name__, value)
        """
        with Server(source) as server:
            for value, expected in (("a", "str:a"), (1.5, "float:1.5"), (1, "int:1"), (None, "NoneType:None")):
                self.assertEqual(server.predict(value=value).json()["output"], expected)
            self.assertEqual(server.predict().json()["output"], "NoneType:None")
            for value in (True, {"x": 1}, [1]):
                self.assertEqual(server.predict(value=value).status, 422)

    def test_a_type_with_a_coder(self):
        source = """
            from cog import BasePredictor, Coder

            class Point:
                def __init__(self, x, y): self.x, self.y = x, y

            class PointCoder(Coder):
                @staticmethod
                def factory(tpe): return PointCoder() if tpe is Point else None
                def encode(self, value): return {"x": value.x, "y": value.y}
                def decode(self, value): return Point(value["x"], value["y"])

            Coder.register(PointCoder)

            class Predictor(BasePredictor):
                def predict(self, point: Point) -> Point:
                    return Point(point.y, point.x)
        """
        with Server(source) as server:
            self.assertEqual(server.predict(point={"x": 1, "y": 2}).json()["output"], {"x": 2, "y": 1})

    def test_an_iterator_of_lists_of_models(self):
        source = """
            from typing import Iterator, List
            from cog import BaseModel, BasePredictor

            class Output(BaseModel):
                text: str

            class Predictor(BasePredictor):
                def predict(self) -> Iterator[List[Output]]:
                    yield [Output(text="hello")]
        """
        with Server(source) as server:
            self.assertEqual(server.predict().json()["output"], [[{"text": "hello"}]])


class OutputPrefixTest(unittest.TestCase):
    """The field `output_file_prefix`, which Cog had until 0.16: files are PUT as forms, below any URL."""

    SOURCE = """
        import io
        from typing import Iterator
        from cog import BasePredictor, File, Path

        class Predictor(BasePredictor):
            def predict(self, kind: str = "named", text: str = "hello") -> File:
                if kind == "path":
                    with open("some file.txt", "w") as file:
                        file.write(text)
                    return Path("some file.txt")
                file = io.StringIO(text)
                if kind == "named":
                    file.name = "foo.txt"
                return file
    """

    def test_files_are_put_below_it(self):
        with Receiver() as receiver, Server(self.SOURCE, arguments=["--upload-url", "http://127.0.0.1:1/"]) as server:
            prefix = receiver.url + "/upload/"
            for kind, place, name in (
                ("named", "foo.txt", "foo.txt"),
                ("path", "some%20file.txt", "some file.txt"),
                ("unnamed", "output", "file"),
            ):
                body = server.post("/predictions", {"input": {"kind": kind}, "output_file_prefix": prefix}).json()
                self.assertEqual((body["status"], body["output"]), ("succeeded", prefix + place), body)
                request = receiver.requests[-1]
                self.assertEqual((request["method"], request["path"]), ("PUT", "/upload/" + place))
                self.assertTrue(request["headers"]["content-type"].startswith("multipart/form-data; boundary="))
                disposition = 'Content-Disposition: form-data; name="file"; filename="{}"\r\n'.format(name)
                self.assertIn(disposition.encode(), request["body"])
                self.assertIn(b"\r\n\r\nhello\r\n--", request["body"])
            body = server.post("/predictions", {"output_file_prefix": prefix, "input": {"text": "x" * 300000}}).json()
            self.assertEqual(body["output"], prefix + "foo.txt")
            body = server.post("/predictions", {"output_file_prefix": "http://127.0.0.1:1/"}).json()
            self.assertEqual(body["status"], "failed")
            self.assertEqual(server.post("/predictions", {"output_file_prefix": 3}).status, 422)


if __name__ == "__main__":
    unittest.main()
