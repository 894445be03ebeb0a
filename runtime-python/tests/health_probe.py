"""Asks for `/health-check` until its standard input ends, then prints the times as JSON: run as a process of its own."""

import http.client
import json
import select
import socket
import sys
import time


def main():
    path = sys.argv[1]
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    times = []
    while not times or not select.select([sys.stdin], [], [], 0.002)[0]:
        started = time.perf_counter()
        connection.request("GET", "/health-check")
        connection.getresponse().read()
        times.append(time.perf_counter() - started)
        if len(times) == 1:
            print("answered", flush=True)
    times.sort()
    shown = {"count": len(times), "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "max": times[-1]}
    print(json.dumps(shown))


if __name__ == "__main__":
    main()
