import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from .support import PATIENCE, SOURCE, Server, eventually, free_port, is_alive

HELLO = """
    from cog import BasePredictor, Input, Path, Secret

    class Predictor(BasePredictor):
        def setup(self):
            print("setting up")
            self.prefix = "hello "

        def predict(
            self,
            name: str = Input(description="Who"),
            times: int = Input(default=1, ge=1, le=3),
            token: Secret = None,
        ) -> str:
            return self.prefix + " ".join([name] * times)
"""


class HelloTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(HELLO).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_root_lists_the_routes(self):
        answer = self.server.get("/")
        self.assertEqual(answer.status, 200)
        listed = answer.json()
        for key in ("docs_url", "openapi_url", "healthcheck_url", "predictions_url", "shutdown_url", "cog_version"):
            self.assertIn(key, listed)
        self.assertEqual(self.server.get(listed["openapi_url"]).status, 200)
        self.assertEqual(self.server.get(listed["healthcheck_url"]).status, 200)

    def test_health_check_tells_state_and_setup(self):
        health = self.server.get("/health-check").json()
        self.assertEqual(health["status"], "READY")
        self.assertEqual(health["setup"]["status"], "succeeded")
        self.assertEqual(health["setup"]["logs"], "setting up\n")
        self.assertLess(health["setup"]["started_at"], health["setup"]["completed_at"])

    def test_a_prediction_succeeds(self):
        answer = self.server.post("/predictions", {"id": "abc-1", "input": {"name": "you", "times": 2}})
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "application/json")
        body = answer.json()
        self.assertEqual(body["id"], "abc-1")
        self.assertEqual(body["status"], "succeeded")
        self.assertEqual(body["output"], "hello you you")
        self.assertEqual(body["input"], {"name": "you", "times": 2})
        self.assertIsNone(body["error"])
        self.assertEqual(body["logs"], "")
        self.assertGreater(body["metrics"]["predict_time"], 0)
        self.assertLessEqual(body["started_at"], body["completed_at"])

    def test_created_at_is_echoed(self):
        when = "2024-02-03T04:05:06+00:00"
        body = self.server.post("/predictions", {"input": {"name": "x"}, "created_at": when}).json()
        self.assertEqual(body["created_at"], when)

    def test_an_id_is_made_where_none_is_given(self):
        first, second = (self.server.predict(name="x").json()["id"] for _ in range(2))
        self.assertTrue(first and second and first != second)

    def test_invalid_input_gets_422_and_says_where(self):
        answer = self.server.predict(times=4)
        self.assertEqual(answer.status, 422)
        self.assertEqual(
            answer.json(),
            {
                "detail": [
                    {"loc": ["body", "input", "name"], "msg": "Field required", "type": "value_error.missing"},
                    {
                        "loc": ["body", "input", "times"],
                        "msg": "ensure this value is less than or equal to 3",
                        "type": "value_error.number.not_le",
                        "ctx": {"limit_value": 3},
                    },
                ]
            },
        )

    def test_unknown_inputs_are_dropped(self):
        body = self.server.predict(name="x", unknown=1).json()
        self.assertEqual(body["status"], "succeeded")
        self.assertNotIn("unknown", body["input"])

    def test_secrets_do_not_come_back(self):
        answer = self.server.predict(name="x", token="s3cr3t")
        self.assertNotIn(b"s3cr3t", answer.body)
        self.assertEqual(answer.json()["input"]["token"], "**********")

    def test_bodies_that_are_no_request(self):
        for body in (b"{", b"[1]", b'"x"', b"\xff\xfe", b'{"input": []}', b'{"input": "x"}', b"[" * 2000):
            with self.subTest(body=body[:20]):
                answer = self.server.request("POST", "/predictions", body)
                self.assertEqual(answer.status, 422)
                self.assertIn("loc", answer.json()["detail"][0])

    def test_fields_of_the_request_are_checked(self):
        for field, value in (
            ("id", 3),
            ("id", "../../etc"),
            ("id", "/abs"),
            ("id", "a\nb"),
            ("id", "x" * 300),
            ("context", []),
            ("context", {"a": 1}),
            ("webhook", "ftp://x"),
            ("webhook_events_filter", ["nope"]),
        ):
            with self.subTest(field=field, value=value):
                answer = self.server.post("/predictions", {"input": {"name": "x"}, field: value})
                self.assertEqual(answer.status, 422)
                self.assertEqual(answer.json()["detail"][0]["loc"][:2], ["body", field])

    def test_any_content_type_will_do(self):
        body = json.dumps({"input": {"name": "x"}}).encode()
        for kind in ("application/json; charset=utf-8", "application/x-www-form-urlencoded", "text/plain"):
            answer = self.server.request("POST", "/predictions", body, {"Content-Type": kind})
            self.assertEqual(answer.status, 200)

    def test_unknown_routes_and_methods(self):
        self.assertEqual(self.server.get("/nope").status, 404)
        self.assertEqual(self.server.get("/predictions/../nope").status, 404)
        answer = self.server.request("DELETE", "/predictions")
        self.assertEqual(answer.status, 405)
        self.assertIn("POST", answer.headers["allow"])

    def test_a_connection_serves_many_predictions(self):
        connection = self.server.connection()
        for index in range(200):
            connection.request("POST", "/predictions", json.dumps({"input": {"name": str(index)}}))
            response = connection.getresponse()
            self.assertEqual(response.status, 200)
            self.assertEqual(json.loads(response.read().decode())["output"], "hello " + str(index))
        connection.close()

    def test_the_schema_says_what_is_accepted(self):
        schema = self.server.get("/openapi.json").json()
        self.assertEqual(schema["openapi"], "3.0.2")
        self.assertEqual(schema["components"]["schemas"]["Input"]["required"], ["name"])

    def test_text_survives(self):
        for text in ('\u2028 \U0001f600 \x00 \\ "', "é" * 100000):
            self.assertEqual(self.server.predict(name=text).json()["output"], "hello " + text)


