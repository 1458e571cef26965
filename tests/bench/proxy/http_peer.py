"""Both ends of large HTTP/1.1 bodies, for the bench of the proxies: few system calls of up to 1 MiB, so that Python does
not get in the way. GET /N is answered with N bytes; a POST's body is dropped, slowly for the first S seconds below /slow/S.
  http_peer.py serve PORT
  http_peer.py up|down PORT BYTES TRANSFERS            one after the other; prints the seconds that they took
  http_peer.py slow-up|slow-down PORT BYTES TRANSFERS SECONDS       all at once, the reader slow for the first seconds
"""

import concurrent.futures
import http.client
import http.server
import sys
import time

PIECE = 1 << 20
SLOW_PIECE, SLOW_PAUSE = 64 << 10, 0.05  # 1.3 MB/s


class Body:
    """A body of that many bytes, of which one piece is held."""

    def __init__(self, size):
        self.size = size

    def __iter__(self):
        piece = memoryview(bytes(PIECE))
        for sent in range(0, self.size, PIECE):
            yield piece[:self.size - sent]


def drop(stream, size, slow_seconds):
    buffer = memoryview(bytearray(PIECE))
    fast_from = time.monotonic() + slow_seconds
    while size > 0:
        slow = time.monotonic() < fast_from
        got = stream.readinto(buffer[:min(size, SLOW_PIECE if slow else PIECE)])
        if not got:
            raise ConnectionError(f"ended {size} bytes too early")
        size -= got
        if slow:
            time.sleep(SLOW_PAUSE)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # status line and fields in one write

    def log_message(self, *_):
        pass

    def do_GET(self):
        size = int(self.path[1:])
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for piece in Body(size):
            self.wfile.write(piece)

    def do_POST(self):
        slow_seconds = float(self.path.removeprefix("/slow/")) if self.path.startswith("/slow/") else 0
        drop(self.rfile, int(self.headers["Content-Length"]), slow_seconds)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024

    def handle_error(self, *_):
        pass  # a client that went away is for the client to report


def transfer(connection, direction, size, slow_seconds=0):
    if direction == "up":
        connection.request("POST", f"/slow/{slow_seconds}" if slow_seconds else "/", Body(size),
                           {"Content-Length": str(size)})
    else:
        connection.request("GET", f"/{size}")
    response = connection.getresponse()
    if response.status != 200:
        raise ConnectionError(f"status {response.status}")
    drop(response, size if direction == "down" else 0, slow_seconds)
    response.read()


def main(mode, port, size=0, transfers=0, slow_seconds=0):
    if mode == "serve":
        Server(("127.0.0.1", port), Handler).serve_forever()
    connections = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(transfers if slow_seconds else 1)]
    if slow_seconds:
        with concurrent.futures.ThreadPoolExecutor(transfers) as threads:
            list(threads.map(lambda each: transfer(each, mode.removeprefix("slow-"), size, slow_seconds), connections))
        return
    connections[0].connect()
    begin = time.monotonic()
    for _ in range(transfers):
        transfer(connections[0], mode, size)
    print(time.monotonic() - begin)


main(sys.argv[1], *map(int, sys.argv[2:]))
