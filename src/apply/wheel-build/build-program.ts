/**
 * Calls a PEP 517 build backend, in the locked interpreter (3.7 or newer). Its one argument is JSON: `step` (`requires` or `wheel`), `backend`, `backendPath`, and `settings`, the `config_settings` of the hooks, or null. The answer is written to
 * `/build/out/result.json`. https://peps.python.org/pep-0517/
 */
export const BUILD_PROGRAM = `
import importlib, json, os, sys

config = json.loads(sys.argv[1])
sys.path[:] = [path for path in sys.path if path]
sys.path[:0] = [os.path.join(os.getcwd(), path) for path in config["backendPath"]]
sys.argv = ["setup.py"]
module, _, attribute = config["backend"].partition(":")
backend = importlib.import_module(module)
for name in filter(None, attribute.split(".")):
    backend = getattr(backend, name)

if config["step"] == "requires":
    hook = getattr(backend, "get_requires_for_build_wheel", None)
    result = list(hook(config["settings"]) or []) if hook else []
else:
    result = backend.build_wheel("/build/out", config["settings"])
sys.stdout.flush()
with open("/build/out/result.json", "w") as file:
    json.dump(result, file)
`;
