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

from cog._weights import buckets, download, manifest, present  # noqa: E402
from cog._weights.cache import Cache  # noqa: E402

from .support import eventually  # noqa: E402


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
        self.retry_after = None
        self.stalls = 0
        # By path and query: what is served whoever asks, as metadata services do.
        self.answers = {}
        # Path to the value of Authorization that it wants.
        self.wanted = {}
        self.slow = 0.0
        # After so many answers, whoever asks for more waits until `released`.
        self.most = None
        self.released = threading.Event()
        self.redirect = None
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def give(self, text):
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                host.requests.append((self.path, dict(self.headers)))
                self.give(host.answers[self.path])

            def do_GET(self):
                host.requests.append((self.path, dict(self.headers)))
                if host.statuses:
                    self.send_response(host.statuses.pop(0))
                    if host.retry_after is not None:
                        self.send_header("Retry-After", host.retry_after)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if self.path in host.answers:
                    return self.give(host.answers[self.path])
                wanted = host.wanted.get(self.path)
                if wanted is not None and not re.match(wanted, self.headers.get("Authorization", "")):
                    self.send_response(403)
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
                if host.stalls > 0:
                    host.stalls -= 1
                    time.sleep(1)
                    self.close_connection = True
                    return
                cut = host.cuts > 0
                if cut:
                    host.cuts -= 1
                    end = start + (end - start) // 2
                if host.most is not None:
                    host.most -= 1
                    if host.most < 0:
                        host.released.wait()
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
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class _WithHost(unittest.TestCase):
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


