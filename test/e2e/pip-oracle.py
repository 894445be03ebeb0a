"""Reads lines as pip reads those of a requirements file: one JSON object for each line of the JSON list on standard input."""

import json
import os
import sys
import tempfile

from pip._internal.network.session import PipSession
from pip._internal.req.constructors import install_req_from_parsed_requirement
from pip._internal.req.req_file import parse_requirements

lines = json.load(sys.stdin)
answers = []
for line in lines:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(line)
        try:
            found = [install_req_from_parsed_requirement(item) for item in parse_requirements(path, PipSession())]
        except SystemExit:
            answers.append({"error": "options"})
            continue
        except Exception as error:
            answers.append({"error": type(error).__name__})
            continue
        answers.append(
            {
                "requirements": [
                    {
                        "name": None if item.req is None else item.req.name,
                        "extras": sorted(item.extras),
                        "specifiers": [] if item.req is None else sorted(str(part) for part in item.req.specifier),
                        "marker": item.markers is not None,
                        "editable": item.editable,
                        "link": None if item.link is None else item.link.url_without_fragment,
                        "subdirectory": None if item.link is None else item.link.subdirectory_fragment,
                    }
                    for item in found
                ]
            }
        )
json.dump(answers, sys.stdout)
