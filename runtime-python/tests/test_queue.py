"""More predictions than places: the queue, time limits, and batches."""

import os
import signal
import threading
import time
import unittest

from .receiver import Receiver
from .support import PATIENCE, Server, eventually

SLOW = """
    import os, time
    from cog import BasePredictor

    class Predictor(BasePredictor):
        def predict(self, name: str, wait: bool = True) -> str:
            while wait and not os.path.exists("go"):
                time.sleep(0.005)
            return name
"""


def at_once(server, inputs, **options):
    """The answers to predictions that are posted at the same time, in the order of their inputs."""
    answers = [None] * len(inputs)

    def post(index):
        answers[index] = server.post("/predictions", {"input": inputs[index]}, **options)

    threads = [threading.Thread(target=post, args=(index,)) for index in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def put(server, prediction_id, **values):
    inputs = dict({"name": prediction_id}, **values)
    return server.put("/predictions/" + prediction_id, {"input": inputs}, headers={"Prefer": "respond-async"})


class QueueTest(unittest.TestCase):
    def test_predictions_wait_in_order_and_say_for_how_long(self):
        with Receiver() as receiver, Server(SLOW, arguments=["--queue-depth", "3"]) as server:
            for name in "abcd":
                body = {"input": {"name": name}, "webhook": receiver.url, "webhook_events_filter": ["start"]}
                answer = server.put("/predictions/" + name, body, headers={"Prefer": "respond-async"})
                self.assertEqual((answer.status, answer.json()["status"]), (202, "starting"))
            self.assertEqual(server.get("/health-check").json()["status"], "BUSY")
            refused = put(server, "e")
            self.assertEqual((refused.status, refused.headers["Retry-After"]), (409, "1"))
            self.assertEqual(server.get("/predictions/d").json()["status"], "starting")
            self.assertEqual(server.put("/predictions/d", {"input": {"name": "d"}}).status, 202)
            held = time.monotonic()
            time.sleep(0.2)
            held = time.monotonic() - held
            server.let_go()
            last = eventually(lambda: [b for b in [server.get("/predictions/d").json()] if b["status"] == "succeeded"])
            self.assertGreater(last[0]["metrics"]["queue_time"], held)
            self.assertNotIn("queue_time", server.get("/predictions/a").json()["metrics"])
            began = [server.get("/predictions/" + name).json()["started_at"] for name in "abcd"]
            self.assertEqual(began, sorted(began))
            # What is told of different predictions may come in any order.
            eventually(lambda: sorted(body["id"] for body in receiver.bodies()) == list("abcd"))
            self.assertEqual(put(server, "e").status, 202)

    def test_without_the_option_there_is_no_queue(self):
        with Server(SLOW) as server:
            put(server, "a")
            refused = put(server, "b")
            self.assertEqual((refused.status, refused.headers["Retry-After"]), (409, None))

    def test_what_waits_can_be_canceled_and_survives_the_worker(self):
        with Server(SLOW, environment={"COG_QUEUE_DEPTH": "9"}) as server:
            put(server, "a")
            for name in "bcd":
                put(server, name, wait=False)
            large = threading.Thread(target=lambda: put(server, "large", name="x" * 400000, wait=False))
            large.start()
            eventually(lambda: server.get("/predictions/large").status == 200)
            self.assertEqual(server.post("/predictions/b/cancel").status, 200)
            canceled = server.get("/predictions/b").json()
            self.assertEqual((canceled["status"], canceled["metrics"]["predict_time"]), ("canceled", 0))
            os.kill(server.worker_pid(), signal.SIGKILL)
            for name in ("c", "d", "large"):
                eventually(lambda name=name: server.get("/predictions/" + name).json()["status"] == "succeeded")
            self.assertEqual(server.get("/predictions/a").json()["status"], "failed")
            large.join()

    def test_a_client_that_leaves_the_queue_takes_its_prediction_along(self):
        with Server(SLOW, environment={"COG_QUEUE_DEPTH": "9"}) as server:
            put(server, "a")
            connection = server.connection()
            connection.request("PUT", "/predictions/b", '{"input": {"name": "b"}}')
            eventually(lambda: server.get("/predictions/b").status == 200)
            connection.close()
            eventually(lambda: server.get("/predictions/b").json()["status"] == "canceled")

    def test_sigterm_lets_the_queue_run_empty(self):
        environment = {"COG_QUEUE_DEPTH": "9", "COG_PROBES": "1"}
        with Receiver() as receiver, Server(SLOW, environment=environment) as server:
            for name in "abc":
                body = {"input": {"name": name}, "webhook": receiver.url, "webhook_events_filter": ["completed"]}
                server.put("/predictions/" + name, body, headers={"Prefer": "respond-async"})
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: server.get("/readyz").status == 503)
            server.let_go()
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assertEqual(sorted(body["output"] for body in receiver.bodies()), list("abc"))

    def test_what_waits_for_a_model_that_stays_down_fails(self):
        source = """
            import os, time
            class Predictor:
                def setup(self):
                    if os.path.exists("dead"): raise ValueError("not again")
                def predict(self, name: str) -> str:
                    while not os.path.exists("go"):
                        time.sleep(0.005)
                    open("dead", "w").close()
                    os._exit(3)
        """
        with Server(source, environment={"COG_QUEUE_DEPTH": "9"}) as server:
            put(server, "a")
            put(server, "b")
            server.let_go()
            body = eventually(lambda: [b for b in [server.get("/predictions/b").json()] if b["status"] == "failed"])
            self.assertIn("not again", body[0]["error"])


