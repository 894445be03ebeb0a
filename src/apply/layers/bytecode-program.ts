/**
 * Number of the rules below and of the way in which sources are fed to them. A change of either may change bytes, so it is part of the key
 * under which bytecode is kept.
 */
export const BYTECODE_PROTOCOL = 1;

/**
 * The compiler, run by the locked interpreter (3.7 or newer) with nothing imported but what its start needs. All numbers are 32-bit, big-endian.
 * Input, per module: length of the path, path, length of the source, source. Output: length of the cache tag, cache tag; then per module, length
 * of the .pyc, .pyc, where a length of 0 says that the module does not compile. A .pyc has the invalidation mode "unchecked-hash" (PEP 552), so it
 * holds no time, and no source is read to check it.
 *
 * The marshalled bytes depend on which strings are shared, thus on all that the process did before: hence one process per package and
 * sorted modules, a fixed hash seed and no garbage collector.
 */
export const BYTECODE_PROGRAM = `
import gc, sys, _imp
import _frozen_importlib_external as external
gc.disable()
sys.path[:] = [path for path in sys.path if path]
receive, send = sys.stdin.buffer.read, sys.stdout.buffer.write
token = getattr(_imp, "pyc_magic_number_token", None) or external._RAW_MAGIC_NUMBER

def number():
    data = receive(4)
    return int.from_bytes(data, "big") if data else None

def frame(data):
    send(len(data).to_bytes(4, "big"))
    send(data)

frame(sys.implementation.cache_tag.encode("ascii"))
while True:
    length = number()
    if length is None:
        break
    path = receive(length).decode("utf-8")
    source = receive(number())
    try:
        code = compile(source, path, "exec", dont_inherit=True, optimize=0)
        pyc = external._code_to_hash_pyc(code, _imp.source_hash(token, source), False)
    except Exception:
        pyc = b""
    frame(pyc)
    code = pyc = source = None
sys.stdout.buffer.flush()
`;
