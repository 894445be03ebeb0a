"""The server process: sockets, signals, and uvicorn round the application."""

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List


def main() -> None:
    """Started by `http`, with its options as the one argument."""
    options = json.loads(sys.argv[1])
    sys.path.extend(options["path"])
    # Until the event loop takes over, a signal is only noted: an exception could strike anywhere.
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda signum, frame: _early_signals.append(signum))
    try:
        listening = _listen(options)
    except OSError as error:
        where = options["uds"] or "{}:{}".format(options["host"], options["port"])
        sys.stderr.write("cannot listen on {}: {}\n".format(where, error.strerror or error))
        sys.exit(1)
    try:
        loop = _new_event_loop()
        asyncio.set_event_loop(loop)
        code = loop.run_until_complete(_serve(options, listening))
    finally:
        if options["uds"]:
            _remove(options["uds"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


_early_signals: List[int] = []


async def _serve(options: Dict[str, Any], listening: socket.socket) -> int:
    import uvicorn

    from .app import Application, Settings
    from .output import output_from_environment
    from .protocol import protocol_class
    from .service import Service

    output = output_from_environment()
    environment = dict(os.environ)
    for private in ("COGPLAN_SERVER_PATH", "COG_SERVER_UDS"):
        environment.pop(private, None)
    environment.update(options["environment"])
    service = Service(options["mode"], environment, output, options["upload_url"])
    stopping = _Stopping(service, options["await_explicit_shutdown"])
    settings = Settings(
        most_bytes=int(_number(environment.get("COG_MAX_BODY_BYTES"), float(512 << 20))),
        patience=_number(environment.get("COG_BODY_TIMEOUT"), 60.0),
        probes=options["probes"],
        metrics=options["metrics"],
    )
    application = Application(service, stopping.request, settings)
    config = uvicorn.Config(
        application,
        http=protocol_class(settings.patience),
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        backlog=2048,
    )

    class Server(uvicorn.Server):  # type: ignore[misc, unused-ignore]
        """uvicorn's server with signals left to us."""

        def install_signal_handlers(self) -> None:
            pass

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    server = Server(config)
    stopping.attach(server)
    service.on_fatal_crash = stopping.on_crash
    service.start()
    await server.serve(sockets=[listening])
    await stopping.finish()
    output.drain(2)
    return stopping.code


class _Stopping:
    """From the first wish to stop to the end.

    SIGTERM and `POST /shutdown` let predictions end first; SIGINT, or a second signal of any kind, does not.
    """

    def __init__(self, service: Any, ignore_sigterm: bool) -> None:
        self.code = 0
        self._service = service
        self._server: Any = None
        self._ignore_sigterm = ignore_sigterm
        self._patience = _number(os.environ.get("COG_SHUTDOWN_TIMEOUT"), 30.0)
        self._stopped: Any = None

    def attach(self, server: Any) -> None:
        self._server = server
        loop = asyncio.get_event_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        if signal.SIGINT in _early_signals:
            self._interrupt()
        elif _early_signals:
            self._terminate()

    def request(self) -> None:
        if self._stopped is None:
            self._stopped = asyncio.ensure_future(self._stop())

    def on_crash(self) -> None:
        self.code = 1
        self.request()

    async def finish(self) -> None:
        self.request()
        await self._stopped

    def _terminate(self) -> None:
        if self._stopped is not None:
            self._interrupt()
        elif not self._ignore_sigterm:
            self.request()

    def _interrupt(self) -> None:
        self._patience = 0.0
        if self._stopped is not None:
            self._server.force_exit = True
            self._service.abandon()
        self.request()

    async def _stop(self) -> None:
        await self._service.stop(self._patience)
        self._server.should_exit = True


def _listen(options: Dict[str, Any]) -> socket.socket:
    if options["uds"]:
        return _listen_on_path(options["uds"])
    host = options["host"]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((host, options["port"]))
    listening.listen(2048)
    return listening


def _listen_on_path(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
    except OSError:
        if not _is_abandoned(path):
            raise
        os.unlink(path)
        listening.bind(path)
    listening.listen(2048)
    return listening


def _is_abandoned(path: str) -> bool:
    """Whether a socket lies there that nobody listens on."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        probe.connect(path)
        return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    finally:
        probe.close()


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _number(text: Any, default: float) -> float:
    try:
        return max(0.0, float(text)) if text else default
    except ValueError:
        return default


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
