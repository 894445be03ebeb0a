"""What goes wrong in models, clients and networks, and that `/health-check` answers all the while."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest

from .health import assert_quick
from .receiver import Receiver
from .support import PATIENCE, Server, eventually

SOAK = os.environ.get("COG_TEST_SOAK")

MODEL = """
    import collections, ctypes, itertools, os, signal, sys, time
    from cog import BasePredictor, Path

    class Predictor(BasePredictor):
        def predict(self, how: str = "", path: Path = None, text: str = "") -> str:
            print("doing", how)
            if how == "segfault":
                ctypes.string_at(0)
            if how == "exit":
                sys.exit(3)
            if how == "_exit":
                os._exit(4)
            if how == "abort":
                os.abort()
            if how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "group":
                os.killpg(0, signal.SIGTERM)
            if how == "memory":
                import resource
                resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
                try:
                    return str(len(bytearray(1 << 32)))
                finally:
                    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            if how == "recursion":
                return self.predict(how)
            if how == "close":
                os.close(1)
                os.close(2)
            if how == "c loop":
                collections.deque(itertools.repeat(0), maxlen=0)
            if how == "sleep":
                time.sleep(60)
            return str(path.stat().st_size) + " " + path.name if path else str(len(text))
"""


class FaultTest(unittest.TestCase):
    def test_a_model_that_dies_fails_its_prediction_and_comes_back(self):
        with Server(MODEL) as server:

            def die_in_all_ways():
                for how, error in (
                    ("segfault", "SIGSEGV"),
                    ("_exit", "exited with code 4"),
                    ("abort", "SIGABRT"),
                    ("kill", "SIGKILL"),
                    ("group", "SIGTERM"),
                ):
                    body = server.predict(how=how).json()
                    self.assertEqual(body["status"], "failed", how)
                    self.assertIn(error, body["error"])
                    self.assertIn("doing " + how, body["logs"])
                    server.wait_ready()
                    self.assertEqual(server.predict(text="abc").json()["output"], "3")

            assert_quick(self, server, "deaths", die_in_all_ways)

    def test_errors_of_all_kinds_leave_the_worker_alive(self):
        with Server(MODEL) as server:
            worker = server.worker_pid()
            for how, error in (
                ("exit", "sys.exit(3)"),
                ("memory", "MemoryError"),
                ("recursion", "maximum recursion depth exceeded"),
            ):
                body = server.predict(how=how).json()
                self.assertEqual(body["status"], "failed", how)
                self.assertIn(error, body["error"])
            # The descriptors of standard output are the model's to close.
            self.assertEqual(server.predict(how="close", text="ab").json()["output"], "2")
            self.assertEqual(server.predict(text="abc").json()["output"], "3")
            self.assertEqual(server.worker_pid(), worker)

    def test_a_loop_that_nothing_can_interrupt(self):
        with Server(MODEL, environment={"COG_CANCEL_GRACE": "0.5"}) as server:

            def loop():
                server.put("/predictions/loop", {"input": {"how": "c loop"}}, headers={"Prefer": "respond-async"})
                eventually(lambda: server.get("/predictions/loop").json()["logs"] == "doing c loop\n")
                time.sleep(1)
                server.post("/predictions/loop/cancel")
                eventually(lambda: server.get("/predictions/loop").json()["status"] == "canceled")
                server.wait_ready()
                self.assertEqual(server.predict(text="abc").json()["output"], "3")

            assert_quick(self, server, "loop in C", loop)

    def test_clients_that_stop_half_way(self):
        # A place for the one whose body comes slowly, whenever that is.
        with Server(MODEL, environment={"COG_BODY_TIMEOUT": "5", "COG_QUEUE_DEPTH": "9"}) as server:
            head = b"POST /predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
            clients = []

            def stop_half_way():
                for index in range(400):
                    client = socket.socket(socket.AF_UNIX)
                    client.connect(server.socket)
                    try:
                        client.sendall((b"", b"POST /pre", head, head + b'{"input": {')[index % 4])
                    except BrokenPipeError:
                        # Given up already.
                        pass
                    clients.append(client)
                drip = threading.Thread(target=self.drip, args=(server,))
                drip.start()
                for _ in range(50):
                    self.assertEqual(server.predict(text="abc").json()["output"], "3")
                drip.join()

            assert_quick(self, server, "half-open clients", stop_half_way)
            # All of them are given up.
            for client in clients:
                client.settimeout(PATIENCE)
                try:
                    while client.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
                client.close()

    def drip(self, server):
        """A body that comes byte by byte, but comes."""
        body = json.dumps({"input": {"text": "slow"}}).encode()
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(server.socket)
        client.sendall(b"PUT /predictions/slow HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        longest, last = 0.0, time.monotonic()
        try:
            for index in range(len(body)):
                client.sendall(body[index : index + 1])
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
                time.sleep(0.2)
            answer = client.recv(65536)
        except OSError:
            answer = b""
        # Unless this process itself stood still for too long.
        if longest < 2:
            self.assertEqual(answer.split(b"\r\n")[0], b"HTTP/1.1 200 OK")
        client.close()

    def test_a_hundred_megabytes_in_and_a_reader_that_does_not_read(self):
        with Server(MODEL) as server:
            millions = 100 if SOAK else 20
            uri = "data:application/octet-stream;base64," + "QUJD" * (millions << 18)
            body = json.dumps({"input": {"path": uri}}).encode()

            def send_text():
                answer = server.request("POST", "/predictions", body).json()
                self.assertEqual(answer["output"], "{} file.bin".format(millions * 3 << 18), answer.get("error"))

            assert_quick(self, server, "100 MB in", send_text)
            form = b"--b\r\nContent-Disposition: form-data; name=path; filename=big.bin\r\n\r\n" + bytes(millions << 20)
            headers = {"Content-Type": "multipart/form-data; boundary=b"}

            def send_form():
                answer = server.request("POST", "/predictions", form + b"\r\n--b--\r\n", headers).json()
                self.assertEqual(answer["output"], "{} big.bin".format(millions << 20), answer.get("error"))

            assert_quick(self, server, "100 MB form", send_form)
            self.assertEqual(server.temporary_files(), [])

    def test_file_names_of_all_kinds(self):
        names = [
            "..",
            "%2e%2e%2fx",
            "a%00b",
            "x" * 3000,
            "%f0%9f%90%8d.png",
            "a%0ab",
            "-rf",
            "C:%5cx",
            "%ff%fe",
            ".",
            "a b",
        ]
        with Receiver(lambda request: (200, {}, b"abc")) as receiver, Server(MODEL) as server:
            seen = []
            for name in names:
                body = server.predict(path="{}/dir/{}".format(receiver.url, name)).json()
                self.assertEqual(body["status"], "succeeded", (name, body["error"]))
                size, _, kept = body["output"].partition(" ")
                self.assertEqual(size, "3")
                self.assertLessEqual(len(kept.encode()), 255)
                self.assertIsNone(re.search(r"[/\x00-\x1f\x7f]|^\.\.?$", kept), kept)
                seen.append(kept)
            self.assertIn("\U0001f40d.png", seen)
            self.assertEqual(server.temporary_files(), [])
            for name in ("/etc/passwd", "file:///etc/passwd", "gopher://x/", "http://", "data:text/plain", "\x00"):
                answer = server.predict(path=name)
                failed = answer.status == 422 or answer.json()["status"] == "failed"
                self.assertTrue(failed, name)

    def test_ids_of_all_kinds(self):
        with Server(MODEL) as server:
            for prediction_id in ("", "..", "a/b", "a b", "\n", "é", "x" * 257, "-x", "a\x00", 3, [], {"a": 1}, True):
                answer = server.post("/predictions", {"id": prediction_id, "input": {}})
                self.assertEqual(
                    (answer.status, answer.json()["detail"][0]["loc"]), (422, ["body", "id"]), prediction_id
                )
            for path in ("..", "%2e%2e", "a%2fb", "%00", "x" * 257, "%0d%0aX:y", "%ff"):
                for method in ("PUT", "GET"):
                    self.assertIn(server.request(method, "/predictions/" + path, b"{}").status, (404, 422), path)
                self.assertEqual(server.post("/predictions/{}/cancel".format(path)).status, 404)
            self.assertEqual(server.post("/predictions", {"id": "x" * 256, "input": {}}).status, 200)


class SoakTest(unittest.TestCase):
    """Many predictions. `run_tests.py` asks for the full number on one Python."""

    def test_memory_files_and_latency_stay_flat(self):
        total = 10000 if SOAK else 1000
        source = """
            import subprocess
            from cog import BasePredictor, Path

            class Predictor(BasePredictor):
                def predict(self, text: str, path: Path = None) -> str:
                    print("line")
                    return text
        """
        with Receiver() as receiver, Server(source, environment={"COG_LOG_LEVEL": "error"}) as server:
            connection = server.connection()

            def run(count):
                started = time.monotonic()
                for index in range(count):
                    request = {"input": {"text": "x" * 100}}
                    if index % 10 == 0:
                        request["input"]["path"] = "data:text/plain;base64,QUJD"
                    if index % 10 == 5:
                        request["webhook"] = receiver.url
                    body = json.dumps(request).encode()
                    connection.request("POST", "/predictions", body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    assert b'"succeeded"' in answer.read()
                return (time.monotonic() - started) / count

            def delivered(count):
                eventually(lambda: sum(b'"succeeded"' in sent["body"] for sent in receiver.requests) == count)

            pids = (server.process.pid, server.worker_pid())
            first = run(total // 10)
            delivered(total // 100)
            before = [(resident(pid), descriptors(pid)) for pid in pids]
            between = [run(total // 10) for _ in range(8)]
            last = run(total // 10)
            delivered(total // 10)
            after = [(resident(pid), descriptors(pid)) for pid in pids]
            connection.close()
            if os.environ.get("COG_TEST_SHOW"):
                print("soak", total, first, between, last, before, after, file=sys.stderr)
            for (memory, files), (memory_after, files_after) in zip(before, after):
                self.assertLess(memory_after, memory + (8 << 20))
                # The threads and connections of webhooks come and go.
                self.assertLess(files_after, files + 40)
            # A machine may be slow for a while; a server that gets slower is so to the end.
            self.assertLess(min(between[4:] + [last]), max(first, min(between[:4])) * 3)
            self.assertEqual(server.temporary_files(), [])
            self.assertEqual(os.listdir(server._temporary), [])


def resident(pid):
    with open("/proc/{}/statm".format(pid)) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid):
    return len(os.listdir("/proc/{}/fd".format(pid)))


class SchemathesisTest(unittest.TestCase):
    """Requests made from `/openapi.json` by a tool that looks for those that break a server."""

    def test_no_request_breaks_the_server(self):
        where = os.environ.get("COG_TEST_SCHEMATHESIS_PATH")
        if not where:
            # Installed for one Python only; there are requests enough of our own for the others.
            self.assertFalse(SOAK)
            return
        source = """
            from typing import Dict, List
            from cog import BaseModel, BasePredictor, Input

            class Output(BaseModel):
                text: str
                numbers: List[int]

            class Predictor(BasePredictor):
                def predict(
                    self,
                    text: str = Input(min_length=1, max_length=20, regex="^[a-z ]*$"),
                    number: int = Input(default=3, ge=-5, le=5),
                    scale: float = 1.0,
                    flag: bool = False,
                    mode: str = Input(default="a", choices=["a", "b"]),
                    many: List[int] = Input(default=[]),
                    table: Dict[str, float] = Input(default={}),
                ) -> Output:
                    return Output(text=text, numbers=many + [number])
        """
        with Server(source, tcp=True, environment={"COG_LOG_LEVEL": "error"}) as server:
            url = "http://127.0.0.1:{}".format(server.port)
            command = [sys.executable, "-m", "schemathesis.cli", "run", url + "/openapi.json"]
            command += ["--exclude-path", "/shutdown", "--max-examples", "25", "--seed", "1", "--no-color"]
            command += ["--phases", "examples,coverage,fuzzing"]
            command += ["--checks", "not_a_server_error,content_type_conformance,response_schema_conformance"]
            environment = dict(os.environ, PYTHONPATH=where)
            directory = server.directory
            done = subprocess.run(
                command, env=environment, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=1800
            )
            self.assertEqual(done.returncode, 0, done.stdout.decode("utf-8", "replace")[:9000])
            self.assertNotIn("could not be answered", server.log())
            self.assertEqual(server.predict(text="still").json()["status"], "succeeded")


if __name__ == "__main__":
    unittest.main()
