"""The page at /docs, used in a real browser. Skipped where there is no Chromium."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from .support import Server, eventually

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)


class Browser:
    """Headless Chromium with one page, spoken to by the DevTools protocol over a pipe."""

    def __init__(self, url):
        self._profile = tempfile.mkdtemp(prefix="cog-chromium-")
        ours_read, theirs_write = os.pipe()
        theirs_read, ours_write = os.pipe()
        # The protocol wants descriptors 3 and 4; the shell puts them there.
        command = 'exec "$0" "$@" 3<&{} 4>&{}'.format(theirs_read, theirs_write)
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe"]
        # The browser itself asks nothing of the network.
        flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"]
        flags += ["--user-data-dir=" + self._profile, "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", command, CHROMIUM] + flags,
            pass_fds=[theirs_read, theirs_write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_read)
        os.close(theirs_write)
        self._read = os.fdopen(ours_read, "rb")
        self._write = os.fdopen(ours_write, "wb", buffering=0)
        self._rest = b""
        self._count = 0
        self._session = None
        target = self._call("Target.createTarget", url=url)["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def close(self):
        self._process.kill()
        self._process.wait()
        self._read.close()
        self._write.close()
        shutil.rmtree(self._profile, ignore_errors=True)

    def evaluate(self, expression):
        result = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"])
        return result["result"].get("value")

    def wait_for(self, expression):
        return eventually(lambda: self.evaluate(expression), "never true in the page: " + expression)

    def _call(self, method, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._write.write(json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                read = os.read(self._read.fileno(), 65536)
                if not read:
                    raise AssertionError("the browser ended")
                self._rest += read
            answer, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(answer.decode())
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise AssertionError(answer["error"])
                return answer["result"]


@unittest.skipIf(CHROMIUM is None, "there is no Chromium")
class DocsTest(unittest.TestCase):
    def open(self, source):
        server = Server(source, tcp=True)
        self.addCleanup(server.__exit__)
        server.__enter__()
        browser = Browser("http://127.0.0.1:{}/docs".format(server.port))
        self.addCleanup(browser.close)
        browser.wait_for("document.querySelectorAll('.field').length > 0")
        return browser

    def test_a_prediction_with_every_kind_of_input(self):
        browser = self.open("""
            from typing import List
            from cog import BasePredictor, Input, Path

            class Predictor(BasePredictor):
                def predict(
                    self,
                    text: str = Input(description="<b>Some</b> text"),
                    count: int = Input(default=2, ge=1, le=5),
                    mode: str = Input(default="b", choices=["a", "b"]),
                    shout: bool = False,
                    image: Path = None,
                    items: List[str] = Input(default=["x"]),
                ) -> str:
                    print("said")
                    content = image.read_text() if image else "none"
                    return " ".join([text * count, mode, str(shout), content, ",".join(items)])
        """)
        self.assertEqual(browser.evaluate("document.querySelectorAll('.field').length"), 6)
        self.assertIn("<b>Some</b> text", browser.evaluate("document.querySelector('.field small').textContent"))
        browser.evaluate("document.getElementById('input-count').value = 9")
        browser.evaluate("document.getElementById('run').click()")
        browser.wait_for("document.getElementById('problem-count').textContent.includes('less than or equal to 5')")
        browser.evaluate("""(() => {
            document.getElementById('input-count').value = 3;
            document.getElementById('input-text').value = 'ab';
            document.getElementById('input-shout').checked = true;
            document.getElementById('input-items').value = '["y", "z"]';
            const files = new DataTransfer();
            files.items.add(new File(['content'], 'a.txt', { type: 'text/plain' }));
            document.getElementById('input-image').files = files.files;
            document.getElementById('run').click();
        })()""")
        browser.wait_for("document.getElementById('status').textContent === 'succeeded'")
        self.assertEqual(browser.evaluate("document.getElementById('output').textContent"), "ababab b True content y,z")
        self.assertEqual(browser.evaluate("document.getElementById('logs').textContent"), "said\n")

    def test_a_stream_and_its_cancelation(self):
        browser = self.open("""
            import time
            from cog import BasePredictor, ConcatenateIterator, streaming

            class Predictor(BasePredictor):
                @streaming
                def predict(self, n: int = 3) -> ConcatenateIterator[str]:
                    for index in range(n):
                        yield "t%d " % index
                        time.sleep(0.1)
        """)
        browser.evaluate("document.getElementById('run').click()")
        browser.wait_for("document.getElementById('output').textContent === 't0 t1 t2 '")
        browser.wait_for("document.getElementById('status').textContent === 'succeeded'")
        browser.evaluate("document.getElementById('input-n').value = 1000; document.getElementById('run').click()")
        # The output of the run before stands there until the new one has begun.
        browser.wait_for(
            "!document.getElementById('cancel').disabled"
            " && document.getElementById('output').textContent.startsWith('t0 t1 ')"
        )
        browser.evaluate("document.getElementById('cancel').click()")
        browser.wait_for("document.getElementById('status').textContent === 'canceled'")


if __name__ == "__main__":
    unittest.main()
