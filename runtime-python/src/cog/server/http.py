"""`python -m cog.server.http`: reads the command line and becomes the server process."""

import os
import sys

if __name__ == "__main__" and sys.path and os.path.abspath(sys.path[0]) == os.getcwd():
    # A file of the model may be called json.py.
    del sys.path[0]

import argparse
from typing import Dict, List, Optional

from .._boot import server_command
from .._version import DISTRIBUTION

_SWITCHES = {
    "probes": ("COG_PROBES", "serve /healthz and /readyz"),
    "metrics": ("COG_METRICS", "serve /metrics for Prometheus"),
    "block-private-addresses": ("COG_BLOCK_PRIVATE_ADDRESSES", "fetch inputs from public addresses only"),
}
DEFAULT_SERVER_PATH = "/usr/local/lib/cogplan/server"


def main(arguments: Optional[List[str]] = None) -> None:
    """Does not return."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    options["path"] = _server_path()
    command = server_command(options)
    sys.stdout.flush()
    os.execv(command[0], command)


def parse(arguments: List[str]) -> Dict[str, object]:
    parser = argparse.ArgumentParser(prog="python -m cog.server.http", description="Serves a model over HTTP.")
    parser.add_argument("-v", "--version", action="version", version=DISTRIBUTION, help="show the version and exit")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=int,
        default=_number("PORT", 5000),
        help="port to listen on (default: the variable PORT, else 5000)",
    )
    parser.add_argument(
        "--uds",
        default=os.environ.get("COG_SERVER_UDS") or None,
        metavar="PATH",
        help="listen on a Unix socket instead (default: the variable COG_SERVER_UDS)",
    )
    parser.add_argument("--upload-url", default=None, metavar="URL", help="where to PUT output files")
    parser.add_argument(
        "--await-explicit-shutdown",
        type=_boolean,
        default=False,
        metavar="BOOL",
        help="ignore SIGTERM; stop at POST /shutdown or SIGINT",
    )
    parser.add_argument(
        "--x-mode", choices=("predict", "train"), default="predict", help="what to serve (default: %(default)s)"
    )
    for option, (variable, text) in _SWITCHES.items():
        help_text = "{} (default: the variable {})".format(text, variable)
        parser.add_argument("--" + option, action="store_true", default=_is_on(variable), help=help_text)
    parser.add_argument(
        "--queue-depth",
        type=int,
        default=_number("COG_QUEUE_DEPTH", 0),
        metavar="N",
        help="predictions that may wait for a place (default: the variable COG_QUEUE_DEPTH, else 0)",
    )
    parser.add_argument("--threads", type=int, default=None, help="accepted and ignored")
    parsed = parser.parse_args(arguments)
    return {
        "host": parsed.host,
        "port": parsed.port,
        "uds": parsed.uds,
        "upload_url": parsed.upload_url,
        "await_explicit_shutdown": parsed.await_explicit_shutdown,
        "mode": parsed.x_mode,
        "probes": parsed.probes,
        "metrics": parsed.metrics,
        "environment": {
            "COG_QUEUE_DEPTH": str(parsed.queue_depth),
            "COG_BLOCK_PRIVATE_ADDRESSES": "1" if parsed.block_private_addresses else "0",
        },
    }


def _number(variable: str, default: int) -> int:
    given = os.environ.get(variable, "").strip()
    return int(given) if given.isdigit() else default


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on")


def _boolean(text: str) -> bool:
    return text.strip().lower() not in ("", "0", "false", "no", "off")


def _server_path() -> List[str]:
    """Directories of the server's own packages; the model's environment if there are none."""
    given = os.environ.get("COGPLAN_SERVER_PATH")
    if given:
        return given.split(os.pathsep)
    if os.path.isdir(DEFAULT_SERVER_PATH):
        return [DEFAULT_SERVER_PATH]
    here = os.getcwd()
    return [entry for entry in sys.path if entry and os.path.abspath(entry) != here]


if __name__ == "__main__":
    main()
