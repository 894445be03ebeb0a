"""What those who run servers ask for: probes, metrics, limits, and a guard for what is fetched."""

import re
import socket
import subprocess
import sys
import threading
import time
import unittest

from .receiver import Receiver
from .support import PATIENCE, SOURCE, Server, eventually

MODEL = """
    import os, time
    from cog import BasePredictor, File, Path

    class Predictor(BasePredictor):
        def setup(self):
            while not os.path.exists("go"):
                time.sleep(0.01)

        def healthcheck(self) -> bool:
            return not os.path.exists("ill")

        def predict(self, wait_for: str = "go", die: bool = False) -> str:
            while not os.path.exists(wait_for):
                time.sleep(0.01)
            if die:
                os._exit(1)
            return "done"
"""
READER = """
    from cog import BasePredictor, File, Path

    class Predictor(BasePredictor):
        def predict(self, path: Path = None, file: File = None) -> int:
            return path.stat().st_size if path else len(file.read())
"""


class ProbesTest(unittest.TestCase):
    def test_probes_have_status_codes(self):
        with Server(MODEL, wait=False, arguments=["--probes"]) as server:
            alive, ready = (lambda: server.get("/healthz").status), (lambda: server.get("/readyz").status)
            self.assertEqual((alive(), ready()), (200, 503))
            self.assertEqual(server.get("/readyz").json(), {"status": "STARTING"})
            server._write("src/go", "")
            server.wait_ready()
            self.assertEqual((alive(), ready()), (200, 200))
            server._write("src/ill", "")
            self.assertEqual((alive(), ready()), (200, 503))
            self.assertEqual(server.get("/metrics").status, 404)
            self.assertEqual(server.post("/healthz").status, 405)

    def test_a_server_that_cannot_recover_is_not_alive(self):
        with Server("class Predictor: pass", wait=False, environment={"COG_PROBES": "1"}) as server:
            server.wait_ready("SETUP_FAILED")
            self.assertEqual((server.get("/healthz").status, server.get("/readyz").status), (503, 503))

    def test_there_are_none_by_default(self):
        with Server(MODEL, files={"go": ""}) as server:
            for path in ("/healthz", "/readyz", "/metrics"):
                self.assertEqual(server.get(path).status, 404)


class MetricsPageTest(unittest.TestCase):
    def test_counts_of_what_happened(self):
        with Server(MODEL, files={"go": ""}, arguments=["--metrics", "--queue-depth", "1"]) as server:
            for _ in range(3):
                server.predict()
            server.predict(die="x")
            server.predict(die=True)
            server.wait_ready()
            for name in "ab":
                body = {"input": {"wait_for": "measured"}}
                server.put("/predictions/" + name, body, headers={"Prefer": "respond-async"})
            started = time.monotonic()
            during = samples(server.get("/metrics"))
            time.sleep(0.2)
            held = time.monotonic() - started
            server.let_go("measured")
            self.assertEqual((during["cog_predictions_running"], during["cog_predictions_queued"]), (1, 1))
            self.assertEqual((during['cog_state{state="BUSY"}'], during['cog_state{state="READY"}']), (1, 0))
            eventually(lambda: server.get("/predictions/b").json()["status"] == "succeeded")
            after = samples(server.get("/metrics"))
            self.assertEqual(after['cog_predictions_total{status="succeeded"}'], 5)
            self.assertEqual(after['cog_predictions_total{status="failed"}'], 1)
            self.assertEqual(after["cog_worker_restarts_total"], 1)
            self.assertEqual(after['cog_http_responses_total{code="422"}'], 1)
            self.assertEqual(after["cog_queue_seconds_count"], 1)
            self.assertEqual(after['cog_prediction_seconds_bucket{le="+Inf"}'], after["cog_prediction_seconds_count"])
            self.assertGreaterEqual(after["cog_queue_seconds_sum"], held)
            self.assertGreater(after["cog_prediction_seconds_sum"], 0)
            self.assertGreater(after["process_resident_memory_bytes"], 1 << 20)

    def test_prometheus_own_parser_reads_it(self):
        with Server(MODEL, files={"go": ""}, environment={"COG_METRICS": "1"}) as server:
            answer = server.get("/metrics")
            self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            sys.path[:0] = model_path()
            try:
                from prometheus_client.parser import text_string_to_metric_families

                families = {family.name: family.type for family in text_string_to_metric_families(answer.body.decode())}
            finally:
                del sys.path[: len(model_path())]
            self.assertEqual(families["cog_prediction_seconds"], "histogram")
            self.assertEqual(families["cog_predictions"], "counter")
            self.assertEqual(families["cog_state"], "gauge")