class TimeLimitTest(unittest.TestCase):
    def test_a_prediction_has_a_time_limit_on_request(self):
        with Server(SLOW, environment={"COG_PREDICTION_TIMEOUT": "0.3"}) as server:
            body = server.predict(name="a").json()
            self.assertEqual((body["status"], body["error"]), ("failed", "Prediction timed out after 0.3 seconds"))
            # The limit is short enough for a busy machine to miss it now and then.
            eventually(lambda: server.predict(name="a", wait=False).json()["output"] == "a")


BATCHED = """
    import os, time
    from typing import List
    from cog import BasePredictor, Input, Path, batched{imports}

    class Predictor(BasePredictor):
        @batched(max_size=SIZE, max_wait_ms=WAIT)
        {prefix}def predict(
            self,
            text: List[str] = Input(max_length=20, description="some"),
            number: List[int] = Input(default=1, ge=0),
            file: List[Path] = Input(default=None),
        ) -> List[str]:
            open("called", "w").close()
            while "wait" in text or "pause" in text and not os.path.exists("go"):
                {sleep}(0.005)
            print("batch of", len(text))
            if "all" in text: raise ValueError("everything")
            if "short" in text: return ["x"]
            return [
                ValueError("no " + t) if t == "bad" else "%s-%d-%d" % (t * n, len(text), f.stat().st_size if f else 0)
                for t, n, f in zip(text, number, file)
            ]
"""
SYNC = BATCHED.format(prefix="", imports="", sleep="time.sleep")
ASYNC = BATCHED.format(prefix="async ", imports="\n    import asyncio", sleep="await asyncio.sleep")


# As long as it may be: a call begins when there are as many as it takes.
FULL = 60000


def batched(source, size, wait=FULL):
    return source.replace("SIZE", str(size)).replace("WAIT", str(wait))


