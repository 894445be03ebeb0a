"""The names that models import, used the way models use them; and outputs as JSON."""

import base64
import collections
import datetime
import enum
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from typing import List, Optional

import cog
from cog import BaseModel, Path, Secret, current_scope
from cog._worker.encode import data_uri, encode_output
from cog._worker.fetch import FetchError, data_uri_bytes, filename_of

from .support import SOURCE, Server


def encoded(value):
    return json.loads(encode_output(value, data_uri).decode("utf-8"))


class NamesTest(unittest.TestCase):
    def test_everything_that_is_exported_exists(self):
        for name in cog.__all__:
            self.assertIsNotNone(getattr(cog, name), name)
        self.assertRegex(cog.__version__, r"^\d+\.\d+\.\d+$")
        with self.assertRaises(AttributeError):
            cog.nothing_of_that_name

    def test_modules_that_models_import_from(self):
        program = (
            "from cog.types import Weights, File, Path, URLPath, ConcatenateIterator;"
            "from cog.server.exceptions import CancelationException;"
            "from cog.server.scope import current_scope; from cog.coder import Coder;"
            "from cog.predictor import BasePredictor; from cog.input import Input; from cog.model import BaseModel"
        )
        subprocess.check_call([sys.executable, "-c", program], env=dict(os.environ, PYTHONPATH=SOURCE))

    def test_importing_cog_is_cheap_and_needs_nothing(self):
        program = (
            "import sys, time; before = set(sys.modules); start = time.process_time(); import cog;"
            "took = time.process_time() - start; from cog import BasePredictor, Input, Path, Secret;"
            "loaded = {name.split('.')[0] for name in set(sys.modules) - before};"
            "heavy = loaded & {'asyncio', 'inspect', 'json', 'http', 'ssl', 'socket', 'email', 'dataclasses'};"
            "print(took * 1000, sorted(heavy))"
        )
        results = []
        environment = dict(os.environ, PYTHONPATH=SOURCE)
        # With bytecode, as in an image.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for _ in range(5):
            output = subprocess.check_output([sys.executable, "-c", program], env=environment)
            took, heavy = output.decode().split(" ", 1)
            self.assertEqual(heavy.strip(), "[]")
            results.append(float(took))
        self.assertLess(min(results), 15)

    def test_nothing_deprecated_is_used(self):
        """What Python 3.12 and 3.13 warn of is gone in a later one."""
        modules = []
        for root, _, names in os.walk(os.path.join(SOURCE, "cog")):
            for name in names:
                if name.endswith(".py") and name != "__init__.py":
                    path = os.path.relpath(os.path.join(root, name), SOURCE)[:-3]
                    modules.append(path.replace(os.sep, "."))
        self.assertGreater(len(modules), 30)
        program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
        kinds = [
            "-W",
            "error::DeprecationWarning",
            "-W",
            "error::PendingDeprecationWarning",
            "-W",
            "error::SyntaxWarning",
        ]
        environment = dict(os.environ, PYTHONPATH=SOURCE, PYTHONDONTWRITEBYTECODE="1")
        subprocess.check_call([sys.executable] + kinds + ["-c", program] + sorted(modules), env=environment)
        source = """
            from typing import AsyncIterator, Optional, Union
            from cog import BasePredictor, Input

            class Predictor(BasePredictor):
                async def setup(self): print("ready")
                async def predict(self, x: Optional[Union[int, str]] = Input(default=1)) -> AsyncIterator[str]:
                    yield str(x)
        """
        strict = {"PYTHONWARNINGS": "error::DeprecationWarning,error::PendingDeprecationWarning"}
        with Server(source, environment=strict) as server:
            self.assertEqual(server.predict(x="a").json()["output"], ["a"])

    def test_decorators_check_their_arguments(self):
        async def run():
            pass

        self.assertIs(cog.concurrent(max=3)(run), run)
        for wrong in (True, 1.5, "2"):
            with self.assertRaises(TypeError):
                cog.concurrent(max=wrong)
        with self.assertRaises(ValueError):
            cog.concurrent(max=0)
        with self.assertRaises(TypeError):
            cog.concurrent(max=2)(lambda: None)

    def test_secrets_hide(self):
        secret = Secret("hidden")
        self.assertEqual(secret.get_secret_value(), "hidden")
        self.assertNotIn("hidden", "{} {!r}".format(secret, secret))
        self.assertEqual(secret, Secret("hidden"))


