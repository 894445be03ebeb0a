"""What happens when threads, signals and processes meet at the worst moment; each test brings that moment about."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest
from types import SimpleNamespace
from unittest import mock

from cog._weights import cache as weights_cache
from cog._worker import cancelation as cancelations
from cog._worker.async_loop import _AsyncServer
from cog._worker.batches import AsyncBatches, _SyncBatches
from cog._worker.streams import Attribution, LogStream
from cog.exceptions import CancelationException

from .support import eventually


class CancelationTest(unittest.TestCase):
    def setUp(self):
        handler = signal.getsignal(cancelations.SIGNAL)
        self.addCleanup(signal.signal, cancelations.SIGNAL, handler)
        self.cancelation = cancelations.Cancelation()
        self.cancelation.install()

    def test_a_signal_that_comes_just_before_a_system_call_is_sent_again(self):
        sent = []
        send = signal.pthread_kill

        def lossy(thread, number):
            sent.append(number)
            if len(sent) > 3:
                send(thread, number)

        with mock.patch.object(signal, "pthread_kill", lossy):
            with self.assertRaises(CancelationException):
                self.cancelation.arm(7)
                threading.Timer(0.01, self.cancelation.request, [7]).start()
                time.sleep(60)
            self.cancelation.disarm()
            eventually(lambda: all(thread.name != "cog-cancelation" for thread in threading.enumerate()))
        self.assertEqual(len(sent), 4)

    def test_it_is_not_sent_again_once_the_prediction_has_ended(self):
        sent = []
        with mock.patch.object(signal, "pthread_kill", lambda *_: sent.append(1)):
            self.cancelation.arm(7)
            self.cancelation.request(7)
            self.cancelation.disarm()
            eventually(lambda: all(thread.name != "cog-cancelation" for thread in threading.enumerate()))
        self.assertEqual(len(sent), 1)


class _Channel:
    """Keeps what is sent; nothing is canceled here."""

    def __init__(self):
        self.closed = False
        self.sent = []
        self._cancelation = cancelations.Cancelation()

    def deferred(self):
        return self._cancelation.deferred()

    def send(self, kind, number, payload):
        self.sent.append((kind, number, payload))


class PrintingTest(unittest.TestCase):
    def setUp(self):
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)

    def test_threads_that_print_at_once_lose_nothing(self):
        channel = _Channel()
        stream = LogStream(1, channel, Attribution(), SimpleNamespace(written=lambda: b""))

        def write(word):
            for _ in range(3000):
                stream.write(word)

        threads = [threading.Thread(target=write, args=(word,)) for word in ("ab", "c\nd", "e\n")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        stream.flush()
        text = b"".join(payload[1:] for _, _, payload in channel.sent).decode()
        self.assertEqual([text.count(letter) for letter in "abcde\n"], [3000] * 5 + [6000])

    def test_whose_output_it_is_can_be_told_while_predictions_begin_and_end(self):
        attribution = Attribution()
        attribution.setting_up = False
        stop = threading.Event()

        def churn():
            while not stop.is_set():
                attribution.running[5] = None
                del attribution.running[5]

        thread = threading.Thread(target=churn)
        thread.start()
        try:
            numbers = {attribution.number() for _ in range(20000)}
        finally:
            stop.set()
            thread.join()
        self.assertLessEqual(numbers, {5, (1 << 64) - 1})


class _Prediction:
    """As much of a prediction as the loops need; `prepare` stands for fetching its files."""

    def __init__(self, number, prepare=lambda: None):
        self.number = number
        self.statuses = []
        self.ended = False
        self.uploads = False
        self.prepared = {}
        self.files = SimpleNamespace(remove=lambda: None)
        self.scope = None
        self._prepare = prepare

    def arguments(self, signature):
        self._prepare()
        return {}

    def begin(self):
        pass

    def encode(self, output):
        return repr(output).encode()

    def finish(self, status, output=b"", keep_files=False, **_):
        self.ended = True
        self.statuses.append(status)

    def fail(self, error):
        self.finish("failed")


def _model(method, batched=None, fetches=False):
    signature = SimpleNamespace(fetches=fetches, fields=[])
    return SimpleNamespace(method=method, batched=batched, signature=signature, requests=None)


class AsyncLoopTest(unittest.TestCase):
    def setUp(self):
        self.loop = asyncio.new_event_loop()
        self.addCleanup(self.loop.close)

    def run_until(self, condition):
        async def wait():
            while not condition():
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(asyncio.wait_for(wait(), 60))

    def test_predictions_that_are_canceled_before_they_are_read_do_not_run(self):
        async def method(**_):
            raise AssertionError("it ran")

        for batched in (None, (2, 0.0)):
            server = _AsyncServer(_model(method, batched), None, None, self.loop)
            predictions = [_Prediction(number) for number in (1, 2, 3)]
            for prediction in predictions:
                server._cancel(prediction.number)
            for prediction in predictions:
                server._start(prediction)
            self.assertEqual([prediction.statuses for prediction in predictions], [["canceled"]] * 3)

    def test_a_prediction_of_a_batch_can_be_canceled_while_its_files_are_fetched(self):
        fetched = threading.Event()
        calls = []

        async def method(**_):
            calls.append(1)
            return ["output"]

        batches = AsyncBatches(_model(method, (1, 0.0), fetches=True), self.loop)
        first, second = _Prediction(1, fetched.wait), _Prediction(2)
        adding = self.loop.create_task(batches.add(first))
        self.run_until(lambda: True)
        self.assertTrue(batches.cancel(1))
        self.assertEqual(first.statuses, ["canceled"])
        fetched.set()
        self.loop.run_until_complete(adding)
        self.loop.run_until_complete(batches.add(second))
        self.run_until(lambda: second.statuses)
        self.assertEqual((first.statuses, second.statuses, len(calls)), (["canceled"], ["succeeded"], 1))
        self.assertFalse(batches.cancel(1))


class SyncBatchesTest(unittest.TestCase):
    def test_a_cancelation_that_comes_while_its_batch_forms_is_heeded(self):
        class SlowSet(set):
            """The control thread stands still before it has noted what is canceled."""

            def add(self, number):
                adding.set()
                time.sleep(0.3)
                super().add(number)

        adding = threading.Event()
        cancelation = SimpleNamespace(arm=lambda _: None, disarm=lambda: None, request=lambda _: None)
        server = _SyncBatches(_model(lambda **_: ["a", "b"], (2, 0.0)), None, None, cancelation)
        server._canceled = SlowSet()
        thread = threading.Thread(target=server.cancel, args=(2,))
        thread.start()
        adding.wait()
        predictions = [_Prediction(1), _Prediction(2)]
        server._run(predictions)
        thread.join()
        self.assertEqual([prediction.statuses for prediction in predictions], [["succeeded"], ["canceled"]])


class CacheTest(unittest.TestCase):
    def test_nothing_is_removed_that_is_being_marked_as_in_use(self):
        root = tempfile.mkdtemp(prefix="cog-cache-")
        self.addCleanup(shutil.rmtree, root, True)
        cache = weights_cache.Cache(root)
        sha256 = "a" * 64
        os.makedirs(os.path.dirname(cache.path(sha256)))
        with open(cache.path(sha256), "wb") as stream:
            stream.write(b"x" * 1000)
        create = tempfile.mkstemp
        another = threading.Thread(target=cache.make_room, args=(1, 0))

        def create_and_wait(**options):
            created = create(**options)
            # The mark lies there, and nobody holds it yet.
            another.start()
            another.join(0.3)
            return created

        with mock.patch.object(weights_cache.tempfile, "mkstemp", create_and_wait):
            use = cache.hold([sha256])
        self.addCleanup(use.close)
        another.join()
        self.assertTrue(cache.has(sha256, 1000))


if __name__ == "__main__":
    unittest.main()
