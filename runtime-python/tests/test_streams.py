"""The counts by which what Python prints and what native code writes keep their order."""

import itertools
import struct
import unittest
from unittest import mock

from cog import _frames as frames
from cog._worker import streams

BEFORE, WAITING = 7, 5


class Interleaving:
    """A worker that asks for the counts while the server reads the pipe, whose steps fall at the given events."""

    def __init__(self, steps_at, taken=WAITING):
        self.taken = taken
        self.shared = [BEFORE, 0, 4]
        self.waiting = WAITING
        self._events = 0
        steps = (self._begin, self._take, self._count, self._end)
        self._steps = [(at, step) for at, step in zip(steps_at, steps)]

    def written(self):
        native = streams.NativeOutput.__new__(streams.NativeOutput)
        native._read = self
        with mock.patch.object(streams, "ioctl", self._ioctl), mock.patch.object(streams.time, "sleep", self._sleep):
            return native.written()

    def __getitem__(self, index):
        self._happen()
        return self.shared[index]

    def _ioctl(self, descriptor, request, argument):
        self._happen()
        return struct.pack("=i", self.waiting if descriptor == 1 else 0)

    def _sleep(self, seconds):
        self._happen()

    def _happen(self):
        """What the server does before the worker's next event."""
        while self._steps and self._steps[0][0] <= self._events:
            self._steps.pop(0)[1]()
        self._events += 1

    def _begin(self):
        self.shared[2] += 1

    def _take(self):
        self.waiting -= self.taken

    def _count(self):
        self.shared[0] += self.taken

    def _end(self):
        self.shared[2] += 1


class CountsTest(unittest.TestCase):
    def test_are_right_wherever_the_server_reads_in_between(self):
        answers = set()
        moments = itertools.combinations_with_replacement(range(16), 4)
        for steps_at, taken in itertools.product(moments, (WAITING, WAITING - 2)):
            interleaving = Interleaving(steps_at, taken)
            answer = interleaving.written()
            if answer:
                self.assertEqual(frames.COUNTS.unpack(answer), (BEFORE + WAITING, 0), (steps_at, taken))
            else:
                self.assertEqual(interleaving.waiting, 0, (steps_at, taken))
            answers.add(answer)
        self.assertEqual(len(answers), 2)

    def test_a_server_that_stands_still_does_not_stop_the_model(self):
        interleaving = Interleaving((0, 10**9, 10**9, 10**9))
        with mock.patch.object(streams, "_LONGEST_READ", 0.01):
            self.assertEqual(interleaving.written(), b"")
