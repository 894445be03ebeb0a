"""Whether `/health-check` answers quickly while something else goes on."""

import json
import os
import subprocess
import sys
import time

from .support import PATIENCE

HERE = os.path.dirname(os.path.abspath(__file__))
_ATTEMPTS = 8


class HealthProbe:
    """`with HealthProbe(server) as probe:` then `probe.times`: seconds by name."""

    def __init__(self, server):
        self._path = server.socket

    def __enter__(self):
        command = [sys.executable, os.path.join(HERE, "health_probe.py"), self._path]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # It has had its first answer.
        self._process.stdout.readline()
        return self

    def __exit__(self, *_):
        output, _ = self._process.communicate(b"\n", timeout=PATIENCE)
        self.times = json.loads(output.decode())


def assert_quick(test, server, what, work):
    """Nothing stalls while `work()` is done. How quick it is otherwise is in docs/http-api.md.

    A machine that stops now and then does not do so each time: of several attempts, one is enough.
    """
    for _ in range(_ATTEMPTS):
        with HealthProbe(server) as probe:
            time.sleep(0.5)
        idle = probe.times
        with HealthProbe(server) as probe:
            work()
        times = probe.times
        shown = "{}: {} idle {}".format(what, times, idle)
        if os.environ.get("COG_TEST_SHOW"):
            print(shown, file=sys.stderr)
        if times["p50"] < max(0.01, idle["p50"] * 5) and times["p99"] < max(0.5, idle["p99"] * 5):
            return
    test.fail(shown)