class MetricsTest(unittest.TestCase):
    def setUp(self):
        self.scope = cog.Scope()

    def test_modes(self):
        record = self.scope.record_metric
        record("temperature", 0.7)
        record("tokens", 1, mode="incr")
        record("tokens", 2, mode="incr")
        record("tags", "fast", mode="append")
        record("tags", "cached", mode="append")
        record("timing.pre", 0.1)
        record("timing.post", 0.2)
        self.scope.metrics["word"] = "hello"
        expected = {"temperature": 0.7, "tokens": 3, "tags": ["fast", "cached"], "timing": {"pre": 0.1, "post": 0.2}}
        self.assertEqual(self.scope.metrics.nested(), dict(expected, word="hello"))
        with self.assertRaises(TypeError):
            record("temperature", "hot")
        del self.scope.metrics["temperature"]
        record("temperature", "hot")

    def test_names(self):
        for name, message in (
            ("_x", "must start with a letter"),
            ("a__b", "must not contain consecutive underscores"),
            ("a_", "must end with a letter or digit"),
            (".a", "must not start with a dot"),
            ("a.", "must not end with a dot"),
            ("a..b", "empty segments"),
            ("predict_time", "predict_time"),
            ("cog.system", "cog."),
            ("a.b.c.d.e", "at most 4 dot-separated segments"),
            ("a" * 129, "128 characters"),
            ("a-b", "letters, digits and underscores"),
        ):
            with self.subTest(name):
                with self.assertRaises(ValueError) as caught:
                    self.scope.record_metric(name, 1)
                self.assertIn(message, str(caught.exception))

    def test_outside_of_a_prediction_nothing_happens(self):
        current_scope().record_metric("a", 1)
        cog.emit_metric("a", 2)
        self.assertEqual(current_scope().context, {})
        self.assertEqual(dict(current_scope().metrics), {})


class BaseModelTest(unittest.TestCase):
    def test_declared_by_annotations(self):
        class Inner(BaseModel):
            score: float

        class Output(BaseModel):
            name: str = "x"
            inner: Inner
            tags: List[str] = []
            note: Optional[str]

        output = Output(inner=Inner(0.5))
        self.assertEqual(output, Output("x", Inner(score=0.5), [], None))
        self.assertEqual(encoded(output), {"name": "x", "inner": {"score": 0.5}, "tags": [], "note": None})
        self.assertEqual(output.dict(), output.model_dump())
        self.assertIsNot(Output(inner=Inner(1)).tags, Output(inner=Inner(1)).tags)
        for arguments in ({}, {"inner": 1, "other": 2}):
            with self.assertRaises(TypeError):
                Output(**arguments)

        class More(Output):
            extra: int = 1

        self.assertEqual(More(inner=Inner(1), extra=2).extra, 2)


