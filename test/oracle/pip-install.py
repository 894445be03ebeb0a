"""What pip would install, for targets that this machine need not be.

argv: the wheel of pip. Standard input: a JSON list of questions {python, glibc, machine, arguments, report, log}; standard output: for each, pip's exit code.
pip is told the target's Python by its own option; what it has no option for (markers, the newest manylinux, the processor) is that of the question.
"""

import contextlib
import io
import json
import sys

sys.path.insert(0, sys.argv[1])

from pip._internal.cli.main import main
from pip._vendor.packaging import _manylinux, markers, tags

real = {"get_platform": tags.sysconfig.get_platform}


def aim_at(question):
    version = question["python"]
    machine = question["machine"]
    environment = {
        "implementation_name": "cpython",
        "implementation_version": version,
        "os_name": "posix",
        "platform_machine": machine,
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": version,
        "platform_python_implementation": "CPython",
        "python_version": ".".join(version.split(".")[:2]),
        "sys_platform": "linux",
    }
    markers.default_environment = lambda: dict(environment)
    glibc = tuple(int(part) for part in question["glibc"].split("."))
    _manylinux._get_glibc_version = lambda: _manylinux._GLibCVersion(*glibc)
    tags.sysconfig.get_platform = lambda: "linux-" + machine


def ask(question):
    aim_at(question)
    options = ["--isolated", "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--quiet", "--retries", "0"]
    wanted = ["--dry-run", "--ignore-installed", "--only-binary", ":all:", "--python-version", question["python"]]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return main(
            ["install", *options, "--log", question["log"], *wanted, "--report", question["report"]]
            + question["arguments"]
        )


json.dump([ask(question) for question in json.load(sys.stdin)], sys.stdout)