class OutcomeTest(unittest.TestCase):
    def test_what_goes_wrong_in_a_prediction_fails_only_that_prediction(self):
        source = """
            import sys
            from cog import BasePredictor

            class Predictor(BasePredictor):
                def predict(self, how: str) -> str:
                    print("before")
                    if how == "raise":
                        raise ValueError("it went wrong")
                    if how == "exit":
                        sys.exit(3)
                    if how == "interrupt":
                        raise KeyboardInterrupt
                    if how == "unencodable":
                        return object()
                    return "fine"
        """
        with Server(source) as server:
            for how, error in (
                ("raise", "it went wrong"),
                ("exit", "SystemExit: the model called sys.exit(3)"),
                ("interrupt", "KeyboardInterrupt"),
                ("unencodable", "an output of type object has no JSON form"),
            ):
                with self.subTest(how=how):
                    answer = server.predict(how=how)
                    self.assertEqual(answer.status, 200)
                    body = answer.json()
                    self.assertEqual(body["status"], "failed")
                    self.assertEqual(body["error"], error)
                    self.assertIsNone(body["output"])
                    self.assertTrue(body["logs"].startswith("before\n"), body["logs"])
                    self.assertIn(error if how in ("raise", "unencodable") else "Traceback", body["logs"])
                    self.assertNotIn("cog/_worker", body["logs"])
            self.assertEqual(server.predict(how="not").json()["output"], "fine")

    def test_setup_that_fails_is_reported(self):
        cases = {
            "class Predictor:\n    def setup(self): raise ValueError('no weights')\n"
            "    def predict(self) -> str: pass\n": "ValueError: no weights",
            "import sys; sys.exit(4)": "sys.exit(4)",
            "raise ImportError('gone')": "gone",
            "x = 1": "defines no Predictor",
            "class Predictor: pass": "must define run() or predict()",
            "class Predictor:\n  def predict(self): pass": "TypeError: You must set an output type",
            "class Predictor:\n  def predict(self, x) -> str: pass": "TypeError: No input type provided for parameter `x`",
            "def Predictor(x: bytes) -> str: pass": "TypeError: Unsupported input type bytes for parameter `x`",
            "import os; os._exit(7)": "exited with code 7",
        }
        for source, expected in cases.items():
            with self.subTest(source=source):
                with Server(source, wait=False) as server:
                    health = server.wait_ready("SETUP_FAILED")
                    self.assertEqual(health["setup"]["status"], "failed")
                    self.assertIn(expected, health["setup"]["logs"])
                    self.assertIn("completed_at", health["setup"])
                    answer = server.predict()
                    self.assertEqual(answer.status, 503)
                    self.assertEqual(answer.json()["status"], "failed")

    def test_signature_errors_name_file_and_line(self):
        with Server("\n\n\ndef Predictor(x: 'Nope') -> str: pass\n", wait=False) as server:
            logs = server.wait_ready("SETUP_FAILED")["setup"]["logs"]
            self.assertIn("predict.py:4", logs)

    def test_a_model_that_is_not_named_or_not_there(self):
        with Server("", wait=False, environment={"COG_PREDICT_TYPE_STUB": ""}) as server:
            self.assertIn("COG_PREDICT_TYPE_STUB", server.wait_ready("SETUP_FAILED")["setup"]["logs"])
        with Server("", wait=False, reference="other.py:Predictor") as server:
            self.assertIn("other.py does not exist", server.wait_ready("SETUP_FAILED")["setup"]["logs"])

    def test_until_setup_ends_predictions_get_503(self):
        source = """
            import time

            class Predictor:
                def setup(self):
                    while not __import__("os").path.exists("go"):
                        time.sleep(0.01)
                def predict(self) -> str:
                    return "done"
        """
        with Server(source, wait=False) as server:
            health = server.get("/health-check").json()
            self.assertEqual(health["status"], "STARTING")
            self.assertNotIn("completed_at", health["setup"])
            self.assertEqual(server.predict().status, 503)
            open(os.path.join(server.directory, "src", "go"), "w").close()
            server.wait_ready()
            self.assertEqual(server.predict().json()["output"], "done")

    def test_setup_has_a_time_limit_on_request(self):
        source = "import time\nclass Predictor:\n  def setup(self): time.sleep(60)\n  def predict(self) -> str: pass\n"
        with Server(source, wait=False, environment={"COG_SETUP_TIMEOUT": "0.3"}) as server:
            self.assertIn("longer than 0.3 seconds", server.wait_ready("SETUP_FAILED")["setup"]["logs"])
            eventually(lambda: server._worker_pid() is None)

    def test_functions_and_other_shapes(self):
        cases = (
            ("def predict(x: int) -> int: return x + 1", "predict.py:predict", 3),
            ("class Model:\n  def predict(self, x: int) -> int: return x + 1", "predict.py:Model", 3),
            ("from cog import BaseRunner\nclass Runner(BaseRunner):\n  def run(self, x: int) -> int: return x + 1",
             "predict.py", 3),
        )  # fmt: skip
        for source, reference, output in cases:
            with self.subTest(reference=reference):
                with Server(source, reference=reference) as server:
                    self.assertEqual(server.predict(x=2).json()["output"], output)


