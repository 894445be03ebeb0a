"""A real server for a model given as source text, and a client for it."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")
PATIENCE = float(os.environ.get("COG_TEST_PATIENCE", "180"))


def eventually(condition, message="it did not happen", patience=PATIENCE):
    """Waits until the condition gives something true, and returns that."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(message)
        time.sleep(0.01)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body.decode("utf-8"))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    """`with Server(source) as server:` waits until the model is ready, unless `wait` is False."""

    _python = sys.executable

    def __init__(self, source, wait=True, reference=None, arguments=(), environment=None, files=None, tcp=False):
        self.directory = tempfile.mkdtemp(prefix="cog-test-")
        self.socket = os.path.join(self.directory, "server.sock")
        self._wait = wait
        self._write("src/predict.py", source)
        for name, content in (files or {}).items():
            self._write("src/" + name, content)
        self._temporary = os.path.join(self.directory, "tmp")
        os.mkdir(self._temporary)
        self._environment = dict(os.environ, PYTHONPATH=SOURCE, TMPDIR=self._temporary)
        self._environment["COG_PREDICT_TYPE_STUB"] = reference or "predict.py:Predictor"
        self._environment["COG_SERVER_UDS"] = self.socket
        self._environment["PYTHONWARNINGS"] = "ignore"
        self._environment.update(environment or {})
        self._arguments = list(arguments)
        self.port = None
        if tcp:
            self.port = free_port()
            self._environment["COG_SERVER_UDS"] = ""
            self._arguments += ["--host", "127.0.0.1", "--port", str(self.port)]
        self._log = open(os.path.join(self.directory, "log"), "w+b")

    def __enter__(self):
        self.process = subprocess.Popen(
            [self._python, "-m", "cog.server.http"] + self._arguments,
            cwd=os.path.join(self.directory, "src"),
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: self.process.poll() is not None or self._listening(), "the server does not listen")
            if self._wait:
                self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def wait_ready(self, status="READY"):
        def ready():
            try:
                health = self.get("/health-check").json()
            except OSError:
                # A server that is told to wait for requests for a short time may give one up.
                return None
            if status == "READY" and health["status"] in ("SETUP_FAILED", "DEFUNCT"):
                raise AssertionError("the model is not ready: {}\n{}".format(health, self.log()))
            return health if health["status"] == status else None

        return eventually(ready, "the state {} was not reached".format(status))

    def log(self):
        with open(os.path.join(self.directory, "log"), "rb") as file:
            return file.read().decode("utf-8", "replace")

    def connection(self, timeout=PATIENCE):
        if self.port is not None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        return _UnixConnection(self.socket, timeout)

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        connection = self.connection(timeout)
        try:
            if body is not None and not isinstance(body, bytes):
                body = json.dumps(body).encode("utf-8")
            sent = {"Content-Type": "application/json"}
            sent.update(headers or {})
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body, **options)

    def put(self, path, body=None, **options):
        return self.request("PUT", path, body, **options)

    def let_go(self, name="go"):
        """Makes the file that models wait for."""
        open(os.path.join(self.directory, "src", name), "w").close()

    def exists(self, name):
        return os.path.exists(os.path.join(self.directory, "src", name))

    def predict(self, **values):
        return self.post("/predictions", {"input": values})

    def temporary_files(self):
        return [os.path.join(root, name) for root, _, names in os.walk(self._temporary) for name in names]

    def worker_pid(self):
        """The worker of this server, found through /proc."""
        return eventually(self._worker_pid, "there is no worker")

    def _worker_pid(self):
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open("/proc/{}/stat".format(entry)) as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                with open("/proc/{}/cmdline".format(entry), "rb") as file:
                    command = file.read()
            except OSError:
                continue
            if parent == self.process.pid and b"cog._worker" in command:
                return int(entry)
        return None

    def _write(self, name, content):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(content))

    def _listening(self):
        connection = self.connection(1)
        try:
            connection.connect()
            return True
        except OSError:
            return False
        finally:
            connection.close()


def free_port():
    """A port that nobody is given meanwhile: it is below those that the system hands out."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def is_alive(pid):
    """Whether a process runs; a zombie does not."""
    try:
        with open("/proc/{}/stat".format(pid)) as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
