"""A server on loopback that records what is sent to it and answers as told."""

import http.server
import json
import threading


class Receiver:
    """`answers(request) -> (status, headers, body)` decides; without it every request gets 200."""

    def __init__(self, answers=None):
        self.requests = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _handle(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = {
                    "method": self.command,
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": self.rfile.read(length),
                }
                owner.requests.append(request)
                status, headers, body = answers(request) if answers else (200, {}, b"")
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in dict({"Content-Length": str(len(body))}, **headers).items():
                    if name == "Connection":
                        self.close_connection = True
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = _handle

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:{}".format(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def bodies(self):
        return [json.loads(request["body"].decode()) for request in list(self.requests)]
