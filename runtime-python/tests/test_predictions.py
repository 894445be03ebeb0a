"""Iterators, event streams, concurrency, cancelation, idempotent and asynchronous creation, webhooks, uploads."""

import json
import os
import threading
import time
import unittest

from .receiver import Receiver
from .support import PATIENCE, Server, eventually

TOKENS = """
    import os, sys, time
    from typing import Iterator
    from cog import BasePredictor, ConcatenateIterator, current_scope, streaming

    class Predictor(BasePredictor):
        @streaming
        def predict(self, count: int = 3, fail: bool = False, wait_for: str = "") -> ConcatenateIterator[str]:
            current_scope().record_metric("temperature", 0.7)
            for index in range(count):
                print("token", index)
                yield "t{} ".format(index)
            while wait_for and not os.path.exists(wait_for):
                time.sleep(0.005)
            if fail:
                raise RuntimeError("exploded")
            current_scope().record_metric("tokens", count, mode="incr")
"""

ASYNC_TOKENS = """
    import asyncio, os
    from cog import AsyncConcatenateIterator, BasePredictor, streaming

    class Predictor(BasePredictor):
        async def setup(self):
            self.loop = asyncio.get_event_loop()

        @streaming
        async def predict(self, count: int = 3, wait_for: str = "") -> AsyncConcatenateIterator[str]:
            assert asyncio.get_event_loop() is self.loop
            for index in range(count):
                print("token", index)
                yield "t{} ".format(index)
                while wait_for and not os.path.exists(wait_for):
                    await asyncio.sleep(0.005)
"""

WAITER = """
    import os, time

    class Predictor:
        def predict(self, name: str = "go") -> str:
            print("waiting")
            while not os.path.exists(name):
                time.sleep(0.005)
            return "done"
"""


def events(body):
    """The events of a stream: (kind, data)."""
    found = []
    for block in body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = dict(line.split(": ", 1) for line in lines)
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def let_go(server):
    server.let_go()


def stream(server, method="POST", path="/predictions", body=None):
    return server.request(method, path, body or {}, {"Accept": "text/event-stream"})


ASYNC = {"Prefer": "respond-async"}


class IteratorTest(unittest.TestCase):
    def test_items_make_a_list_and_failures_keep_what_came_before(self):
        with Server(TOKENS) as server:
            body = server.predict(count=3).json()
            self.assertEqual(body["output"], ["t0 ", "t1 ", "t2 "])
            self.assertEqual(body["logs"], "token 0\ntoken 1\ntoken 2\n")
            self.assertEqual(body["metrics"]["temperature"], 0.7)
            self.assertEqual(body["metrics"]["tokens"], 3)
            self.assertIn("predict_time", body["metrics"])
            self.assertEqual(server.predict(count=0).json()["output"], [])
            body = server.predict(count=2, fail=True).json()
            self.assertEqual((body["status"], body["error"]), ("failed", "exploded"))
            self.assertEqual(body["output"], ["t0 ", "t1 "])

    def test_files_are_read_when_they_are_yielded(self):
        source = """
            from typing import Iterator
            from cog import Path

            def Predictor() -> Iterator[Path]:
                for index in range(3):
                    path = Path("same.txt")
                    path.write_text(str(index))
                    yield path
                    path.unlink()
        """
        with Server(source) as server:
            output = server.predict().json()["output"]
            self.assertEqual(output, ["data:text/plain;base64," + code for code in ("MA==", "MQ==", "Mg==")])

    def test_a_generator_is_closed_when_its_prediction_is_canceled(self):
        source = """
            import time
            from typing import Iterator

            def Predictor() -> Iterator[str]:
                try:
                    yield "one"
                    time.sleep(60)
                    yield "two"
                finally:
                    open("closed", "w").close()
        """
        with Server(source) as server:
            server.put("/predictions/a", {}, headers=ASYNC)
            eventually(lambda: server.get("/predictions/a").json()["output"])
            server.post("/predictions/a/cancel")
            eventually(lambda: server.get("/predictions/a").json()["status"] == "canceled")
            self.assertEqual(server.get("/predictions/a").json()["output"], ["one"])
            self.assertTrue(os.path.exists(os.path.join(server.directory, "src", "closed")))


