/** Paths in the sandbox. */
export const PROXY_SOCKET = '/run/cogplan-step/proxy.sock';
export const AUTHORITY_FILE = '/run/cogplan-step/ca.pem';
export const APT_FILE = '/run/cogplan-step/apt.conf';
const READY = '/tmp/.cogplan-step-ready';
const PORT = 3128;
export const PROXY_URL = `http://127.0.0.1:${PORT}`;

/**
 * Passes connections to the proxy's port on to its socket: a sandbox without a network has no other way out. What a program asks of itself, by a loopback address at which
 * something in the sandbox listens, stays inside.
 */
const PROGRAM = `
import re, socket, threading
def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data: break
            b.sendall(data)
    except OSError: pass
    try: b.shutdown(socket.SHUT_WR)
    except OSError: pass
INNER = re.compile(rb"^([A-Z]+) (?:http://)?(localhost|127[.][0-9.]+|\\[::1\\])(?::([0-9]+))?(/[^ ]*)? (HTTP/1[.][01])\\r\\n", re.I)
def inside(head):
    match = INNER.match(head)
    if not match: return None
    try: return match, socket.create_connection((match[2].strip(b"[]").decode(), int(match[3] or 80)), 5)
    except OSError: return None
def serve(client):
    head = b""
    while b"\\r\\n\\r\\n" not in head and len(head) < 65536:
        data = client.recv(65536)
        if not data: break
        head += data
    found = inside(head)
    if found:
        match, way = found
        way.settimeout(None)
        lines, _, body = head.partition(b"\\r\\n\\r\\n")
        if match[1] == b"CONNECT":
            client.sendall(b"HTTP/1.1 200 Connection established\\r\\n\\r\\n")
            way.sendall(body)
        else:
            kept = [line for line in lines.split(b"\\r\\n")[1:] if not line.lower().startswith((b"connection:", b"proxy-connection:"))]
            first = b" ".join([match[1], match[4] or b"/", match[5]])
            way.sendall(b"\\r\\n".join([first, *kept, b"Connection: close", b"", b""]) + body)
    else:
        way = socket.socket(socket.AF_UNIX)
        way.connect("${PROXY_SOCKET}")
        way.sendall(head)
    threading.Thread(target=pump, args=(client, way), daemon=True).start()
    pump(way, client)
    client.close()
def one(client):
    try: serve(client)
    except OSError: client.close()
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", ${PORT}))
server.listen(128)
open("${READY}", "w").close()
while True:
    client, _ = server.accept()
    threading.Thread(target=one, args=(client,), daemon=True).start()
`;

/** Shell text to put before a command: starts the program and waits until it listens. */
export const FORWARD_PREFIX = `python3 -I -S -B -c '${PROGRAM}' >/dev/null 2>&1 & n=0; while [ ! -e ${READY} ] && [ $n -lt 200 ]; do sleep 0.05; n=$((n+1)); done; `;
