"""A `pget` that answers for what the image was locked with, and leaves everything else to the next one on PATH.

It runs by itself in a process of its own, so it imports nothing of `cog`.
"""

import os
import shutil
import sys
import tempfile
from typing import Dict, List, Optional, Sequence, Tuple

Answers = Dict[str, List[str]]

_SWITCHES = {"-f": "force", "-x": "extract", "-v": "", "--force": "force", "--extract": "extract"}
_SWITCHES.update({"--verbose": "", "--force-http2": ""})
_VALUED = {"-c", "-m", "-o", "-r", "--concurrency", "--chunk-size", "--minimum-chunk-size", "--max-chunks", "--output"}
_VALUED |= {"--retries", "--connect-timeout", "--resolve", "--log-level", "--pid-file", "--max-conn-per-host"}
_VALUED |= {"--max-concurrent-files", "--cache-nodes-srv-name"}
_OUTPUTS = {"file": False, "tar-extractor": True, "tar": True, "unzip": True, "zip-extractor": True}
_TRUE = ("1", "t", "true")
_FALSE = ("0", "f", "false")


class _Refused(Exception):
    """The text is what the program says before it fails."""


class _Call:
    """What a command line asks for."""

    def __init__(self) -> None:
        self.force = os.environ.get("PGET_FORCE", "").lower() in _TRUE
        self.extract = False
        self.operands: List[str] = []
        # Where each operand stands among the arguments.
        self.places: List[int] = []


def main(answers: Answers, directory: str, arguments: Sequence[str]) -> int:
    """The exit status; does not return when another pget takes over. `directory` is the one on PATH that this lies in."""
    call = _read(arguments)
    try:
        if call is not None and len(call.operands) == 2:
            first, second = call.operands
            if first != "multifile":
                path = _locked(answers, first, second, call.extract)
                if path is not None:
                    _check(path, second, call.force)
                    _answer(first, path, second)
                    return 0
            elif not call.extract:
                return _answer_many(answers, directory, arguments, call)
    except _Refused as refusal:
        return _fail(str(refusal))
    except OSError as error:
        return _fail(str(error))
    return _hand_on(directory, arguments)


def _answer_many(answers: Answers, directory: str, arguments: Sequence[str], call: _Call) -> int:
    source = call.operands[1]
    with open(0 if source == "-" else source, "rb", closefd=source != "-") as file:
        lines = [line.strip() for line in os.fsdecode(file.read()).split("\n")]
    found: List[Tuple[str, str, str]] = []
    rest: List[str] = []
    for line in filter(None, lines):
        url, dest = (line.split() + ["", ""])[:2]
        path = _locked(answers, url, dest, False) if dest else None
        if path is None:
            rest.append(line)
        else:
            found.append((url, path, dest))
    for _, path, dest in found:
        _check(path, dest, call.force)
    for url, path, dest in found:
        _answer(url, path, dest)
    if not rest:
        return 0
    # The other program reads what is left from its standard input.
    with tempfile.TemporaryFile() as manifest:
        manifest.write(os.fsencode("\n".join(rest) + "\n"))
        manifest.flush()
        manifest.seek(0)
        os.dup2(manifest.fileno(), 0)
    given = list(arguments)
    given[call.places[1]] = "-"
    return _hand_on(directory, given)


def _read(arguments: Sequence[str]) -> Optional[_Call]:
    """None for what this program does not know."""
    call = _Call()
    index = 0
    while index < len(arguments):
        word = arguments[index]
        index += 1
        if word == "--":
            call.operands += arguments[index:]
            call.places += range(index, len(arguments))
            break
        if word == "-" or not word.startswith("-"):
            call.operands.append(word)
            call.places.append(index - 1)
            continue
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            options = [(name, value if equals else None)]
        else:
            options = _short_options(word)
        for name, given in options:
            if name in _VALUED:
                if given is None:
                    if index == len(arguments):
                        return None
                    given = arguments[index]
                    index += 1
                if name in ("-o", "--output"):
                    if given not in _OUTPUTS:
                        return None
                    call.extract = _OUTPUTS[given]
            elif name in _SWITCHES and (given is None or given.lower() in _TRUE + _FALSE):
                if _SWITCHES[name]:
                    setattr(call, _SWITCHES[name], given is None or given.lower() in _TRUE)
            else:
                return None
    return call