class BusyTest(unittest.TestCase):
    SOURCE = """
        import os, time

        class Predictor:
            def predict(self, name: str) -> str:
                print("in", name)
                while not os.path.exists(name):
                    time.sleep(0.005)
                return name
    """

    def test_health_stays_quick_and_says_busy(self):
        with Server(self.SOURCE) as server:
            answers = []
            thread = threading.Thread(target=lambda: answers.append(server.predict(name="a")))
            thread.start()
            server.wait_ready("BUSY")
            answer = server.predict(name="b")
            self.assertEqual(answer.status, 409)
            self.assertEqual(answer.json()["detail"], "Already running a prediction")
            self.assertEqual(answer.json()["error"], "At capacity - all prediction slots busy")
            open(os.path.join(server.directory, "src", "a"), "w").close()
            thread.join()
            self.assertEqual(answers[0].json()["output"], "a")
            self.assertEqual(server.get("/health-check").json()["status"], "READY")

    def test_a_client_that_leaves_cancels_its_prediction(self):
        with Server(self.SOURCE) as server:
            connection = server.connection()
            connection.request("POST", "/predictions", json.dumps({"input": {"name": "never"}}))
            server.wait_ready("BUSY")
            connection.close()
            server.wait_ready("READY")
            open(os.path.join(server.directory, "src", "x"), "w").close()
            self.assertEqual(server.predict(name="x").json()["logs"], "in x\n")