class BatchTest(unittest.TestCase):
    def test_predictions_share_a_call(self):
        for source in (SYNC, ASYNC):
            with Server(batched(source, 4)) as server:
                schema = server.get("/openapi.json").json()["components"]["schemas"]
                self.assertEqual(schema["Input"]["properties"]["text"]["type"], "string")
                self.assertEqual(schema["Input"]["properties"]["number"]["default"], 1)
                self.assertEqual(schema["Output"], {"title": "Output", "type": "string"})
                uri = "data:text/plain;base64,QUJD"
                inputs = [{"text": "a"}, {"text": "b", "number": 2}, {"text": "bad"}, {"text": "c", "file": uri}]
                bodies = [answer.json() for answer in at_once(server, inputs)]
                self.assertEqual([body["output"] for body in bodies], ["a-4-0", "bb-4-0", None, "c-4-3"])
                self.assertEqual((bodies[2]["status"], bodies[2]["error"]), ("failed", "no bad"))
                self.assertEqual([body["logs"] for body in bodies if body["output"]], [""] * 3)
            with Server(batched(source, 4, wait=100)) as server:
                alone = server.predict(text="z").json()
                self.assertEqual((alone["output"], alone["logs"]), ("z-1-0", "batch of 1\n"))
                self.assertGreater(alone["metrics"]["predict_time"], 0)
                answer = server.predict(text="z" * 21)
                self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "input", "text"])

    def test_what_goes_wrong_for_all(self):
        for source in (SYNC, ASYNC):
            with Server(batched(source, 2)) as server:
                for body in (answer.json() for answer in at_once(server, [{"text": "all"}, {"text": "b"}])):
                    self.assertEqual((body["status"], body["error"]), ("failed", "everything"))
                    self.assertIn("ValueError: everything", body["logs"])
                for body in (answer.json() for answer in at_once(server, [{"text": "short"}, {"text": "b"}])):
                    self.assertIn("must return a list of 2 outputs, not 1 outputs", body["error"])
            with Server(batched(source, 2, wait=100)) as server:
                missing = {"text": "a", "file": "http://127.0.0.1:1/gone.txt"}
                bodies = [answer.json() for answer in at_once(server, [missing, {"text": "b"}])]
                self.assertIn("could not fetch", bodies[0]["error"])
                self.assertIn(bodies[1]["output"], ("b-1-0", "b-2-0"))

    def test_canceling_one_leaves_the_others_and_canceling_all_stops_the_call(self):
        for source in (SYNC, ASYNC):
            # Long enough that no worker is killed for not having heeded a cancelation.
            with Server(batched(source, 2), environment={"COG_CANCEL_GRACE": "1000"}) as server:
                answers = {}

                def run(name, text, answers=answers, server=server):
                    answers[name] = server.put("/predictions/" + name, {"input": {"text": text}}).json()

                def start(*named):
                    threads = [threading.Thread(target=run, args=pair) for pair in named]
                    for thread in threads:
                        thread.start()
                    eventually(lambda: server.exists("called"))
                    os.unlink(os.path.join(server.directory, "src", "called"))
                    return threads

                threads = start(("a", "pause"), ("b", "b"))
                server.post("/predictions/b/cancel")
                eventually(lambda: "b" in answers)
                server.let_go()
                for thread in threads:
                    thread.join()
                self.assertEqual(answers["b"]["status"], "canceled")
                self.assertEqual(answers["a"]["output"], "pause-2-0")
                threads = start(("c", "wait"), ("d", "d"))
                for name in "cd":
                    server.post("/predictions/{}/cancel".format(name))
                for thread in threads:
                    thread.join()
                self.assertEqual([answers[name]["status"] for name in "cd"], ["canceled", "canceled"])
                bodies = [answer.json() for answer in at_once(server, [{"text": "y"}, {"text": "z"}])]
                self.assertEqual([body["output"] for body in bodies], ["y-2-0", "z-2-0"])

    def test_signatures_that_do_not_go_together_with_batches(self):
        for signature, message in (
            ("text: str) -> List[str]", "parameter 'text': it must be a list with a type"),
            ("text: List[str]) -> str", "the return value must be a list with a type"),
        ):
            source = "from typing import List\nfrom cog import batched\nclass Predictor:\n  @batched(max_size=2)\n"
            with Server(source + "  def predict(self, " + signature + ": return text", wait=False) as server:
                self.assertIn(message, server.wait_ready("SETUP_FAILED")["setup"]["logs"])


if __name__ == "__main__":
    unittest.main()