class StreamTest(unittest.TestCase):
    def test_events_of_sync_and_async_generators(self):
        for source in (TOKENS, ASYNC_TOKENS):
            with Server(source) as server:
                answer = stream(server, body={"id": "s1", "input": {"count": 2}})
                self.assertEqual(answer.status, 200)
                self.assertTrue(answer.headers["content-type"].startswith("text/event-stream"))
                found = events(answer.body)
                self.assertEqual(found[0], ("start", {"id": "s1", "status": "processing"}))
                outputs = [data for kind, data in found if kind == "output"]
                self.assertEqual(outputs, [{"chunk": "t0 ", "index": 0}, {"chunk": "t1 ", "index": 1}])
                logs = [data for kind, data in found if kind == "log"]
                self.assertEqual(logs[0], {"source": "stdout", "data": "token 0\n"})
                kind, last = found[-1]
                self.assertEqual(kind, "completed")
                self.assertEqual((last["status"], last["output"]), ("succeeded", ["t0 ", "t1 "]))

    def test_metrics_are_events(self):
        with Server(TOKENS) as server:
            metrics = [data for kind, data in events(stream(server).body) if kind == "metric"]
            self.assertEqual(metrics[0], {"name": "temperature", "value": 0.7, "mode": "replace"})
            self.assertEqual(metrics[1], {"name": "tokens", "value": 3, "mode": "increment"})

    def test_chunks_arrive_while_the_model_works(self):
        with Server(ASYNC_TOKENS) as server:
            connection = server.connection()
            body = json.dumps({"input": {"count": 3, "wait_for": "go"}})
            connection.request("POST", "/predictions", body, {"Accept": "text/event-stream"})
            response = connection.getresponse()
            read = b""
            while b"t0 " not in read:
                read += response.read1(65536)
            self.assertNotIn(b"t1 ", read)
            let_go(server)
            self.assertIn(b"t2 ", response.read())
            connection.close()

    def test_only_models_that_say_so_are_streamed(self):
        with Server(TOKENS.replace("@streaming", "")) as server:
            answer = stream(server)
            self.assertEqual(answer.status, 406)
            self.assertIn("This model does not support streaming responses", answer.json()["error"])
        with Server(TOKENS) as server:
            schema = server.get("/openapi.json").json()
            self.assertIs(schema["paths"]["/predictions"]["post"]["x-cog-streaming"], True)

    def test_a_reader_may_come_again_with_put(self):
        with Server(TOKENS) as server:
            request = {"input": {"count": 2, "wait_for": "go"}}
            self.assertEqual(server.put("/predictions/r", request, headers=ASYNC).status, 202)
            eventually(lambda: len(server.get("/predictions/r").json()["output"] or []) == 2)
            found = events(self.joined(server, "/predictions/r", request))
            self.assertEqual([kind for kind, _ in found].count("output"), 2)
            self.assertEqual(found[-1][1]["status"], "succeeded")

    def joined(self, server, path, request):
        """The stream of a prediction that goes on once somebody reads it."""
        connection = server.connection()
        try:
            connection.request("PUT", path, json.dumps(request), {"Accept": "text/event-stream"})
            response = connection.getresponse()
            let_go(server)
            return response.read()
        finally:
            connection.close()

    def test_a_reader_that_leaves_cancels_what_it_posted_but_not_what_it_put(self):
        with Server(TOKENS) as server:
            for method, path in (("POST", "/predictions"), ("PUT", "/predictions/p")):
                connection = server.connection()
                body = json.dumps({"id": "p", "input": {"wait_for": "go"}})
                connection.request(method, path, body, {"Accept": "text/event-stream"})
                connection.getresponse().read1(100)
                server.wait_ready("BUSY")
                connection.close()
                if method == "POST":
                    eventually(lambda: server.get("/predictions/p").json()["status"] == "canceled")
                else:
                    time.sleep(0.2)
                    self.assertEqual(server.get("/predictions/p").json()["status"], "processing")
                    let_go(server)
                    eventually(lambda: server.get("/predictions/p").json()["status"] == "succeeded")

    def test_history_is_bounded(self):
        for capacity, expected in (("2", "error"), ("0", "completed")):
            with Server(TOKENS, environment={"COG_STREAM_HISTORY_CAPACITY": capacity}) as server:
                request = {"input": {"count": 4, "wait_for": "go"}}
                server.put("/predictions/h", request, headers=ASYNC)
                eventually(lambda: len(server.get("/predictions/h").json()["output"] or []) == 4)
                found = events(self.joined(server, "/predictions/h", request))
                self.assertEqual(found[-1][0], expected)
                self.assertNotIn("output", [kind for kind, _ in found])
                if expected == "error":
                    self.assertEqual(found[0][1]["error"], "SSE stream replay truncated")
                    self.assertGreaterEqual(found[0][1]["skipped"], 7)