class ShutdownTest(unittest.TestCase):
    SLOW = """
        import os, time

        class Predictor:
            def predict(self) -> str:
                while not os.path.exists("go"):
                    time.sleep(0.01)
                return "done"
    """

    def assert_ends(self, server, worker):
        self.assertEqual(server.process.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(server.socket))
        eventually(lambda: not is_alive(worker))

    def test_post_shutdown(self):
        with Server(HELLO) as server:
            worker = server.worker_pid()
            answer = server.post("/shutdown")
            self.assertEqual((answer.status, answer.json()), (200, {}))
            self.assert_ends(server, worker)

    def test_sigterm_lets_the_running_prediction_end(self):
        with Server(self.SLOW) as server:
            worker = server.worker_pid()
            answers = []
            thread = threading.Thread(target=lambda: answers.append(server.predict()))
            thread.start()
            server.wait_ready("BUSY")
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: "shutting down" in server.predict().body.decode())
            server.let_go()
            thread.join()
            self.assertEqual(answers[0].json()["output"], "done")
            self.assert_ends(server, worker)

    def test_sigint_ends_at_once(self):
        with Server(self.SLOW) as server:
            worker = server.worker_pid()
            thread = threading.Thread(target=server.predict)
            thread.start()
            server.wait_ready("BUSY")
            server.process.send_signal(signal.SIGINT)
            self.assert_ends(server, worker)
            thread.join()

    def test_sigterm_may_be_ignored(self):
        with Server(HELLO, arguments=["--await-explicit-shutdown", "true"]) as server:
            worker = server.worker_pid()
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            self.assertEqual(server.predict(name="x").status, 200)
            server.post("/shutdown")
            self.assert_ends(server, worker)

    def test_a_killed_server_leaves_nothing_behind(self):
        source = """
            import re, subprocess

            class Predictor:
                def setup(self):
                    child = subprocess.Popen(["sleep", "1000"])
                    print(child.pid)
                def predict(self) -> str:
                    # Deep in C: no Python code of the worker runs until this ends.
                    re.match("(a*)*b", "a" * 40)
                    return "never"
        """
        with Server(source) as server:
            worker = server.worker_pid()
            child = int(server.get("/health-check").json()["setup"]["logs"])
            thread = threading.Thread(target=_ignoring_errors(server.predict))
            thread.start()
            server.wait_ready("BUSY")
            server.process.kill()
            thread.join()
            eventually(lambda: not is_alive(worker), "the worker is still there")
            eventually(lambda: not is_alive(child), "the worker's child is still there")


class CrashTest(unittest.TestCase):
    SOURCE = """
        import os, signal

        class Predictor:
            def predict(self, how: str) -> str:
                if how == "exit":
                    os._exit(9)
                if how == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                return str(os.getpid())
    """

    def test_the_worker_is_started_again(self):
        with Server(self.SOURCE) as server:
            first = server.predict(how="").json()["output"]
            body = server.predict(how="exit").json()
            self.assertEqual(body["status"], "failed")
            self.assertIn("exited with code 9", body["error"])
            server.wait_ready()
            second = server.predict(how="").json()["output"]
            self.assertNotEqual(first, second)
            self.assertIn("SIGKILL", server.predict(how="kill").json()["error"])
            server.wait_ready()
            self.assertEqual(server.predict(how="").json()["status"], "succeeded")

    def test_the_server_leaves_instead_on_request(self):
        with Server(self.SOURCE, environment={"COG_EXIT_ON_CRASH": "1"}) as server:
            self.assertEqual(server.predict(how="exit").json()["status"], "failed")
            self.assertEqual(server.process.wait(PATIENCE), 1)


class IsolationTest(unittest.TestCase):
    def test_the_model_does_not_see_the_servers_packages(self):
        source = """
            import os, sys
            from typing import List

            class Predictor:
                def predict(self) -> List[str]:
                    private = os.environ.get("SERVER_PATH")
                    return [entry for entry in sys.path if entry == private] + [
                        name for name in sys.modules if name.split(".")[0] in ("uvicorn", "uvloop", "httptools")
                    ] + [name for name in os.environ if name.startswith(("COGPLAN_", "COG_SERVER"))]
        """
        with Server(source, environment={"SERVER_PATH": os.environ.get("COGPLAN_SERVER_PATH", "-")}) as server:
            self.assertEqual(server.predict().json()["output"], [])

    def test_files_of_the_model_do_not_shadow_the_servers_modules(self):
        # Not `cog.py`: `python -m cog` itself would find it first.
        shadows = {name + ".py": "raise SystemExit('shadowed')" for name in ("json", "uvicorn", "asyncio", "socket")}
        source = "def Predictor() -> str: return 'fine'"
        with Server(source, files=shadows) as server:
            self.assertEqual(server.predict().json()["output"], "fine")

    def test_sys_path_and_argv_are_as_for_a_script(self):
        source = """
            import os, sys, helper

            def Predictor() -> str:
                assert sys.path[0] == os.getcwd(), sys.path
                assert len(sys.argv) == 1, sys.argv
                return helper.NAME
        """
        with Server(source, files={"helper.py": "NAME = 'helper'"}) as server:
            self.assertEqual(server.predict().json()["output"], "helper")


