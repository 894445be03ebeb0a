"""The pget that answers for what the image was locked with."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

from .support import SOURCE, Server

URL = "https://h.test/x.bin"
TREE = "https://h.test/tree.tar.gz"

# What a model has before its module is imported.
_STARTED = """
import os, subprocess, sys
sys.path.insert(0, {source!r})
from cog._worker import fetched
fetched.answer_fetches()
sys.exit(subprocess.run(["pget"] + sys.argv[1:]).returncode)
"""

_REAL = """#!/bin/sh
echo "real $*"
[ "$1" = multifile ] && cat
exit 3
"""


class Fetched(unittest.TestCase):
    def setUp(self):
        self.root = os.path.realpath(tempfile.mkdtemp(prefix="cog-test-"))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.place("image/x.bin", "x")
        self.place("image/tree/a/note", "note")
        os.symlink("a/note", self.at("image/tree/link"))
        os.chmod(self.at("image/tree/a/note"), 0o755)
        for name in ("tmp", "bin", "work"):
            os.mkdir(self.at(name))
        self.answers = {URL: [self.at("image/x.bin")], TREE: [self.at("image/tree")]}
        self.environment = {}

    def at(self, path):
        return os.path.join(self.root, path)

    def place(self, path, text):
        os.makedirs(os.path.dirname(self.at(path)), exist_ok=True)
        with open(self.at(path), "w") as file:
            file.write(text)

    def text(self, path):
        with open(self.at(path)) as file:
            return file.read()

    def pget(self, *arguments, stdin=""):
        """(status, standard output, standard error)"""
        environment = {"PATH": self.at("bin") + ":/usr/bin:/bin", "TMPDIR": self.at("tmp")}
        environment["COGPLAN_FETCHED"] = json.dumps(self.answers)
        environment.update(self.environment)
        process = subprocess.run(
            [sys.executable, "-c", _STARTED.format(source=SOURCE)] + list(arguments),
            cwd=self.at("work"),
            env=environment,
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        return process.returncode, process.stdout.decode(), process.stderr.decode()

    def real(self, folder="bin"):
        self.place(folder + "/pget", _REAL)
        os.chmod(self.at(folder + "/pget"), 0o755)

    def test_at_its_place_it_is_there_already(self):
        for arguments in (
            (URL, self.at("image/x.bin")),
            (URL, "../image/x.bin"),
            ("--log-level=error", "-v", URL, "../image/x.bin", "-f"),
            ("--concurrency", "4", "-r", "3", "-c8", "-m=25M", URL, "--", "../image/x.bin"),
            ("-x", TREE, "../image/tree"),
            (TREE, "../image/tree/", "--extract"),
            ("-fx", TREE, "../image/tree"),
            ("-o", "tar-extractor", TREE, "../image/tree"),
        ):
            with self.subTest(arguments=arguments):
                status, out, error = self.pget(*arguments)
                self.assertEqual((status, out), (0, ""), error)
                self.assertRegex(error, r"^pget: https://h.test/\S+ is at \S+ already, as it was locked\n$")
        self.assertEqual(self.text("image/x.bin"), "x")

    def test_a_link_to_the_place_is_the_place(self):
        os.symlink(self.at("image"), self.at("work/weights"))
        self.assertEqual(self.pget(URL, "weights/x.bin")[0], 0)

    def test_elsewhere_it_is_copied(self):
        self.assertEqual(self.pget(URL, "deep/er/y.bin")[0], 0)
        self.assertEqual(self.text("work/deep/er/y.bin"), "x")
        self.assertEqual(os.listdir(self.at("work/deep/er")), ["y.bin"])
        self.assertEqual(os.stat(self.at("image/x.bin")).st_nlink, 1)
        status, _, error = self.pget("-x", TREE, "tree")
        self.assertEqual(status, 0, error)
        self.assertEqual(self.text("work/tree/a/note"), "note")
        self.assertEqual(os.readlink(self.at("work/tree/link")), "a/note")
        self.assertTrue(os.stat(self.at("work/tree/a/note")).st_mode & stat.S_IXUSR)

    def test_what_exists_stays_unless_forced(self):
        self.place("work/y.bin", "mine")
        status, _, error = self.pget(URL, "y.bin")
        self.assertEqual((status, error), (1, "pget: destination y.bin already exists\n"))
        self.assertEqual(self.text("work/y.bin"), "mine")
        self.assertEqual(self.pget(URL, "y.bin", "--force=false")[0], 1)
        self.assertEqual(self.pget("-f", URL, "y.bin")[0], 0)
        self.assertEqual(self.text("work/y.bin"), "x")
        self.place("work/tree/a/note", "mine")
        self.assertEqual(self.pget("-x", TREE, "tree")[0], 1)
        self.environment["PGET_FORCE"] = "true"
        self.assertEqual(self.pget("-x", TREE, "tree")[0], 0)
        self.assertEqual(self.text("work/tree/a/note"), "note")
        os.mkdir(self.at("work/folder"))
        status, _, error = self.pget(URL, "folder")
        self.assertEqual((status, error), (1, "pget: destination folder is a directory\n"))

    def test_several_places_of_one_address(self):
        self.place("image/again.bin", "x")
        self.answers[URL] = [self.at("image/gone"), self.at("image/again.bin"), self.at("image/x.bin")]
        for place in ("x.bin", "again.bin"):
            self.assertIn("already", self.pget(URL, self.at("image/" + place))[2])
        self.assertIn("copied", self.pget(URL, "other")[2])

    def test_anything_else_is_for_the_next_pget(self):
        self.real()
        for arguments in (
            ("https://h.test/other", "other"),
            (TREE, "tree.tar.gz"),
            ("-x", URL, "unpacked"),
            ("--unheard-of", URL, "x"),
            ("--force=perhaps", URL, "x"),
            ("-o", "null", URL, "x"),
            (URL,),
            ("version",),
            (URL, "x", "--retries"),
            ("-x", TREE, "../image/tree/inside"),
        ):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.pget(*arguments)[:2], (3, "real " + " ".join(arguments) + "\n"))
        shutil.rmtree(self.at("image"))
        self.assertEqual(self.pget(URL, "x.bin")[0], 3)

    def test_without_another_pget(self):
        status, _, error = self.pget("https://h.test/other", "other")
        self.assertEqual(status, 127)
        self.assertIn("no other pget on PATH", error)

    def test_two_that_answer_do_not_hand_on_to_each_other(self):
        for inner in (False, True):
            if inner:
                self.real()
            program = "import subprocess, sys\nfrom cog._worker import fetched\nfetched.answer_fetches()\n"
            nested = _STARTED.format(source=SOURCE)
            program += "sys.exit(subprocess.run([sys.executable, '-c', {!r}, 'https://h.test/o', 'o']).returncode)"
            environment = {"PATH": self.at("bin") + ":/usr/bin:/bin", "PYTHONPATH": SOURCE, "COGPLAN_FETCHED": "{}"}
            command = [sys.executable, "-c", program.format(nested)]
            process = subprocess.run(
                command, env=environment, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            self.assertEqual(process.returncode, 3 if inner else 127)

    def test_many_at_once(self):
        lines = "\n{} ../image/x.bin\n{} y.bin\n\n".format(URL, URL)
        self.assertEqual(self.pget("multifile", "-", stdin=lines)[:2], (0, ""))
        self.assertEqual(self.text("work/y.bin"), "x")
        self.place("work/list", "{} z.bin\nhttps://h.test/other w.bin\nnonsense\n".format(URL))
        self.assertEqual(self.pget("multifile", "list")[0], 127)
        self.real()
        os.unlink(self.at("work/z.bin"))
        self.assertEqual(
            self.pget("multifile", "--max-concurrent-files", "2", "list")[:2],
            (3, "real multifile --max-concurrent-files 2 -\nhttps://h.test/other w.bin\nnonsense\n"),
        )
        self.assertEqual(self.text("work/z.bin"), "x")
        self.assertEqual(self.pget("multifile", "list")[2], "pget: destination z.bin already exists\n")
        self.assertEqual(self.pget("multifile", "absent")[0], 1)

    def test_what_is_no_list_of_answers_changes_nothing(self):
        self.real()
        for text in ("{", "[]", '{"u": "/x"}', '{"u": ["x"]}', '{"u": [1]}'):
            with self.subTest(text=text):
                self.environment["COGPLAN_FETCHED"] = text
                status, _, error = self.pget("u", "x")
                self.assertEqual((status, "is not understood" in error), (3, True))
        self.environment["COGPLAN_FETCHED"] = ""
        self.assertEqual(self.pget("u", "x"), (3, "real u x\n", ""))

    def test_a_temporary_directory_that_is_not_there_is_no_hindrance(self):
        self.environment["TMPDIR"] = self.at("absent")
        self.assertEqual(self.pget(URL, "y.bin")[0], 0)

    def test_nothing_of_it_stays(self):
        self.pget(URL, "y.bin")
        self.assertEqual(os.listdir(self.at("tmp")), [])

    def test_a_model_has_it_while_it_is_imported_and_leaves_nothing(self):
        source = """
        import subprocess
        from cog import BasePredictor

        subprocess.check_call(["pget", "{url}", "{path}"])

        class Predictor(BasePredictor):
            def setup(self):
                subprocess.check_call(["pget", "{url}", "copy"])
                if {fails}:
                    raise ValueError("no")

            def predict(self) -> str:
                return open("copy").read()
        """
        environment = {"COGPLAN_FETCHED": json.dumps(self.answers), "TMPDIR": self.at("tmp")}
        path = self.at("image/x.bin")
        with Server(source.format(url=URL, path=path, fails=False), environment=environment) as server:
            self.assertEqual(server.post("/predictions", {"input": {}}).json()["output"], "x")
        self.assertEqual([name for name in os.listdir(self.at("tmp")) if "fetched" in name], [])
        failing = source.format(url=URL, path=path, fails=True)
        with Server(failing, wait=False, environment=environment) as server:
            server.wait_ready("SETUP_FAILED")
        self.assertEqual([name for name in os.listdir(self.at("tmp")) if "fetched" in name], [])


if __name__ == "__main__":
    unittest.main()
