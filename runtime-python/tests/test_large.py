"""Large requests and answers: right, and nobody else has to wait for them."""

import json
import unittest

from .health import assert_quick
from .receiver import Receiver
from .support import Server, eventually

ECHO = """
    from cog import BasePredictor, Path

    class Predictor(BasePredictor):
        {}def predict(self, text: str = "", path: Path = None, make: int = 0, number: int = 0) -> str:
            if path:
                return str(path.stat().st_size)
            return text or "x" * make
"""


class LargeTest(unittest.TestCase):
    def test_text_of_every_size_both_ways(self):
        for prefix in ("", "async "):
            with Server(ECHO.format(prefix)) as server:
                for size in (65000, 262000, 262144, 270000, 600000, 5000000):
                    text = ("é" + "x" * 9) * (size // 10)
                    body = server.post("/predictions", {"id": "n%d" % size, "input": {"text": text}}).json()
                    self.assertEqual(body["id"], "n%d" % size)
                    self.assertTrue(body["status"] == "succeeded" and body["output"] == text, size)
                    self.assertEqual("input" in body, size < 262000)

    def test_what_a_large_request_asks_for_is_heeded(self):
        with Receiver() as receiver, Server(ECHO.format("")) as server:
            padding = {"text": "x" * 400000}
            request = {"id": "big", "input": padding, "webhook": receiver.url, "created_at": "then"}
            answer = server.post("/predictions", request, headers={"Prefer": "respond-async"})
            self.assertEqual((answer.status, answer.json()["id"], answer.json()["status"]), (202, "big", "starting"))
            eventually(lambda: receiver.requests and receiver.bodies()[-1]["status"] == "succeeded")
            self.assertEqual([body["status"] for body in receiver.bodies()], ["processing", "succeeded"])
            self.assertEqual(server.get("/predictions/big").json()["created_at"], "then")
            self.assertEqual(server.put("/predictions/u", {"input": padding}).json()["id"], "u")
            answer = server.put("/predictions/u", {"id": "v", "input": padding})
            self.assertEqual((answer.status, answer.json()["detail"][0]["loc"]), (422, ["body", "id"]))
            answer = server.put("/predictions/..%2f", {"input": padding})
            self.assertEqual(answer.status, 422)
            answer = server.predict(number="x", **padding)
            self.assertEqual(answer.status, 422)
            self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "input", "number"])
            answer = server.request("POST", "/predictions", b'{"input": ' + b" " * 300000)
            self.assertEqual(answer.status, 422)
            self.assertEqual(server.predict(text="still here").json()["output"], "still here")

    def test_too_large_is_refused(self):
        with Server(ECHO.format(""), environment={"COG_MAX_BODY_BYTES": "100000"}) as server:
            self.assertEqual(server.predict(text="x" * 100000).status, 413)
            self.assertEqual(server.predict(text="x" * 1000).status, 200)

    def test_health_does_not_wait(self):
        with Server(ECHO.format("")) as server:
            uri = "data:application/octet-stream;base64," + "QUJD" * (10 << 20)
            body = json.dumps({"input": {"path": uri}}).encode()

            def work():
                answer = server.request("POST", "/predictions", body).json()
                self.assertEqual(answer.get("output"), str(30 << 20), answer.get("error"))
                self.assertEqual(len(server.predict(make=20 << 20).json()["output"]), 20 << 20)

            assert_quick(self, server, "large both ways", work)
            self.assertEqual(server.temporary_files(), [])


if __name__ == "__main__":
    unittest.main()