class ListeningTest(unittest.TestCase):
    def test_a_tcp_port_by_variable_or_option(self):
        port = free_port()
        for environment, arguments in (
            ({"PORT": str(port)}, []),
            ({}, ["--port", str(port), "--host", "127.0.0.1"]),
        ):
            process = _start(environment, arguments)
            try:
                eventually(lambda: _connects(port))
            finally:
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(PATIENCE), 0)

    def test_a_port_in_use_is_an_error_that_names_it(self):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        process = _start({}, ["--port", str(port), "--host", "127.0.0.1"], stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=PATIENCE)
        taken.close()
        self.assertEqual(process.returncode, 1)
        self.assertIn("cannot listen on 127.0.0.1:{}".format(port), errors.decode())

    def test_an_abandoned_socket_is_replaced_but_not_a_file_or_a_live_one(self):
        with Server(HELLO) as server:
            path = os.path.join(server.directory, "other.sock")
            abandoned = socket.socket(socket.AF_UNIX)
            abandoned.bind(path)
            abandoned.close()
            process = _start({}, ["--uds", path])
            try:
                eventually(lambda: _connects_to_path(path))
                second = _start({}, ["--uds", path], stderr=subprocess.PIPE)
                second.communicate(timeout=PATIENCE)
                self.assertEqual(second.returncode, 1)
                self.assertTrue(_connects_to_path(path))
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE)

    def test_a_reader_that_does_not_read_the_log_does_not_stop_the_server(self):
        source = "def Predictor(n: int) -> str:\n  print('x' * n)\n  return 'done'\n"
        with Server(source, wait=False) as server:
            path = os.path.join(server.directory, "quiet.sock")
            environment = {"COG_PREDICT_TYPE_STUB": "predict.py:Predictor"}
            cwd = os.path.join(server.directory, "src")
            process = _start(environment, ["--uds", path], stdout=subprocess.PIPE, cwd=cwd)
            try:
                server.socket = path
                eventually(lambda: _connects_to_path(path))
                server.wait_ready()
                for _ in range(5):
                    self.assertEqual(server.predict(n=1000000).json()["output"], "done")
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
                server.socket = os.path.join(server.directory, "server.sock")


class FilesTest(unittest.TestCase):
    def test_files_in_and_out(self):
        source = """
            from cog import BasePredictor, File, Path

            class Predictor(BasePredictor):
                def predict(self, path: Path, file: File = None) -> Path:
                    content = path.read_bytes() + (file.read() if file else b"")
                    out = Path("out.png")
                    out.write_bytes(content + path.suffix.encode())
                    return out
        """
        with Server(source) as server:
            uri = "data:text/plain;base64," + base64.b64encode(b"abc").decode()
            body = server.predict(path=uri, file="data:,d%20e").json()
            self.assertEqual(body["status"], "succeeded", body)
            expected = base64.b64encode(b"abcd e.txt").decode()
            self.assertEqual(body["output"], "data:image/png;base64," + expected)
            self.assertEqual(server.temporary_files(), [])
            for bad in ("data:nocomma", "data:;base64,%%%", "data:;base64,abc"):
                body = server.predict(path=bad).json()
                self.assertEqual(body["status"], "failed")
                self.assertIn("data URI", body["error"])
            self.assertEqual(server.predict(path="/etc/passwd").status, 422)
            self.assertEqual(server.predict(path="file:///etc/passwd").status, 422)


def _start(environment, arguments, cwd="/", **options):
    everything = dict(os.environ, PYTHONPATH=SOURCE, **environment)
    everything.pop("COG_SERVER_UDS", None)
    options.setdefault("stderr", subprocess.DEVNULL)
    return subprocess.Popen([sys.executable, "-m", "cog.server.http"] + arguments, env=everything, cwd=cwd, **options)


def _connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def _connects_to_path(path):
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(path)
        return True
    except OSError:
        return False
    finally:
        probe.close()


def _ignoring_errors(function):
    def call():
        try:
            function()
        except Exception:
            pass

    return call


if __name__ == "__main__":
    unittest.main()
