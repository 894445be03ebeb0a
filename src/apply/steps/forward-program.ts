/** Paths in the sandbox. */
export const PROXY_SOCKET = '/run/cogplan-step/proxy.sock';
export const AUTHORITY_FILE = '/run/cogplan-step/ca.pem';
const READY = '/tmp/.cogplan-step-ready';
const PORT = 3128;
export const PROXY_URL = `http://127.0.0.1:${PORT}`;

/** Passes connections to the proxy's port on to its socket: a sandbox without a network has no other way out. */
const PROGRAM = `
import os, socket, threading
def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data: break
            b.sendall(data)
    except OSError: pass
    try: b.shutdown(socket.SHUT_WR)
    except OSError: pass
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", ${PORT}))
server.listen(128)
open("${READY}", "w").close()
while True:
    client, _ = server.accept()
    way = socket.socket(socket.AF_UNIX)
    way.connect("${PROXY_SOCKET}")
    threading.Thread(target=pump, args=(client, way), daemon=True).start()
    threading.Thread(target=pump, args=(way, client), daemon=True).start()
`;

/** Shell text to put before a command: starts the program and waits until it listens. */
export const FORWARD_PREFIX = `python3 -I -S -B -c '${PROGRAM}' >/dev/null 2>&1 & n=0; while [ ! -e ${READY} ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done; `;