class WeightsTest(_WithHost):
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

    def test_the_same_bytes_at_two_places_come_from_either_address(self):
        self.add("a.bin", b"right", urls=[self.host.url + "/gone"])
        self.add("b.bin", b"right")
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": b"right", "b.bin": b"right"})
        self.assertEqual([path for path, _ in self.host.requests], ["/gone", "/b.bin"])

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

    def test_a_hub_that_refuses_is_told_with_what_to_do(self):
        path = "/o/m/resolve/c/a.bin"
        os.environ["HF_ENDPOINT"] = self.host.url
        self.host.wanted[path] = "Bearer another"
        self.add(path[1:], b"right", urls=["https://huggingface.co" + path])
        for token, advice in (("canary", "its terms may have to be accepted"), ("", "HF_TOKEN holds no token")):
            os.environ["HF_TOKEN"] = token
            with self.assertRaises(download.DownloadError) as caught:
                present.ensure()
            self.assertIn("the hub answers 403: " + advice, str(caught.exception))
            self.assertNotIn("canary", str(caught.exception))

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

    def test_the_way_that_a_hub_tells_is_asked_for_once(self):
        other = Host()
        self.addCleanup(other.close)
        self.host.redirect = other.url
        body = os.urandom(5 << 18)
        self.add("a.bin", body)
        other.files["/a.bin"] = body
        with mock.patch.object(present, "_CONNECTIONS", 1):
            present.ensure()
        self.assertEqual(self.placed(), {"a.bin": body})
        self.assertEqual((len(self.host.requests), len(other.requests)), (1, 5))

    def test_a_way_that_is_no_longer_good_is_asked_for_again(self):
        other = Host()
        self.addCleanup(other.close)
        self.host.redirect = other.url
        body = os.urandom(3 << 18)
        self.add("a.bin", body)
        other.files["/a.bin"] = body
        create = download.Job.__init__

        def with_stale_way(job, *args):
            create(job, *args)
            job.places[job.file.urls[0]] = other.url + "/expired"

        with mock.patch.object(download.Job, "__init__", with_stale_way):
            present.ensure()
        self.assertEqual(self.placed(), {"a.bin": body})

    def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(self):
        self.add("a.bin", b"right")
        for ranges in (True, False):
            self.host.ranges = ranges
            self.host.statuses, self.host.retry_after = [429], "1"
            started = time.monotonic()
            present.ensure()
            self.assertGreaterEqual(time.monotonic() - started, 1)
            shutil.rmtree(os.environ["COG_CACHE_DIR"])
            shutil.rmtree(self.target)

    def test_a_server_that_falls_silent_is_asked_again(self):
        body = os.urandom(1 << 19)
        self.add("a.bin", body)
        self.host.stalls = 2
        with mock.patch.multiple(download, _TIMEOUT=0.3, _GLANCE=0.1):
            present.ensure()
        self.assertEqual(self.placed(), {"a.bin": body})

    def test_bytes_that_changed_between_two_runs_are_refused_with_both_hashes(self):
        body, other = os.urandom(1 << 20), os.urandom(1 << 20)
        self.add("a.bin", body)
        sha256 = hashlib.sha256(body).hexdigest()
        partial = Cache(present._cache_root()).partial(sha256)
        with open(partial, "wb") as stream:
            stream.write(body)
        with open(partial + ".parts", "w") as stream:
            stream.write("0\n1\n")
        self.host.files["/a.bin"] = other
        with self.assertRaises(download.WrongBytes) as caught:
            present.ensure()
        self.assertIn(sha256, str(caught.exception))
        # The second time nothing of the first is left: the hash is that of what is there now.
        self.assertIn(hashlib.sha256(other).hexdigest(), str(caught.exception))
        self.assertEqual(self.placed(), {})

    def test_a_file_that_cannot_be_had_ends_the_wait_for_the_others(self):
        self.host.slow = 0.05
        for name in "abcdefgh":
            self.add(name, os.urandom(1 << 19), urls=[self.host.url + ("/gone" if name == "d" else "/" + name)])
        started = time.monotonic()
        with mock.patch.object(present, "_CONNECTIONS", 2), self.assertRaises(download.DownloadError) as caught:
            present.ensure()
        self.assertIn("/gone: the server answers 404", str(caught.exception))
        self.assertLess(time.monotonic() - started, 100)
        self.assertEqual(self.placed(), {})

    def test_a_cut_part_goes_on_where_it_was(self):
        body = os.urandom(1 << 18)
        self.add("a.bin", body)
        self.host.cuts = 1
        present.ensure()
        ranges = [headers["Range"] for _, headers in self.host.requests]
        self.assertEqual(ranges, ["bytes=0-262143", "bytes=131072-262143"])

    def test_containers_that_are_killed_leave_nothing_wrong_to_those_beside_them(self):
        bodies = {name: os.urandom(6 << 18) for name in ("a.bin", "b.bin")}
        for name, body in bodies.items():
            self.add(name, body)
        self.host.slow = 0.004
        program = (
            "import sys; sys.path.insert(0, {!r}); from cog._weights import download, present; "
            "download.PART = 1 << 18; present._CONNECTIONS = 3; present.ensure()"
        ).format(SOURCE)

        def start(target):
            path = os.path.join(self.directory, target + ".json")
            place = os.path.join(self.directory, target)
            sets = [{"name": "w", "target": place, "setDigest": "", "files": self.entries}]
            with open(path, "w") as stream:
                json.dump({"version": 1, "sets": sets}, stream)
            return subprocess.Popen(
                [sys.executable, "-c", program],
                stdout=subprocess.DEVNULL,
                env=dict(os.environ, COG_WEIGHTS_MANIFEST=path),
            )

        cache = Cache(present._cache_root())
        for moment in (0.1, 0.15, 0.2, 0.25, 0.3):
            children = [start("first"), start("second")]
            time.sleep(moment)
            for child in children:
                child.kill()
            for child in children:
                child.wait()
            for name, body in bodies.items():
                cached = cache.path(hashlib.sha256(body).hexdigest())
                for place in (cached, os.path.join(self.directory, "first", name)):
                    if os.path.exists(place):
                        with open(place, "rb") as stream:
                            self.assertEqual(stream.read(), body)
        children = [start("first"), start("second"), start("third")]
        self.assertEqual([child.wait() for child in children], [0, 0, 0])
        for target in ("first", "second", "third"):
            for name, body in bodies.items():
                with open(os.path.join(self.directory, target, name), "rb") as stream:
                    self.assertEqual(stream.read(), body)
        places = [os.path.join(self.directory, target, "a.bin") for target in ("first", "third")]
        self.assertTrue(os.path.samefile(*places))

    def test_killed_in_the_middle_it_goes_on_where_it_was(self):
        body = os.urandom(3 << 20)
        self.add("a.bin", body)
        self.host.most = 6
        program = (
            "import sys; sys.path.insert(0, {!r}); from cog._weights import download, present; "
            "download.PART = 1 << 18; present._CONNECTIONS = 2; present.ensure()"
        ).format(SOURCE)
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)
        journal = Cache(present._cache_root()).partial(hashlib.sha256(body).hexdigest()) + ".parts"
        eventually(lambda: os.path.exists(journal) and os.path.getsize(journal) >= 8)
        child.send_signal(signal.SIGKILL)
        child.wait()
        self.assertEqual(self.placed(), {})
        self.host.most = None
        self.host.released.set()
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