def model_path():
    import os

    return [path for path in os.environ.get("COG_TEST_MODEL_PATH", "").split(os.pathsep) if path]


def samples(answer):
    found = {}
    for line in answer.body.decode("utf-8").splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name] = float(value)
    return found


class LimitsTest(unittest.TestCase):
    def test_files_have_a_limit_on_request(self):
        def answer(request):
            kind, size = request["path"][1:].split("-")
            body = b"x" * int(size)
            if kind == "known":
                return 200, {}, body
            return 200, {"Connection": "close", "Content-Length": ""}, body

        environment = {"COG_MAX_FILE_BYTES": "1000"}
        with Receiver(answer) as receiver, Server(READER, environment=environment) as server:
            for name in ("path", "file"):
                for kind in ("known", "unknown"):
                    url = "{}/{}-".format(receiver.url, kind)
                    self.assertEqual(server.predict(**{name: url + "1000"}).json()["output"], 1000)
                    error = server.predict(**{name: url + "1001"}).json()["error"]
                    self.assertIn("is larger than 1000 bytes", error)
                error = server.predict(**{name: "data:;base64," + "AAAA" * 334}).json()["error"]
                self.assertEqual(error, "the data URI is larger than 1000 bytes")
            self.assertEqual(server.temporary_files(), [])

    def test_fetching_has_a_time_limit_on_request(self):
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(5)

        def drip():
            connection, _ = listening.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.1)
            except OSError:
                connection.close()

        threading.Thread(target=drip, daemon=True).start()
        with Server(READER, environment={"COG_FETCH_TIMEOUT": "0.5"}) as server:
            url = "http://127.0.0.1:{}/slow.bin".format(listening.getsockname()[1])
            # All of the file would take a hundred seconds.
            body = server.post("/predictions", {"input": {"path": url}}, timeout=60).json()
            self.assertIn("it takes too long", body["error"])
        listening.close()

    def test_a_body_that_does_not_come_is_given_up(self):
        head = b"POST /predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
        with Server(READER, environment={"COG_BODY_TIMEOUT": "0.5"}) as server:
            for start in (b"", b'{"input"'):
                # Before the head has come, the connection is closed without an answer: then this process was too slow.
                answer = eventually(lambda start=start: self.answer_to(server, head + start))
                self.assertTrue(answer.startswith(b"HTTP/1.1 408 "), answer)

    def test_a_request_that_does_not_come_is_given_up(self):
        with Server(READER, environment={"COG_BODY_TIMEOUT": "0.5"}) as server:
            for start in (b"", b"GET / HT", b"GET /health-check HTTP/1.1\r\nHost: x\r\n"):
                self.assertEqual(self.answer_to(server, start), b"")
            server.wait_ready()

    def answer_to(self, server, request):
        """All that comes until the server closes the connection."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(server.socket)
        try:
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))
        except (BrokenPipeError, ConnectionResetError):
            return b""
        finally:
            client.close()


class GuardTest(unittest.TestCase):
    def test_private_addresses_are_refused_on_request(self):
        with Receiver() as receiver, Server(READER, arguments=["--block-private-addresses"]) as server:
            port = receiver.url.rpartition(":")[2]
            for host in ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]"):
                for name in ("path", "file"):
                    body = server.predict(**{name: "http://{}:{}/x".format(host, port)}).json()
                    self.assertEqual(body["status"], "failed", host)
                    self.assertTrue(re.search("which is not a public address|could not fetch", body["error"]), body)
            self.assertEqual(receiver.requests, [])

    def test_a_proxy_is_not_asked(self):
        with Receiver() as receiver:
            environment = {"COG_BLOCK_PRIVATE_ADDRESSES": "true", "http_proxy": receiver.url}
            with Server(READER, environment=environment) as server:
                self.assertEqual(server.predict(path="http://127.0.0.1:1/x").json()["status"], "failed")
            self.assertEqual(receiver.requests, [])

    def test_which_addresses_are_public(self):
        program = "from cog._worker.guard import is_public; import sys; print([is_public(a) for a in sys.argv[1:]])"
        private = (
            "10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 127.0.0.1 0.0.0.0 100.64.0.1 224.0.0.1 240.0.0.1 "
            "255.255.255.255 ::1 :: fe80::1%eth0 fc00::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1:: 2001:db8::1"
        ).split()
        public = "8.8.8.8 93.184.216.34 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808".split()
        for addresses, expected in ((private, False), (public, True)):
            command = [sys.executable, "-c", program] + addresses
            output = subprocess.check_output(command, env={"PYTHONPATH": SOURCE}).decode()
            self.assertEqual(output.strip(), str([expected] * len(addresses)))


if __name__ == "__main__":
    unittest.main()
