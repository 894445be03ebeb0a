"""Canceling a prediction that runs on the main thread.

A signal interrupts blocking system calls there; its handler raises CancelationException, but only if the prediction
that is to be canceled is still the one that runs, and never while a frame is being sent. A signal that comes just before
a system call begins does not interrupt that call, so it is sent again until the handler has run.
"""

import signal
import threading
import time
from typing import Any, Optional

from ..exceptions import CancelationException

SIGNAL = signal.SIGUSR1
# Seconds until the signal is sent again, at first and at most.
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class Cancelation:
    def __init__(self) -> None:
        self._main = threading.main_thread().ident
        self._running = 0
        self._requested = 0
        self._armed = False
        self._deferrals = 0
        self._pending = False
        self._deferred = _Deferred(self)

    def install(self) -> None:
        signal.signal(SIGNAL, self._on_signal)

    def request(self, number: int) -> None:
        """Cancels this prediction, now or as soon as it starts. Called on the control thread."""
        self._requested = number
        if self._awaits_signal(number):
            self._signal()
            try:
                threading.Thread(target=self._insist, args=(number,), name="cog-cancelation", daemon=True).start()
            except RuntimeError:
                # The model has as many threads as there may be.
                pass

    def arm(self, number: int) -> None:
        """Declares that model code runs for this prediction from here on. Raises if it is canceled already.

        Signals of libraries that took over the handler during setup are taken back.
        """
        if signal.getsignal(SIGNAL) != self._on_signal:
            self.install()
        self._running = number
        self._pending = False
        self._armed = True
        if self._requested == number:
            self._armed = False
            raise CancelationException

    def disarm(self) -> None:
        self._armed = False
        self._running = 0

    def _awaits_signal(self, number: int) -> bool:
        return self._armed and self._running == number == self._requested and not self._pending

    def _signal(self) -> None:
        if self._main is not None:
            signal.pthread_kill(self._main, SIGNAL)

    def _insist(self, number: int) -> None:
        pause = _FIRST_PAUSE
        while True:
            time.sleep(pause)
            if not self._awaits_signal(number):
                return
            self._signal()
            pause = min(pause * 2, _LONGEST_PAUSE)

    def deferred(self) -> "_Deferred":
        """A context in which no cancelation is raised on the main thread; it is raised at the end instead."""
        return self._deferred

    def _on_signal(self, signum: int, frame: Any) -> None:
        if not self._armed or self._requested != self._running:
            return
        if self._deferrals:
            self._pending = True
            return
        self._armed = False
        raise CancelationException


class _Deferred:
    def __init__(self, owner: Cancelation) -> None:
        self._owner = owner

    def __enter__(self) -> None:
        if threading.get_ident() == self._owner._main:
            self._owner._deferrals += 1

    def __exit__(self, *_: Optional[Any]) -> None:
        owner = self._owner
        if threading.get_ident() != owner._main:
            return
        owner._deferrals -= 1
        if owner._pending and not owner._deferrals:
            owner._pending = False
            if owner._armed:
                owner._armed = False
                raise CancelationException
