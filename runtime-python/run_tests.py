"""Runs the tests on every CPython that is at hand: `python run_tests.py [--python 3.11] [unittest arguments]`.

The server's packages are installed by pip, once for each Python, below the user's cache directory. The last line of the
output is the total.
"""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "cogplan-runtime-tests")
PACKAGES = ["uvicorn", "httptools", "uvloop", "orjson"]
# Packages that some tests use the way models do; a test is skipped where its package has no release for the Python.
MODEL_PACKAGES = ["numpy", "prometheus_client", "pydantic"]
# On this one, if it is there, also those that take long: Cog's own server beside ours, requests made from the schema, and
# ten thousand predictions.
THOROUGH_PYTHON = "3.11"
COGLET_PACKAGES = ["cog==0.23.1", "coglet==0.23.1"]

_PROGRAM = """
import json, sys, unittest
loader = unittest.TestLoader()
names = json.loads(sys.argv[1])
suite = loader.loadTestsFromNames(names)
result = unittest.TextTestRunner(verbosity=1, stream=sys.stderr).run(suite)
failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
skipped = len(result.skipped) + len(result.expectedFailures)
print("RESULT " + json.dumps([result.testsRun - failed - skipped, failed, skipped]))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", help="only this version, such as 3.11 (may be repeated)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many Pythons at once")
    parser.add_argument("tests", nargs="*", help="such as tests.test_http")
    options = parser.parse_args()
    pythons = find_pythons()
    if options.python:
        pythons = {version: path for version, path in pythons.items() if version in options.python}
    if not pythons:
        sys.exit("no CPython from 3.7 on was found")
    thorough = THOROUGH_PYTHON if THOROUGH_PYTHON in pythons else None
    totals = [0, 0, 0]
    # Most tests wait for a server most of the time: two Pythons share a core well.
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        runs = {
            version: pool.submit(run, version, path, options.tests, version == thorough)
            for version, path in sorted(pythons.items(), key=lambda item: item[0] != thorough)
        }
        for version, future in runs.items():
            (passed, failed, skipped), log = future.result()
            totals = [totals[0] + passed, totals[1] + failed, totals[2] + skipped]
            sys.stderr.write(log)
            sys.stderr.flush()
            print("Python {}: {} passed, {} failed, {} skipped".format(version, passed, failed, skipped), flush=True)
    print("{} passed, {} failed".format(totals[0], totals[1]))
    sys.exit(1 if totals[1] else 0)


def find_pythons():
    """Executables by version ("3.11"), oldest first: pyenv's, and the one that runs this."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = {(sys.version_info[0], sys.version_info[1]): sys.executable}
    for path in glob.glob(os.path.join(root, "versions", "*", "bin", "python")):
        match = re.match(r"3\.(\d+)\.\d+$", os.path.basename(os.path.dirname(os.path.dirname(path))))
        if match and int(match.group(1)) >= 7:
            found[3, int(match.group(1))] = path
    return {"{}.{}".format(*version): found[version] for version in sorted(found)}


def run(version, python, tests, thorough):
    """((passed, failed, skipped), what was told) on one Python."""
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    environment["COGPLAN_SERVER_PATH"] = installed(version, python, "server", PACKAGES)
    models = [installed(version, python, "model-" + name, [name], required=False) for name in MODEL_PACKAGES]
    environment["COG_TEST_MODEL_PATH"] = os.pathsep.join(models)
    environment["COG_TEST_PYDANTIC_1_PATH"] = installed(version, python, "model-pydantic-1", ["pydantic<2"])
    if thorough:
        environment["COG_TEST_SOAK"] = "1"
        environment["COG_TEST_COGLET_PATH"] = installed(version, python, "coglet", COGLET_PACKAGES)
        environment["COG_TEST_SCHEMATHESIS_PATH"] = installed(version, python, "schemathesis", ["schemathesis"])
    environment["PYTHONPATH"] = os.path.join(HERE, "src")
    process = subprocess.run(
        [python, "-c", _PROGRAM, json.dumps(tests or modules(thorough))],
        cwd=HERE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    log = process.stderr.decode("utf-8", "replace")
    for line in process.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[len("RESULT ") :]), log
    return [0, 1, 0], log


def modules(thorough):
    """All tests; the comparison with Cog's own server only where that is installed."""
    names = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "tests", "test_*.py")))
    return ["tests." + name for name in names if thorough or name != "test_defects"]


def installed(version, python, name, packages, required=True):
    """The directory into which pip has installed the packages for this Python."""
    target = os.path.join(CACHE, version, name)
    if os.path.exists(os.path.join(target, ".complete")):
        return target
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location"]
    command += ["--root-user-action=ignore"] if version not in ("3.7", "3.8") else []
    command += ["--only-binary=:all:", "--upgrade", "--target", target]
    for _ in range(3):
        done = subprocess.run(command + packages, stderr=subprocess.PIPE)
        log = done.stderr.decode("utf-8", "replace")
        if done.returncode == 0 or not required and "No matching distribution found" in log:
            os.makedirs(target, exist_ok=True)
            open(os.path.join(target, ".complete"), "w").close()
            return target
    sys.exit("pip cannot install {} for Python {}:\n{}".format(", ".join(packages), version, log))


if __name__ == "__main__":
    main()
