"""Forms (multipart/form-data) as requests."""

import os
import subprocess
import sys
import tempfile
import unittest

from .support import SOURCE, Server

MODEL = """
    from typing import Dict, List, Optional
    from cog import BasePredictor, File, Input, Path

    class Predictor(BasePredictor):
        def predict(
            self,
            text: str,
            number: int = 1,
            flag: bool = False,
            image: Optional[Path] = None,
            raw: Optional[File] = None,
            images: List[Path] = Input(default=[]),
            words: List[str] = Input(default=[]),
            table: Dict[str, int] = Input(default={}),
        ) -> Dict[str, object]:
            return {
                "text": text, "number": number, "flag": flag, "words": words, "table": table,
                "image": [image.name, image.stat().st_size] if image else None,
                "raw": len(raw.read()) if raw else None,
                "images": [[path.name, path.read_text()] for path in images],
            }
"""


def form(*parts, boundary="limit", end=True):
    """A form of (name, content) and (name, content, filename, type)."""
    body = b""
    for name, content, *file in parts:
        head = 'Content-Disposition: form-data; name="{}"'.format(name)
        if file:
            head += '; filename="{}"\r\nContent-Type: {}'.format(*file)
        content = content.encode("utf-8") if isinstance(content, str) else content
        body += "--{}\r\n{}\r\n\r\n".format(boundary, head).encode("utf-8") + content + b"\r\n"
    return body + "--{}--\r\n".format(boundary).encode("utf-8") if end else body


class FormTest(unittest.TestCase):
    def post(self, server, body, content_type="multipart/form-data; boundary=limit", path="/predictions", **options):
        headers = {"Content-Type": content_type}
        if path == "/predictions":
            return server.request("POST", path, body, headers, **options)
        return server.request("PUT", path, body, headers, **options)

    def test_each_part_is_an_input(self):
        with Server(MODEL) as server:
            parts = [
                ("text", "grüße\r\n--not the limit"),
                ("number", "7"),
                ("flag", "true"),
                ("image", b"\x89PNG\r\n\x00", "a b.png", "image/png"),
                ("raw", b"\0" * 10, "raw.bin", "application/octet-stream"),
                ("images", "one", "1.txt", "text/plain"),
                ("images", "two", "2.txt", "text/plain"),
                ("words", '["x", "y"]'),
                ("table", '{"k": 3}'),
                ("unknown", "dropped"),
            ]
            output = self.post(server, form(*parts)).json()["output"]
            self.assertEqual(output["text"], "grüße\r\n--not the limit")
            self.assertEqual((output["number"], output["flag"], output["raw"]), (7, True, 10))
            self.assertEqual(output["image"], ["a b.png", 7])
            self.assertEqual(output["images"], [["1.txt", "one"], ["2.txt", "two"]])
            self.assertEqual((output["words"], output["table"]), (["x", "y"], {"k": 3}))
            parts = [("text", "[not a list]"), ("words", "x"), ("words", "y"), ("image", "", "", "a/b")]
            output = self.post(server, form(*parts)).json()["output"]
            self.assertEqual((output["text"], output["words"], output["image"]), ("[not a list]", ["x", "y"], None))
            # A file for a text is its content, and one of a strange type or name is a file like any other.
            parts = [("text", "content", "t.txt", "text/plain"), ("image", "x", "../../etc/passwd", "a,b;c")]
            output = self.post(server, form(*parts), path="/predictions/p").json()["output"]
            self.assertEqual((output["text"], output["image"]), ("content", ["passwd", 1]))
            self.assertEqual(server.get("/predictions/p").json()["output"]["text"], "content")
            self.assertEqual(server.temporary_files(), [])

    def test_a_large_form_is_read_by_the_worker(self):
        with Server(MODEL) as server:
            content = os.urandom(3 << 20)
            body = form(("text", "t"), ("image", content, "big.bin", "application/octet-stream"), ("raw", content))
            answer = self.post(server, body)
            self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "input", "raw"])
            parts = [("text", "t"), ("image", content, "big.bin", "x/y"), ("raw", content, "r", "x/y")]
            output = self.post(server, form(*parts)).json()["output"]
            self.assertEqual((output["image"], output["raw"]), (["big.bin", 3 << 20], 3 << 20))
            self.assertEqual(self.post(server, form(("number", "x" * 300000))).status, 422)
            self.assertEqual(self.post(server, form(("text", "x" * 300000), end=False)).status, 422)

    def test_what_is_no_form_gets_422(self):
        with Server(MODEL) as server:
            whole = form(("text", "t"))
            for body in (b"", b"--limit", b"--limit\r\n", b"--limit--\r\n", whole[:-10], b"x" + whole, whole[2:]):
                answer = self.post(server, body)
                self.assertEqual(answer.status, 422, body)
                self.assertIn(answer.json()["detail"][0]["loc"], (["body"], ["body", "input", "text"]))
            for body in (b"--limit\r\n\r\nx\r\n--limit--", b"--limit\r\nContent-Disposition: x\r\n\r\nx\r\n--limit--"):
                self.assertEqual(self.post(server, body).status, 422)
            many = form(*[("a%d" % index, "") for index in range(1001)])
            self.assertIn("1000 parts", self.post(server, many).json()["detail"][0]["msg"])
            for content_type in (
                "multipart/form-data",
                "multipart/form-data; boundary=",
                "multipart/form-data; boundary",
            ):
                self.assertEqual(self.post(server, whole, content_type).status, 422)
            answer = self.post(server, form(("text", "t"), ("number", "many")))
            self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "input", "number"])
            quoted = self.post(server, form(("text", "t"), boundary="a b"), 'Multipart/Form-Data; boundary="a b"')
            self.assertEqual(quoted.json()["output"]["text"], "t")

    def test_curl_is_understood(self):
        with Server(MODEL, tcp=True) as server, tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "picture.txt")
            with open(path, "w") as file:
                file.write("pixels")
            url = "http://127.0.0.1:{}/predictions".format(server.port)
            command = ["curl", "-sS", "-F", "text=hello", "-F", "image=@" + path, url]
            import json

            body = json.loads(subprocess.check_output(command).decode())
            self.assertEqual((body["output"]["text"], body["output"]["image"]), ("hello", ["picture.txt", 6]))

    def test_reading_takes_time_linear_in_the_size(self):
        program = (
            "import time; from cog._schema.multipart import read_parts\n"
            "def took(body):\n"
            "    start = time.process_time()\n"
            "    try: list(read_parts(body, 'limit'))\n"
            "    except ValueError: pass\n"
            "    return time.process_time() - start\n"
            "hostile = [b'\\r\\n--limi' * n for n in (100000, 400000)]\n"
            "print(took(b'--limit\\r\\n' + hostile[0]) * 40 + 1 > took(b'--limit\\r\\n' + hostile[1]))"
        )
        environment = dict(os.environ, PYTHONPATH=SOURCE)
        self.assertEqual(subprocess.check_output([sys.executable, "-c", program], env=environment), b"True\n")


if __name__ == "__main__":
    unittest.main()
