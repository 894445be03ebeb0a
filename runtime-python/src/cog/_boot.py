"""Starting a Python process that sees exactly the packages it should.

Both processes load `cog` from this very directory, whatever lies on their path. The server's interpreter starts with
`-I -S`: no site-packages, no environment, no working directory, only the directories it is given. The worker's starts
as the model's author would start it.
"""

import json
import os
import sys
from typing import Dict, List

PACKAGE = os.path.dirname(os.path.abspath(__file__))

_BOOT = """\
import sys
if sys.path and not sys.path[0]: del sys.path[0]
from importlib.util import module_from_spec, spec_from_file_location
package, target = sys.argv[1:3]
del sys.argv[1:3]
spec = spec_from_file_location('cog', package + '/__init__.py', submodule_search_locations=[package])
sys.modules['cog'] = module_from_spec(spec)
spec.loader.exec_module(sys.modules['cog'])
__import__(target)
sys.modules[target].main()
"""


def server_command(options: Dict[str, object]) -> List[str]:
    """The command line of the server process; `options` are those of `server.main`."""
    flags = ["-I", "-S"] + (["-B"] if sys.flags.dont_write_bytecode else [])
    return [sys.executable, *flags, "-c", _BOOT, PACKAGE, "cog.server.main", json.dumps(options)]


def worker_command(mode: str, reference: str, data: int, control: int, counts: int) -> List[str]:
    """The command line of a worker; `data`, `control` and `counts` are descriptors that it inherits."""
    descriptors = [str(data), str(control), str(counts)]
    return [sys.executable, "-u", "-c", _BOOT, PACKAGE, "cog._worker.main", mode, reference, *descriptors]
