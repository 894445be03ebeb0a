"""Weights fetched at start-up: parts, resume, faults, the shared cache, and what the model sees."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from unittest import mock

SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")
if SOURCE not in sys.path:
    sys.path.insert(0, SOURCE)

from cog._weights import download, manifest, present  # noqa: E402
from cog._weights.cache import Cache  # noqa: E402


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # Clients that are killed or hang up are what some tests are about.
        pass


class Host:
    """A file host on loopback that misbehaves as told."""

    def __init__(self):
        self.files = {}
        self.requests = []
        self.ranges = True
        self.cuts = 0
        self.statuses = []
        self.slow = 0.0
        self.redirect = None
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_GET(self):
                host.requests.append((self.path, dict(self.headers)))
                if host.statuses:
                    self.send_response(host.statuses.pop(0))
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if host.redirect is not None:
                    self.send_response(302)
                    self.send_header("Location", host.redirect + self.path)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = host.files.get(self.path)
                if body is None:
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                wanted = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("Range", ""))
                start, end = 0, len(body)
                if wanted and host.ranges:
                    start, end = int(wanted.group(1)), min(int(wanted.group(2)) + 1, len(body))
                    self.send_response(206)
                    self.send_header("Content-Range", "bytes {}-{}/{}".format(start, end - 1, len(body)))
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(end - start))
                self.end_headers()
                cut = host.cuts > 0
                if cut:
                    host.cuts -= 1
                    end = start + (end - start) // 2
                for at in range(start, end, 1 << 16):
                    if host.slow:
                        time.sleep(host.slow)
                    self.wfile.write(body[at : min(at + (1 << 16), end)])
                if cut:
                    self.close_connection = True

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:{}".format(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class WeightsTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="cog-weights-")
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.host = Host()
        self.addCleanup(self.host.close)
        self.target = os.path.join(self.directory, "src/weights")
        self.entries = []
        values = {
            "COG_CACHE_DIR": os.path.join(self.directory, "cache"),
            "COG_WEIGHTS_MANIFEST": os.path.join(self.directory, "weights.json"),
            "HF_TOKEN": "canary",
        }
        environment = mock.patch.dict(os.environ, values)
        environment.start()
        self.addCleanup(environment.stop)
        for name in ("HF_ENDPOINT", "COG_WEIGHTS_CACHE_MAX_BYTES"):
            os.environ.pop(name, None)
        self.addCleanup(self.release)
        quick = mock.patch.multiple(download, PART=1 << 18, _LONGEST_PAUSE=0.01)
        quick.start()
        self.addCleanup(quick.stop)

    def release(self):
        while present._held:
            present._held.pop().close()

    def add(self, path, body, sha256=None, urls=None):
        self.host.files["/" + path] = body
        self.entries.append(
            {
                "path": path,
                "sha256": sha256 or hashlib.sha256(body).hexdigest(),
                "size": len(body),
                "urls": urls or [self.host.url + "/" + path],
            }
        )
        self.write()

    def write(self):
        sets = [{"name": "w", "target": self.target, "setDigest": "", "files": self.entries}]
        with open(os.environ["COG_WEIGHTS_MANIFEST"], "w") as stream:
            json.dump({"version": 1, "sets": sets}, stream)

    def placed(self):
        found = {}
        for folder, _, names in os.walk(self.target):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as stream:
                    found[os.path.relpath(path, self.target)] = stream.read()
        return found

    def test_nothing_is_done_without_a_manifest(self):
        present.ensure()
        self.assertFalse(os.path.exists(os.environ["COG_CACHE_DIR"]))

    def test_files_come_in_parts_and_lie_at_their_places(self):
        big = os.urandom(3 * (1 << 18) + 17)
        self.add("big.bin", big)
        self.add("sub/small.json", b"{}")
        self.add("empty", b"")
        present.ensure()
        self.assertEqual(self.placed(), {"big.bin": big, "sub/small.json": b"{}", "empty": b""})
        self.assertEqual(len([path for path, _ in self.host.requests if path == "/big.bin"]), 4)
        self.assertFalse(os.access(os.path.join(self.target, "big.bin"), os.W_OK) and os.getuid() != 0)

    def test_a_second_container_takes_them_from_the_cache(self):
        self.add("a.bin", os.urandom(1000))
        present.ensure()
        asked = len(self.host.requests)
        shutil.rmtree(self.target)
        present.ensure()
        self.assertEqual(len(self.host.requests), asked)
        self.assertEqual(list(self.placed()), ["a.bin"])

    def test_cut_connections_and_busy_servers_are_asked_again(self):
        body = os.urandom(1 << 20)
        self.add("a.bin", body)
        self.host.cuts = 3
        self.host.statuses = [503, 429]
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": body})

    def test_a_server_without_ranges_gives_the_file_in_one_piece(self):
        body = os.urandom(1 << 20)
        self.add("a.bin", body)
        self.host.ranges = False
        self.host.cuts = 1
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": body})

    def test_wrong_bytes_never_get_to_their_place(self):
        self.add("a.bin", b"right")
        self.host.files["/a.bin"] = b"wrong"
        with self.assertRaises(download.WrongBytes) as caught:
            present.ensure()
        for text in (hashlib.sha256(b"right").hexdigest(), hashlib.sha256(b"wrong").hexdigest(), "a.bin"):
            self.assertIn(text, str(caught.exception))
        self.assertEqual(self.placed(), {})
        self.host.files["/a.bin"] = b"right"
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": b"right"})

    def test_another_size_is_refused_at_once(self):
        self.add("a.bin", b"right")
        self.host.files["/a.bin"] = b"much longer than it should be"
        with self.assertRaises(download.DownloadError):
            present.ensure()
        self.assertEqual(self.placed(), {})

    def test_another_address_is_tried(self):
        self.add("a.bin", b"right", urls=[self.host.url + "/gone", self.host.url + "/a.bin"])
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": b"right"})

    def test_what_cannot_be_had_is_named(self):
        self.add("a.bin", b"right", urls=[self.host.url + "/gone?signature=secret"])
        with self.assertRaises(download.DownloadError) as caught:
            present.ensure()
        self.assertIn("/gone: the server answers 404", str(caught.exception))
        self.assertNotIn("secret", str(caught.exception))

    def test_the_token_goes_to_the_hub_and_to_nobody_else(self):
        other = Host()
        self.addCleanup(other.close)
        os.environ["HF_ENDPOINT"] = self.host.url
        self.host.redirect = other.url
        self.add("o/m/resolve/c/a.bin", b"right", urls=["https://huggingface.co/o/m/resolve/c/a.bin"])
        other.files["/o/m/resolve/c/a.bin"] = b"right"
        present.ensure()
        self.assertEqual([headers.get("Authorization") for _, headers in self.host.requests], ["Bearer canary"])
        self.assertEqual([headers.get("Authorization") for _, headers in other.requests], [None])

    def test_a_damaged_rest_of_an_earlier_run_is_fetched_anew(self):
        body = os.urandom(1 << 20)
        self.add("a.bin", body)
        cache = Cache(present._cache_root())
        partial = cache.partial(hashlib.sha256(body).hexdigest())
        with open(partial, "wb") as stream:
            stream.write(b"\0" * len(body))
        with open(partial + ".parts", "w") as stream:
            stream.write("0\n2\n")
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": body})

    def test_killed_in_the_middle_it_goes_on_where_it_was(self):
        body = os.urandom(3 << 20)
        self.add("a.bin", body)
        self.host.slow = 0.02
        program = (
            "import sys; sys.path.insert(0, {!r}); from cog._weights import download, present; "
            "download.PART = 1 << 18; present._CONNECTIONS = 2; present.ensure()"
        ).format(SOURCE)
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
        journal = Cache(present._cache_root()).partial(hashlib.sha256(body).hexdigest()) + ".parts"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if os.path.exists(journal) and os.path.getsize(journal) >= 8:
                break
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        child.wait()
        self.assertEqual(self.placed(), {})
        self.host.slow = 0.0
        with open(journal) as stream:
            kept = {int(line) << 18 for line in stream.read().split()}
        before = len(self.host.requests)
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": body})
        ranges = [headers["Range"] for _, headers in self.host.requests[before:]]
        asked = {int(re.match(r"bytes=(\d+)-", text).group(1)) for text in ranges}
        self.assertEqual(asked & kept, set())
        self.assertEqual(len(asked | kept), 12)

    def test_room_is_made_from_what_nobody_uses(self):
        cache = Cache(present._cache_root())
        for index, name in enumerate("abc"):
            sha256 = name * 64
            os.makedirs(os.path.dirname(cache.path(sha256)), exist_ok=True)
            with open(cache.path(sha256), "wb") as stream:
                stream.write(b"x" * 1000)
            os.utime(cache.path(sha256), (index, index))
        program = (
            "import sys, time; sys.path.insert(0, {!r}); from cog._weights.cache import Cache; "
            "use = Cache({!r}).hold(['a' * 64]); print('held', flush=True); time.sleep(60)"
        ).format(SOURCE, cache.root)
        holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        holder.stdout.readline()
        os.environ["COG_WEIGHTS_CACHE_MAX_BYTES"] = "2500"
        self.add("new.bin", b"y" * 500)
        present.ensure()
        left = {name for name in "abc" if os.path.exists(cache.path(name * 64))}
        self.assertEqual(left, {"a", "c"})

    def test_manifests_that_lead_elsewhere_are_refused(self):
        for path in ("../../etc/passwd", "/etc/passwd", "a//b", "a/./b", ""):
            self.entries = [{"path": path, "sha256": "0" * 64, "size": 1, "urls": ["http://x.test/"]}]
            self.write()
            with self.assertRaises(manifest.ManifestError):
                present.ensure()
        with open(os.environ["COG_WEIGHTS_MANIFEST"], "w") as stream:
            stream.write("no json")
        with self.assertRaises(manifest.ManifestError):
            present.ensure()
