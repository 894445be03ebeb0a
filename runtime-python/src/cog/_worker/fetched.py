"""What the model fetches by `pget`, and the image was locked with, is answered from the image.

COGPLAN_FETCHED is a JSON object: the lists of absolute paths where the bytes of each address lie.
"""

import atexit
import json
import os
import shutil
import sys
import tempfile
from typing import Dict, List, Optional

_SCRIPT = """\
#!{python} -IS
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("pget", {program!r})
program = importlib.util.module_from_spec(spec)
sys.dont_write_bytecode = True
spec.loader.exec_module(program)
sys.exit(program.main({answers!r}, os.path.dirname(os.path.abspath(__file__)), sys.argv[1:]))
"""

_directory: Optional[str] = None


def answer_fetches() -> None:
    """Puts a `pget` that answers first on this process's PATH; it goes away with the process."""
    text = os.environ.get("COGPLAN_FETCHED")
    if not text or _directory is not None:
        return
    answers = _read(text)
    if answers is None:
        print("COGPLAN_FETCHED is not understood: pget fetches everything", file=sys.stderr)
    elif not any(_install(place, answers) for place in (tempfile.gettempdir(), "/var/tmp", "/run")):
        print("there is no place for programs that can be written to: pget fetches everything", file=sys.stderr)


def forget_fetches() -> None:
    """Removes what `answer_fetches` has written; nothing in a child that this process has forked."""
    global _directory
    directory, _directory = _directory, None
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


def _read(text: str) -> Optional[Dict[str, List[str]]]:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    for paths in value.values():
        if not isinstance(paths, list) or not all(isinstance(path, str) and path.startswith("/") for path in paths):
            return None
    return value


def _install(place: str, answers: Dict[str, List[str]]) -> bool:
    """False where nothing can be written, or nothing be started."""
    global _directory
    try:
        directory = tempfile.mkdtemp(prefix="cog-fetched-", dir=place)
    except OSError:
        return False
    try:
        script = os.path.join(directory, "pget")
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pget.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(_SCRIPT.format(python=sys.executable, program=program, answers=answers))
        os.chmod(script, 0o755)
        usable = os.access(script, os.X_OK)
    except OSError:
        usable = False
    if not usable:
        shutil.rmtree(directory, ignore_errors=True)
        return False
    owner = os.getpid()
    _directory = directory
    atexit.register(lambda: forget_fetches() if os.getpid() == owner else None)
    os.environ["PATH"] = os.pathsep.join([directory, os.environ.get("PATH", os.defpath)])
    return True
