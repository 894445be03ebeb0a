import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bind } from '../../apply/sandbox/sandbox.ts';
import type { Unpinnable } from './recording.ts';

const GUEST = '/run/cogplan-record';

/**
 * Notes what Python programs look up and connect to past the proxy. It is imported as `sitecustomize`, and then imports the one that the image may have.
 */
const PROGRAM = `
import sys
def _watch():
    import json, os, socket
    seen = set()
    def note(what, host, port):
        frame, where = sys._getframe(2), ""
        while frame is not None:
            if frame.f_code.co_filename.startswith("/src/"):
                where = frame.f_code.co_filename[5:] + ":" + str(frame.f_lineno)
                break
            frame = frame.f_back
        key = (what, host, port, where)
        if key in seen or len(seen) > 200: return
        seen.add(key)
        line = json.dumps({"what": what, "host": host, "port": port, "where": where}) + "\\n"
        try: descriptor = os.open("${GUEST}/sockets", os.O_WRONLY | os.O_APPEND)
        except OSError: return
        try: os.write(descriptor, line.encode())
        finally: os.close(descriptor)
    def local(host):
        return host in ("", "localhost", "0.0.0.0", "::", "::1") or host.startswith("127.") or host == socket.gethostname()
    def hook(event, arguments):
        if event == "socket.connect" or event == "socket.sendto":
            address = arguments[1]
            if isinstance(address, tuple) and len(address) >= 2 and not local(str(address[0])):
                note("connect", str(address[0]), int(address[1]))
        elif event == "socket.getaddrinfo":
            host = arguments[0].decode("ascii", "replace") if isinstance(arguments[0], bytes) else arguments[0]
            if isinstance(host, str) and not local(host):
                note("resolve", host, arguments[1] if isinstance(arguments[1], int) else str(arguments[1] or ""))
        elif event == "socket.gethostbyname":
            host = str(arguments[0])
            if not local(host): note("resolve", host, "")
    sys.addaudithook(hook)
_watch()
sys.path[:] = [path for path in sys.path if path != "${GUEST}/python"]
del sys.modules["sitecustomize"]
try: import sitecustomize
except ImportError: pass
`;

export interface SocketWatch {
  readonly binds: readonly Bind[];
  /** On top of what PYTHONPATH the image has. */
  env(image: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  found(): Promise<readonly Unpinnable[]>;
}

/** What a Python model tries to reach by sockets of its own: in a sandbox without a network it fails, and this says where. */
export async function watchSockets(directory: string): Promise<SocketWatch> {
  const [python, sockets] = [join(directory, 'python'), join(directory, 'sockets')];
  await mkdir(python, { recursive: true });
  await writeFile(join(python, 'sitecustomize.py'), PROGRAM);
  await writeFile(sockets, '', { mode: 0o600 });
  return {
    binds: [
      { host: python, guest: `${GUEST}/python`, writable: false },
      { host: sockets, guest: `${GUEST}/sockets`, writable: true },
    ],
    env: ({ PYTHONPATH = '' }) => ({
      PYTHONPATH: [`${GUEST}/python`, PYTHONPATH].filter((part) => part !== '').join(':'),
    }),
    found: async () => (await readFile(sockets, 'utf8')).split('\n').flatMap(readAttempt),
  };
}

function readAttempt(line: string): readonly Unpinnable[] {
  let attempt: unknown;
  try {
    attempt = JSON.parse(line);
  } catch {
    return [];
  }
  if (typeof attempt !== 'object' || attempt === null) return [];
  const { what, host, port, where } = attempt as Readonly<Record<string, unknown>>;
  if (typeof host !== 'string') return [];
  const isPort = typeof port === 'number' || (typeof port === 'string' && port !== '');
  return [
    {
      what: `a socket to ${host}${isPort ? `:${port}` : ''}`,
      why:
        what === 'resolve'
          ? 'a name is looked up past the proxy that HTTPS_PROXY names; the sandbox has no other network'
          : 'it goes past the proxy that HTTPS_PROXY names; the sandbox has no other network',
      ...(typeof where === 'string' && where !== '' ? { where } : {}),
    },
  ];
}
