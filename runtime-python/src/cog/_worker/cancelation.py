"""Canceling a prediction that runs on the main thread.

A signal interrupts blocking system calls there; its handler raises CancelationException, but only if the prediction
that is to be canceled is still the one that runs, and never while a frame is being sent.
"""

import signal
import threading
from typing import Any, Optional

from ..exceptions import CancelationException

SIGNAL = signal.SIGUSR1


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
        if self._running == number and self._main is not None:
            signal.pthread_kill(self._main, SIGNAL)

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