def _short_options(word: str) -> List[Tuple[str, Optional[str]]]:
    """`-fx` are two, `-c4` and `-c=4` one with its value."""
    options: List[Tuple[str, Optional[str]]] = []
    for at in range(1, len(word)):
        name, rest = "-" + word[at], word[at + 1 :]
        if name in _VALUED or rest.startswith("="):
            value = rest[1:] if rest.startswith("=") else rest
            return options + [(name, value if rest else None)]
        options.append((name, None))
    return options


def _locked(answers: Answers, url: str, dest: str, extract: bool) -> Optional[str]:
    """Where the locked bytes of an address lie: at `dest` if that is one of the places; None if they are not there."""
    paths = [path for path in answers.get(url, ()) if os.path.exists(path) and os.path.isdir(path) == extract]
    for path in paths:
        if _is_same(path, dest):
            return path
    # A tree is not copied into itself.
    outside = [path for path in paths if not os.path.realpath(dest).startswith(os.path.realpath(path) + os.sep)]
    return outside[0] if outside else None


def _is_same(path: str, dest: str) -> bool:
    return os.path.realpath(path) == os.path.realpath(dest)


def _check(path: str, dest: str, force: bool) -> None:
    if not force and not _is_same(path, dest) and os.path.lexists(dest):
        raise _Refused("destination {} already exists".format(dest))


def _answer(url: str, path: str, dest: str) -> None:
    if _is_same(path, dest):
        _say("{} is at {} already, as it was locked".format(url, path))
        return
    os.makedirs(os.path.dirname(os.path.abspath(dest)), exist_ok=True)
    if os.path.isdir(path):
        _copy_tree(path, dest)
    else:
        _copy_file(path, dest)
    _say("{} is copied to {} from {}, as it was locked".format(url, dest, path))


def _copy_tree(source: str, dest: str) -> None:
    os.makedirs(dest, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            target = os.path.join(dest, entry.name)
            if entry.is_symlink():
                if os.path.lexists(target):
                    os.unlink(target)
                os.symlink(os.readlink(entry.path), target)
            elif entry.is_dir():
                _copy_tree(entry.path, target)
            else:
                _copy_file(entry.path, target)
    shutil.copymode(source, dest)


def _copy_file(source: str, dest: str) -> None:
    """Never half a file in place. A copy and no link: the model may write to what it fetched."""
    if os.path.isdir(dest):
        raise _Refused("destination {} is a directory".format(dest))
    descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(dest)), prefix=".pget-")
    os.close(descriptor)
    try:
        shutil.copyfile(source, temporary)
        shutil.copymode(source, temporary)
        os.rename(temporary, dest)
    except BaseException:
        os.unlink(temporary)
        raise


def _hand_on(directory: str, arguments: Sequence[str]) -> int:
    own = os.path.realpath(directory)
    places = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if place]
    real = [os.path.realpath(place) for place in places]
    # Only those after this one: one before it may hand on to this one in turn.
    for place in places[real.index(own) + 1 :] if own in real else places:
        program = os.path.join(place, "pget")
        if os.path.isfile(program) and os.access(program, os.X_OK) and os.path.realpath(place) != own:
            os.execv(program, [program] + list(arguments))
    _say("the image was not locked with what is asked for, and there is no other pget on PATH")
    return 127


def _fail(text: str) -> int:
    _say(text)
    return 1


def _say(text: str) -> None:
    print("pget: " + text, file=sys.stderr)