class BucketsTest(_WithHost):
    """Addresses of buckets, with credentials of every kind and without."""

    def setUp(self):
        super().setUp()
        for name in list(os.environ):
            if name.startswith(("AWS_", "GOOGLE_", "CLOUDSDK_", "STORAGE_", "GCE_")):
                del os.environ[name]
        os.environ["HOME"] = self.directory
        os.environ["AWS_ENDPOINT_URL"] = self.host.url
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        os.environ["STORAGE_EMULATOR_HOST"] = self.host.url
        os.environ["GCE_METADATA_HOST"] = self.host.url[len("http://") :]
        buckets._given.clear()

    def bucket(self, url, served, body=b"right"):
        self.add("a.bin", body, urls=[url])
        self.host.files[served] = body

    def authorizations(self, path):
        return [headers.get("Authorization") for asked, headers in self.host.requests if asked == path]

    def test_a_signature_is_that_of_amazons_own_example(self):
        # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
        keys = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "")
        address = "https://examplebucket.s3.amazonaws.com/test.txt"
        headers = buckets.sign(address, {"Range": "bytes=0-9"}, keys, "us-east-1", "20130524T000000Z")
        signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        self.assertTrue(headers["authorization"].endswith("Signature=" + signature), headers["authorization"])

    def test_a_public_bucket_is_read_without_credentials(self):
        self.bucket("s3://weights/m/a%20b.bin", "/weights/m/a%20b.bin", os.urandom(3 << 18))
        present.ensure()
        self.assertEqual(self.authorizations("/weights/m/a%20b.bin"), [None] * 3)

    def test_keys_of_the_environment_sign(self):
        os.environ.update(AWS_ACCESS_KEY_ID="ID", AWS_SECRET_ACCESS_KEY="canary", AWS_SESSION_TOKEN="token")
        os.environ["AWS_REGION"] = "eu-west-1"
        self.host.wanted["/weights/a.bin"] = "AWS4-HMAC-SHA256 Credential=ID/"
        self.bucket("s3://weights/a.bin", "/weights/a.bin")
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": b"right"})
        (headers,) = [headers for _, headers in self.host.requests]
        self.assertIn("/eu-west-1/s3/aws4_request", headers["Authorization"])
        self.assertEqual(headers["X-Amz-Security-Token"], "token")
        self.assertNotIn("canary", repr(headers))

    def test_a_profile_of_the_file_signs(self):
        os.makedirs(os.path.join(self.directory, ".aws"))
        with open(os.path.join(self.directory, ".aws/credentials"), "w") as stream:
            stream.write("[lab]\naws_access_key_id = LAB\naws_secret_access_key = canary%\n")
        os.environ["AWS_PROFILE"] = "lab"
        self.host.wanted["/weights/a.bin"] = "AWS4-HMAC-SHA256 Credential=LAB/"
        self.bucket("s3://weights/a.bin", "/weights/a.bin")
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": b"right"})

    def test_the_role_of_the_container_signs(self):
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = self.host.url + "/role"
        os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "ask-with-this"
        self.host.answers["/role"] = json.dumps({"AccessKeyId": "ROLE", "SecretAccessKey": "canary", "Token": "t"})
        self.host.wanted["/weights/a.bin"] = "AWS4-HMAC-SHA256 Credential=ROLE/"
        self.bucket("s3://weights/a.bin", "/weights/a.bin")
        present.ensure()
        self.assertEqual(self.authorizations("/role"), ["ask-with-this"])
        self.assertEqual(self.placed(), {"a.bin": b"right"})

    def test_the_role_of_the_machine_is_asked_for_after_a_refusal(self):
        os.environ["AWS_EC2_METADATA_DISABLED"] = "false"
        os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = self.host.url
        self.host.answers["/latest/api/token"] = "session"
        self.host.answers[buckets._ROLE] = "model"
        self.host.answers[buckets._ROLE + "model"] = json.dumps({"AccessKeyId": "M", "SecretAccessKey": "canary"})
        self.host.wanted["/weights/a.bin"] = "AWS4-HMAC-SHA256 Credential=M/"
        self.bucket("s3://weights/a.bin", "/weights/a.bin")
        present.ensure()
        self.assertEqual(self.placed(), {"a.bin": b"right"})
        self.assertIsNone(self.authorizations("/weights/a.bin")[0])

    def test_a_bucket_that_refuses_is_named_and_the_keys_are_not(self):
        os.environ.update(AWS_ACCESS_KEY_ID="ID", AWS_SECRET_ACCESS_KEY="canary")
        self.host.wanted["/weights/a.bin"] = "never"
        self.bucket("s3://weights/a.bin", "/weights/a.bin")
        with self.assertRaises(download.DownloadError) as caught:
            present.ensure()
        self.assertIn("s3://weights/a.bin: the server answers 403", str(caught.exception))
        self.assertNotIn("canary", str(caught.exception))
        self.host.wanted["/weights/a.bin"] = "Bearer of-nobody"
        del os.environ["AWS_ACCESS_KEY_ID"]
        with self.assertRaises(download.DownloadError) as caught:
            present.ensure()
        self.assertIn("the bucket answers 403 without credentials", str(caught.exception))

    def test_the_session_token_goes_along_no_redirect(self):
        other = Host()
        self.addCleanup(other.close)
        os.environ.update(AWS_ACCESS_KEY_ID="ID", AWS_SECRET_ACCESS_KEY="canary", AWS_SESSION_TOKEN="token")
        self.host.redirect = other.url
        self.bucket("s3://weights/a.bin", "/weights/a.bin")
        other.files["/weights/a.bin"] = b"right"
        present.ensure()
        (headers,) = [headers for _, headers in other.requests]
        self.assertEqual([name for name in headers if name.lower() in ("authorization", "x-amz-security-token")], [])

    def test_google_takes_the_token_of_the_environment_or_of_the_machine(self):
        path = "/storage/v1/b/weights/o/m%2Fa.bin?alt=media"
        self.bucket("gs://weights/m/a.bin", path)
        self.host.wanted[path] = "Bearer own"
        os.environ["GOOGLE_OAUTH_ACCESS_TOKEN"] = "own"
        present.ensure()
        self.assertEqual(self.authorizations(path), ["Bearer own"])
        del os.environ["GOOGLE_OAUTH_ACCESS_TOKEN"]
        self.host.wanted[path] = "Bearer machine"
        service = "/computeMetadata/v1/instance/service-accounts/default/token"
        self.host.answers[service] = json.dumps({"access_token": "machine"})
        shutil.rmtree(os.environ["COG_CACHE_DIR"])
        shutil.rmtree(self.target)
        present.ensure()
        self.assertEqual(self.authorizations(path)[1:], [None, "Bearer machine"])
        self.assertEqual(self.placed(), {"a.bin": b"right"})