class EncodingTest(unittest.TestCase):
    def test_values(self):
        class Color(enum.Enum):
            RED = "red"

        class Number(enum.IntEnum):
            ONE = 1

        Pair = collections.namedtuple("Pair", "a b")
        for value, expected in (
            (None, None),
            ("é\u2028", "é\u2028"),
            ("\ud800", "\ud800"),
            ({1: (1, 2), None: {3}}, {"1": [1, 2], "null": [3]}),
            ({Color.RED: Color.RED}, {"red": "red"}),
            ([Number.ONE, True, 2**80], [1, True, 2**80]),
            ([float("nan"), float("inf"), 1.5], [None, None, 1.5]),
            (datetime.datetime(2024, 1, 2, 3), "2024-01-02T03:00:00"),
            (Pair(1, 2), [1, 2]),
            ((x for x in "ab"), ["a", "b"]),
            (b"bytes", "bytes"),
            (Secret("s"), "**********"),
        ):
            with self.subTest(value=repr(value)):
                self.assertEqual(encoded(value), expected)

    def test_files(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, mime in (("a.png", "image/png"), ("b.webp", "image/webp"), ("c", "application/octet-stream")):
                path = os.path.join(directory, name)
                with open(path, "wb") as file:
                    file.write(b"content")
                uri = "data:{};base64,{}".format(mime, base64.b64encode(b"content").decode())
                self.assertEqual(encoded([Path(path)]), [uri])
                with open(path, "rb") as file:
                    file.read()
                    self.assertEqual(encoded(file), uri)
            with self.assertRaises(FileNotFoundError):
                encoded(Path(directory) / "missing")
        self.assertEqual(encoded(io.BytesIO(b"x")), "data:application/octet-stream;base64,eA==")

    def test_what_has_no_json_form(self):
        for value in (object(), {"a": [lambda: 1]}, 1j):
            with self.assertRaises(TypeError):
                encode_output(value, data_uri)

    def test_numpy_and_pydantic(self):
        for package, program in (
            (
                "numpy",
                "import numpy as np\nvalue = {'a': np.arange(3), 'b': np.float32(0.5), 'c': np.bool_(True), np.int64(1): 2}"
                "\nexpected = {'a': [0, 1, 2], 'b': 0.5, 'c': True, '1': 2}",
            ),
            (
                "pydantic",
                "from pydantic import BaseModel\nclass M(BaseModel):\n  a: int\n  p: object = None\n"
                "value = M(a=1, p=M(a=2))\nexpected = {'a': 1, 'p': {'a': 2, 'p': None}}",
            ),
        ):
            directories = os.environ.get("COG_TEST_MODEL_PATH", "").split(os.pathsep)
            path = next((p for p in directories if os.path.isdir(os.path.join(p, package))), None)
            if path is None:
                continue
            with self.subTest(package):
                check = (
                    "\nimport json\nfrom cog._worker.encode import *\n"
                    "assert json.loads(encode_output(value, data_uri)) == expected, encode_output(value, data_uri)"
                )
                environment = dict(os.environ, PYTHONPATH=os.pathsep.join([SOURCE, path]))
                subprocess.check_call([sys.executable, "-c", program + check], env=environment)


class UrlTest(unittest.TestCase):
    def test_file_names(self):
        for url, name in (
            ("https://a.b/c/d.png?x=y#z", "d.png"),
            ("https://a.b/c/my%20file.txt", "my file.txt"),
            ("https://a.b/%2e%2e%2fetc%2fpasswd", ".._etc_passwd"),
            ("https://a.b/..", "file"),
            ("https://a.b/", "file"),
            ("https://a.b/a%00b%0a", "a_b_"),
            ("data:image/png;base64,xx", "file.png"),
            ("data:image/jpeg;base64,xx", "file.jpg"),
            ("data:text/plain; charset=utf-8;base64,xx", "file.txt"),
            ("data:nonsense/../../x;base64,xx", "file"),
        ):
            with self.subTest(url):
                self.assertEqual(filename_of(url), name)
        long = filename_of("https://a.b/" + "é" * 300 + ".tar.gz")
        self.assertLessEqual(len(os.fsencode(long)), 200)
        self.assertTrue(long.endswith("~.gz"))

    def test_data_uris(self):
        for uri, content in (
            ("data:,a%20b", b"a b"),
            ("data:text/plain;base64,YWJj", b"abc"),
            ("DATA:;BASE64,YWJj", b"abc"),
            ("data:;base64,YW%4Aj", b"abc"[:0] + base64.b64decode("YWJj")),
            ("data:;base64,YW\nJj", b"abc"),
            ("data:;base64,", b""),
        ):
            with self.subTest(uri):
                self.assertEqual(data_uri_bytes(uri), content)
        for uri in ("data:abc", "data:;base64,***", "data:;base64,YWJ", "data:;base64,YWJjé"):
            with self.subTest(uri), self.assertRaises(FetchError):
                data_uri_bytes(uri)


if __name__ == "__main__":
    unittest.main()