class AsyncModelTest(unittest.TestCase):
    SOURCE = """
        import asyncio
        from cog import BasePredictor, concurrent

        class Predictor(BasePredictor):
            async def setup(self):
                self.running = 0
                self.event = asyncio.Event()

            @concurrent(max=3)
            async def predict(self, name: str) -> str:
                self.running += 1
                print("in", name, end="")
                if self.running == 3:
                    self.event.set()
                await asyncio.wait_for(self.event.wait(), 120)
                print(" out", name)
                self.running -= 1
                return name
    """

    def test_predictions_run_at_the_same_time_with_logs_apart(self):
        with Server(self.SOURCE) as server:
            answers = {}

            def run(name):
                answers[name] = server.predict(name=name).json()

            threads = [threading.Thread(target=run, args=(name,)) for name in "abc"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for name in "abc":
                self.assertEqual(answers[name]["output"], name)
                self.assertEqual(answers[name]["logs"], "in {0} out {0}\n".format(name))

    def test_the_number_of_places_comes_from_decorator_or_variable(self):
        for environment, places in (({}, 3), ({"COG_MAX_CONCURRENCY": "1"}, 1)):
            with Server(self.SOURCE.replace("== 3", "== 99"), environment=environment) as server:
                for index in range(places):
                    body = {"input": {"name": "x"}}
                    self.assertEqual(server.put("/predictions/p%d" % index, body, headers=ASYNC).status, 202)
                self.assertEqual(server.get("/health-check").json()["status"], "BUSY")
                self.assertEqual(server.predict(name="y").status, 409)
                server.post("/predictions/p0/cancel")
                server.wait_ready("READY")
                self.assertEqual(server.get("/predictions/p0").json()["status"], "canceled")

    def test_concurrency_needs_an_async_method(self):
        with Server(WAITER, wait=False, environment={"COG_MAX_CONCURRENCY": "2"}) as server:
            self.assertIn("async", server.wait_ready("SETUP_FAILED")["setup"]["logs"])

    def test_async_methods_that_yield_return_or_fail(self):
        source = """
            import sys
            from typing import AsyncIterator, List

            class Predictor:
                async def predict(self, how: str) -> AsyncIterator[str]:
                    yield "a"
                    if how == "fail":
                        raise ValueError("no")
                    if how == "exit":
                        sys.exit(1)
                    yield "b"
        """
        with Server(source) as server:
            self.assertEqual(server.predict(how="").json()["output"], ["a", "b"])
            self.assertEqual(server.predict(how="fail").json()["error"], "no")
            self.assertEqual(server.predict(how="exit").json()["status"], "failed")
            self.assertEqual(server.predict(how="").json()["output"], ["a", "b"])


class CancelTest(unittest.TestCase):
    def test_blocking_calls_end_at_once(self):
        source = """
            import socket, subprocess, time
            from cog import CancelationException

            class Predictor:
                def predict(self, how: str) -> str:
                    try:
                        print("begun")
                        if how == "sleep":
                            time.sleep(60)
                        if how == "child":
                            subprocess.run(["sleep", "60"])
                        if how == "socket":
                            ends = socket.socketpair()
                            ends[0].recv(1)
                        if how == "loop":
                            while True:
                                try:
                                    time.monotonic()
                                except Exception:
                                    pass
                        return "not canceled"
                    except CancelationException:
                        print("cleaned up")
                        raise
        """
        # Long enough that no worker is killed for not having heeded it.
        with Server(source, environment={"COG_CANCEL_GRACE": "1000"}) as server:
            for how in ("sleep", "child", "socket", "loop"):
                with self.subTest(how=how):
                    path = "/predictions/" + how
                    self.assertEqual(server.put(path, {"input": {"how": how}}, headers=ASYNC).status, 202)
                    eventually(lambda: server.get(path).json()["logs"])
                    answer = server.post(path + "/cancel")
                    self.assertEqual((answer.status, answer.json()), (200, {}))
                    eventually(lambda: server.get(path).json()["status"] == "canceled", patience=50)
                    self.assertEqual(server.get(path).json()["logs"], "begun\ncleaned up\n")
            self.assertEqual(server.predict(how="").json()["output"], "not canceled")
            self.assertEqual(server.post("/predictions/sleep/cancel").status, 404)

    def test_a_model_that_does_not_heed_it_is_killed_and_started_again(self):
        source = """
            import re

            class Predictor:
                def predict(self, hang: bool) -> str:
                    if hang:
                        re.match("(a*)*b", "a" * 40)
                    return "fine"
        """
        with Server(source, environment={"COG_CANCEL_GRACE": "0.3"}) as server:
            server.put("/predictions/h", {"input": {"hang": True}}, headers=ASYNC)
            time.sleep(0.1)
            server.post("/predictions/h/cancel")
            eventually(lambda: server.get("/predictions/h").json()["status"] == "canceled")
            server.wait_ready()
            self.assertEqual(server.predict(hang=False).json()["output"], "fine")

    def test_a_cancelation_hits_only_its_own_prediction(self):
        source = """
            import time

            class Predictor:
                def predict(self, seconds: float) -> str:
                    time.sleep(seconds)
                    return "slept"
        """
        with Server(source) as server:
            for index in range(60):
                path = "/predictions/p%d" % index
                server.put(path, {"input": {"seconds": 0.002}}, headers=ASYNC)
                time.sleep(0.0001 * (index % 30))
                server.post(path + "/cancel")
                eventually(lambda: server.get(path).json()["status"] in ("canceled", "succeeded"))
                body = server.predict(seconds=0.001).json()
                self.assertEqual((body["status"], body["logs"]), ("succeeded", ""), body)

    def test_cancel_after(self):
        with Server(WAITER) as server:
            answer = server.post("/predictions", {"input": {}}, headers={"Cancel-After": "0.2s"})
            self.assertEqual(answer.json()["status"], "canceled")


class CreationTest(unittest.TestCase):
    def test_asynchronous_creation_and_polling(self):
        with Server(WAITER) as server:
            for prefer in ("respond-async", "respond-async, wait=0", "x; y, Respond-Async;q=1"):
                body = {"id": "a1", "input": {"name": "go"}}
                answer = server.post("/predictions", body, headers={"Prefer": prefer})
                self.assertEqual(answer.status, 202)
                self.assertEqual((answer.json()["id"], answer.json()["status"]), ("a1", "starting"))
                self.assertEqual(server.get("/predictions/a1").json()["status"], "processing")
                let_go(server)
                eventually(lambda: server.get("/predictions/a1").json()["status"] == "succeeded")
                self.assertEqual(server.get("/predictions/a1").json()["output"], "done")
                os.unlink(os.path.join(server.directory, "src", "go"))
            self.assertEqual(server.get("/predictions/unknown").status, 404)

    def test_waiting_for_some_time(self):
        with Server(WAITER) as server:
            answer = server.post("/predictions", {"id": "w"}, headers={"Prefer": "respond-async, wait=1"})
            self.assertEqual((answer.status, answer.json()["status"]), (202, "processing"))
            threading.Timer(0.2, let_go, [server]).start()
            eventually(lambda: server.get("/predictions/w").json()["status"] == "succeeded")
            answer = server.post("/predictions", {}, headers={"Prefer": "wait=30, respond-async"})
            self.assertEqual((answer.status, answer.json()["status"]), (200, "succeeded"))

    def test_put_is_idempotent_while_the_prediction_runs(self):
        with Server(WAITER) as server:
            first = server.put("/predictions/same", {"input": {}}, headers=ASYNC)
            again = server.put("/predictions/same", {"id": "same", "input": {}})
            self.assertEqual((first.status, again.status), (202, 202))
            self.assertEqual((again.json()["id"], again.json()["status"]), ("same", "processing"))
            self.assertEqual(server.put("/predictions/other", {}).status, 409)
            self.assertEqual(server.post("/predictions", {"id": "same"}).status, 409)
            let_go(server)
            eventually(lambda: server.get("/predictions/same").json()["status"] == "succeeded")
            self.assertEqual(server.put("/predictions/same", {}).json()["output"], "done")

    def test_ids_in_url_and_body_must_agree_and_be_harmless(self):
        with Server(WAITER) as server:
            answer = server.put("/predictions/one", {"id": "two"})
            self.assertEqual(answer.status, 422)
            self.assertEqual(answer.json()["detail"][0]["loc"], ["body", "id"])
            self.assertEqual(answer.json()["detail"][0]["msg"], "prediction ID must match the ID supplied in the URL")
            for path in ("..%2f..%2fetc", "%00", "a%0ab", "x" * 300, "%ff"):
                self.assertEqual(server.put("/predictions/" + path, {}).status, 422, path)
            for path in ("/predictions/", "/predictions/a/b", "/predictions//cancel/x"):
                self.assertEqual(server.put(path, {}).status, 404, path)


class WebhookTest(unittest.TestCase):
    def run_with_webhook(self, server, receiver, body, headers=None):
        request = dict({"webhook": receiver.url + "/hook"}, **body)
        answer = server.post("/predictions", request, headers=dict(ASYNC, **(headers or {})))
        self.assertEqual(answer.status, 202)
        return answer.json()["id"]

    def test_events_come_in_order_with_everything_in_the_last(self):
        with Receiver() as receiver, Server(TOKENS, environment={"WEBHOOK_AUTH_TOKEN": "tok"}) as server:
            trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"}
            self.run_with_webhook(server, receiver, {"id": "w1", "input": {"count": 5}}, trace)
            eventually(lambda: receiver.requests and receiver.bodies()[-1]["status"] == "succeeded")
            bodies = receiver.bodies()
            self.assertEqual(bodies[0]["status"], "processing")
            self.assertFalse(bodies[0]["output"])
            lengths = [len(body["output"] or []) for body in bodies]
            self.assertEqual(lengths, sorted(lengths))
            self.assertTrue({1, 2, 3, 4, 5} <= set(lengths), lengths)
            self.assertEqual([body["status"] for body in bodies].count("succeeded"), 1)
            self.assertEqual(bodies[-1]["logs"].count("token"), 5)
            headers = receiver.requests[0]["headers"]
            self.assertEqual(headers["authorization"], "Bearer tok")
            self.assertEqual(headers["content-type"], "application/json")
            self.assertEqual({name: headers[name] for name in trace}, trace)
            self.assertTrue(headers["user-agent"].startswith("cog-worker/"))

    def test_only_the_events_that_were_asked_for(self):
        with Receiver() as receiver, Server(TOKENS) as server:
            self.run_with_webhook(server, receiver, {"webhook_events_filter": ["completed"], "input": {"fail": True}})
            eventually(lambda: receiver.requests)
            time.sleep(0.2)
            self.assertEqual([body["status"] for body in receiver.bodies()], ["failed"])
            self.assertEqual(receiver.bodies()[0]["error"], "exploded")

    def test_the_terminal_state_is_tried_again(self):
        statuses = [503, 429, None, 500]

        def answers(request):
            return (statuses.pop(0) if statuses else 200), {}, b""

        with Receiver(answers) as receiver, Server(TOKENS) as server:
            self.run_with_webhook(server, receiver, {"webhook_events_filter": ["completed"]})
            eventually(lambda: len(receiver.requests) == 5)

    def test_redirects_keep_the_method(self):
        def answers(request):
            return (307, {"Location": "/there"}, b"") if request["path"] == "/hook" else (200, {}, b"")

        with Receiver(answers) as receiver, Server(TOKENS) as server:
            self.run_with_webhook(server, receiver, {"webhook_events_filter": ["completed"]})
            eventually(lambda: len(receiver.requests) == 2)
            self.assertEqual([r["method"] + r["path"] for r in receiver.requests], ["POST/hook", "POST/there"])
            self.assertEqual(receiver.bodies()[1]["status"], "succeeded")

    def test_a_dead_receiver_holds_nothing_up(self):
        with Server(TOKENS) as server:
            for _ in range(5):
                # The last attempt to deliver comes minutes later.
                answer = server.post("/predictions", {"webhook": "http://127.0.0.1:9/hook"}, timeout=60)
                self.assertEqual(answer.json()["status"], "succeeded")
            self.assertEqual(server.get("/health-check").json()["status"], "READY")

    def test_logs_are_throttled_but_not_lost(self):
        source = """
            import os, time

            def Predictor() -> str:
                for index in range(50):
                    print(index)
                    time.sleep(0.01)
                while not os.path.exists("go"):
                    time.sleep(0.005)
                return "x"
        """
        environment = {"COG_THROTTLE_RESPONSE_INTERVAL": "0.2"}
        with Receiver() as receiver, Server(source, environment=environment) as server:
            started = time.monotonic()
            self.run_with_webhook(server, receiver, {"webhook_events_filter": ["logs", "completed"]})
            eventually(lambda: receiver.requests and receiver.bodies()[-1]["logs"].endswith("49\n"))
            most = (time.monotonic() - started) / 0.2 + 2
            self.assertLessEqual(len(receiver.requests), most)
            let_go(server)
            eventually(lambda: receiver.bodies()[-1]["status"] == "succeeded")

    def test_shutdown_waits_for_deliveries(self):
        def answers(request):
            time.sleep(0.3)
            return 200, {}, b""

        with Receiver(answers) as receiver, Server(WAITER) as server:
            let_go(server)
            self.run_with_webhook(server, receiver, {"webhook_events_filter": ["completed"]})
            server.post("/shutdown")
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assertEqual([body["status"] for body in receiver.bodies()], ["succeeded"])


class UploadTest(unittest.TestCase):
    SOURCE = """
        from typing import List
        from cog import BasePredictor, Path

        class Predictor(BasePredictor):
            def predict(self, size: int = 3) -> List[Path]:
                found = []
                for name in ("a b.png", "c.txt"):
                    Path(name).write_bytes(b"x" * size)
                    found.append(Path(name))
                return found
    """

    def test_files_are_put_and_urls_returned(self):
        def answers(request):
            if request["path"].endswith("c.txt"):
                return 200, {"Location": "https://cdn.example/c.txt?signature=1"}, b""
            if request["path"].startswith("/up/"):
                return 307, {"Location": "/moved" + request["path"] + "?token=1"}, b""
            return 200, {}, b""

        with Receiver(answers) as receiver:
            with Server(self.SOURCE, arguments=["--upload-url", receiver.url + "/up"]) as server:
                body = server.post("/predictions", {"id": "u1", "input": {"size": 3000000}}).json()
                self.assertEqual(body["status"], "succeeded", body)
                expected = [receiver.url + "/moved/up/a%20b.png", "https://cdn.example/c.txt"]
                self.assertEqual(body["output"], expected)
            puts = [request for request in receiver.requests if request["path"].startswith("/moved")]
            self.assertEqual(puts[0]["method"], "PUT")
            self.assertEqual(puts[0]["body"], b"x" * 3000000)
            self.assertEqual(puts[0]["headers"]["content-type"], "image/png")
            self.assertEqual(puts[0]["headers"]["x-prediction-id"], "u1")

    def test_failures_are_tried_again_and_then_fail_the_prediction(self):
        statuses = [500, 503]

        def answers(request):
            return (statuses.pop(0) if statuses else 200), {}, b""

        with Receiver(answers) as receiver:
            with Server(self.SOURCE, arguments=["--upload-url", receiver.url]) as server:
                self.assertEqual(server.predict().json()["status"], "succeeded")
                statuses.extend([403])
                body = server.predict().json()
                self.assertEqual(body["status"], "failed")
                self.assertIn("Got error trying to upload output files", body["error"])
                self.assertIn("403", body["error"])
                self.assertIsNone(body["output"])


class LogsTest(unittest.TestCase):
    def test_what_other_threads_print(self):
        source = """
            import os, threading, time
            from concurrent.futures import ThreadPoolExecutor

            class Predictor:
                def setup(self):
                    self.pool = ThreadPoolExecutor(1)

                def predict(self, name: str) -> str:
                    self.pool.submit(print, "pool", name).result()
                    thread = threading.Thread(target=print, args=("thread", name))
                    thread.start()
                    thread.join()

                    def late():
                        while not os.path.exists("after " + name):
                            time.sleep(0.005)
                        print("late", name)

                    threading.Thread(target=late).start()
                    return name
        """
        with Server(source) as server:
            self.assertEqual(server.predict(name="a").json()["logs"], "pool a\nthread a\n")
            server.let_go("after a")

            def is_told():
                logs = server.predict(name="b").json()["logs"]
                self.assertEqual(logs, "pool b\nthread b\n")
                return "late a" in server.log()

            eventually(is_told)

    def test_native_output_comes_whole_and_each_writer_in_order(self):
        source = """
            import os, subprocess, sys

            class Predictor:
                def predict(self) -> str:
                    print("1")
                    os.write(1, b"2\\n")
                    print("3", file=sys.stderr)
                    subprocess.run(["sh", "-c", "echo 4"])
                    print("5")
                    subprocess.run(["sh", "-c", "echo 6 >&2"])
                    print("7", end="")
                    return "x"
        """
        with Server(source) as server:
            for _ in range(20):
                lines = server.predict().json()["logs"].split("\n")
                self.assertEqual(sorted(lines), ["1", "2", "3", "4", "5", "6", "7"])
                # What Python writes keeps its order, and stands behind what native code wrote before it.
                places = [lines.index(number) for number in ("1", "3", "5", "7")]
                self.assertEqual(places, sorted(places))
                for native, python in (("2", "3"), ("4", "5"), ("6", "7")):
                    self.assertLess(lines.index(native), lines.index(python))

    def test_the_order_of_python_and_native_output_is_the_order_of_writing(self):
        source = """
            import os, random, subprocess, sys, time

            class Predictor:
                def predict(self, seed: int) -> str:
                    choice = random.Random(seed)
                    for number in range(300):
                        how = choice.randrange(4)
                        if how < 2:
                            print(number)
                        else:
                            os.write(1, b"%d\\n" % number)
                        if choice.random() < 0.05:
                            time.sleep(choice.random() / 500)
                    for number in range(300, 310):
                        print(number)
                        subprocess.call(["echo", "child"])
                    return "x"
        """
        expected = ["%d" % number for number in range(300)]
        for number in range(300, 310):
            expected += ["%d" % number, "child"]
        with Server(source) as server:
            for seed in range(30):
                self.assertEqual(server.predict(seed=seed).json()["logs"].splitlines(), expected, seed)

    def test_forked_children_do_not_disturb(self):
        source = """
            import multiprocessing, os

            def work(n):
                print("child", n, flush=True)
                return n * n

            class Predictor:
                def setup(self):
                    with multiprocessing.get_context("fork").Pool(2) as pool:
                        assert pool.map(work, range(4)) == [0, 1, 4, 9]

                def predict(self, method: str) -> int:
                    with multiprocessing.get_context(method).Pool(2) as pool:
                        return sum(pool.map(work, range(4)))
        """
        with Server(source) as server:
            for method in ("fork", "spawn"):
                body = server.predict(method=method).json()
                self.assertEqual((body["output"], body["error"]), (14, None), body)
                self.assertEqual(body["logs"].count("child"), 4)


class HealthcheckTest(unittest.TestCase):
    def test_the_models_own_healthcheck(self):
        source = """
            class Predictor:
                def setup(self):
                    self.answer = True

                def predict(self, answer: str) -> str:
                    self.answer = {"no": False, "raise": None}.get(answer, True)
                    return "set"

                def healthcheck(self) -> bool:
                    if self.answer is None:
                        raise RuntimeError("Critical system error")
                    return self.answer
        """
        for variant in (source, source.replace("def healthcheck", "async def healthcheck")):
            with Server(variant) as server:
                for answer, message in (
                    ("no", "user-defined healthcheck returned False"),
                    ("raise", "Critical system error"),
                ):
                    server.predict(answer=answer)
                    health = server.get("/health-check").json()
                    self.assertEqual(health["status"], "UNHEALTHY")
                    self.assertIn(message, health["user_healthcheck_error"])
                server.predict(answer="yes")
                self.assertEqual(server.get("/health-check").json()["status"], "READY")


class TrainingTest(unittest.TestCase):
    def test_a_training_function(self):
        source = """
            from cog import BaseModel, Input, Path

            class TrainingOutput(BaseModel):
                weights: Path

            def train(n: int = Input(description="how many", ge=1)) -> TrainingOutput:
                Path("weights.bin").write_text("a" * n)
                return TrainingOutput(weights=Path("weights.bin"))
        """
        environment = {"COG_TRAIN_TYPE_STUB": "predict.py:train"}
        with Server(source, arguments=["--x-mode", "train"], environment=environment) as server:
            answer = server.put("/trainings/t1", {"input": {"n": 3}})
            self.assertEqual(answer.json()["output"], {"weights": "data:application/octet-stream;base64,YWFh"})
            self.assertEqual(server.post("/predictions", {"input": {"n": 1}}).status, 200)
            answer = server.put("/trainings/t1", {"id": "t2"})
            self.assertEqual(answer.json()["detail"][0]["msg"], "training ID must match the ID supplied in the URL")
            self.assertEqual(server.post("/trainings/none/cancel").status, 404)
            schemas = server.get("/openapi.json").json()["components"]["schemas"]
            self.assertEqual(schemas["TrainingInput"]["required"], ["n"])
            self.assertEqual(schemas["TrainingOutput"]["properties"]["weights"]["format"], "uri")
            self.assertIn("trainings_url", server.get("/").json())

    def test_the_number_of_predictions_at_once_does_not_stop_a_training_function(self):
        source = "def train(n: int) -> int:\n    return n + 1\n"
        environment = {"COG_TRAIN_TYPE_STUB": "predict.py:train", "COG_MAX_CONCURRENCY": "4"}
        with Server(source, arguments=["--x-mode", "train"], environment=environment) as server:
            self.assertEqual(server.post("/trainings", {"input": {"n": 1}}).json()["output"], 2)

    def test_a_trainer_with_setup_and_weights(self):
        source = """
            from cog import BaseRunner, Path

            class Trainer(BaseRunner):
                def setup(self, weights: Path):
                    self.base = weights.read_text()

                def train(self, s: str) -> str:
                    return self.base + s

                def run(self, s: str) -> str:
                    return "run"
        """
        environment = {"COG_TRAIN_TYPE_STUB": "predict.py:Trainer", "COG_WEIGHTS": "data:,base-"}
        with Server(source, arguments=["--x-mode", "train"], environment=environment) as server:
            self.assertEqual(server.post("/trainings", {"input": {"s": "x"}}).json()["output"], "base-x")


class DownloadTest(unittest.TestCase):
    SOURCE = """
        from cog import File, Path

        class Predictor:
            def predict(self, path: Path, file: File = None) -> str:
                assert path.exists()
                return path.name + " " + path.read_text() + (file.read().decode() if file else "")
    """

    def test_urls_are_fetched_again_when_that_may_help(self):
        failures = {"count": 0}

        def answers(request):
            if request["path"].startswith("/flaky") and failures["count"] < 2:
                failures["count"] += 1
                return (503, {}, b"") if failures["count"] == 1 else (200, {"Content-Length": "10"}, b"short")
            if request["path"].startswith("/gone"):
                return 404, {}, b"not here"
            return 200, {}, b"content"

        with Receiver(answers) as receiver, Server(self.SOURCE) as server:
            body = server.predict(path=receiver.url + "/flaky/my%20file.txt?x=1", file=receiver.url + "/b").json()
            self.assertEqual(body["output"], "my file.txt contentcontent")
            self.assertEqual(server.temporary_files(), [])
            body = server.predict(path=receiver.url + "/gone").json()
            self.assertEqual(body["status"], "failed")
            self.assertIn("404", body["error"])
            self.assertEqual(len([r for r in receiver.requests if r["path"] == "/gone"]), 1)


if __name__ == "__main__":
    unittest.main()
