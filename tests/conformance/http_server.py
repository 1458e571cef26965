"""An HTTP/1.1 server that records what it is asked, and counts what it answers.

h11 reads the requests. The answers are framed here, byte by byte, so that they may have any shape.
"""
import hashlib
import socket
import ssl
import threading
from collections import defaultdict
from contextlib import suppress

import h11

from ends import RESET
from processes import DEADLINE

PIECE = 1 << 18
FIELDS = 1 << 20  # bytes that a header section may have
REASONS = {100: 'Continue', 103: 'Early Hints', 200: 'OK', 204: 'No Content', 304: 'Not Modified'}


def fields(*lines):
    return ''.join(line + '\r\n' for line in lines).encode('latin-1')


class Connection:
    """Raw bytes of one client."""

    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.rest = b''  # came behind a request
        self.over = False

    def receive(self):
        """None: there is no more, and `end` says how it ended."""
        try:
            data = self.sock.recv(PIECE)
            self.end = None if data else 'close'
        except OSError:
            data, self.end = b'', 'reset'
        self.server.count('received', len(data))
        return data or None

    def send(self, data):
        self.sock.sendall(data)
        self.server.count('sent', len(data))

    def finish(self):
        """Sends no more, and hears all that the client still says."""
        self.over = True
        with suppress(OSError):
            if isinstance(self.sock, ssl.SSLSocket):
                self.sock = self.sock.unwrap()
            self.sock.shutdown(socket.SHUT_WR)
            while self.receive():
                pass

    def reset(self):
        self.over = True
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()


class Exchange:
    """A request and its answer."""

    def __init__(self, connection, reader, request):
        self.connection, self.reader = connection, reader
        self.method = request.method.decode()
        self.hash, self.is_whole = hashlib.sha256(), False
        self.waits = reader.they_are_waiting_for_100_continue
        self.seen = {'request': [self.method, request.target.decode(), request.http_version.decode()],
                     'headers': [[name.decode(), value.decode('latin-1')] for name, value in request.headers.raw_items()],
                     'trailers': [], 'bytes': 0, 'status': None, 'answered': 0, 'end': None}

    def read(self, count=None):
        """The request's body, or until that much of it has come, or the connection's end."""
        if self.waits:
            self.waits = False
            self.head(100)
        while not self.is_whole and self.seen['end'] is None and (count is None or self.seen['bytes'] < count):
            event = self.reader.next_event()
            if event is h11.NEED_DATA:
                data = self.connection.receive()
                if data is None:
                    self.seen['end'] = self.connection.end
                else:
                    self.reader.receive_data(data)
            elif isinstance(event, h11.Data):
                self.hash.update(event.data)
                self.seen['bytes'] += len(event.data)
            else:
                self.is_whole = True
                self.seen['trailers'] = [[name.decode(), value.decode()] for name, value in event.headers.raw_items()]

    def wait_end(self):
        """Of the connection, which is for this one exchange then."""
        while (data := self.connection.receive()) is not None:
            self.reader.receive_data(data)
        self.seen['end'] = self.connection.end
        self.connection.over = True

    def raw(self, data):
        self.connection.send(data)

    def head(self, status, *lines):
        self.raw(fields(f'HTTP/1.1 {status} {REASONS.get(status, "Because")}', *lines, ''))
        if status >= 200:
            self.seen['status'] = status

    def content(self, data):
        self.raw(data)
        self.seen['answered'] += len(data)

    def chunk(self, data, extension=''):
        self.raw(b'%x%b\r\n%b\r\n' % (len(data), extension.encode(), data))
        self.seen['answered'] += len(data)

    def last_chunk(self, *trailers):
        self.raw(b'0\r\n' + fields(*trailers, ''))

    def answer(self, body=b'', *lines, status=200):
        """All of it, with its length."""
        self.head(status, f'Content-Length: {len(body)}', *lines)
        if self.method != 'HEAD':
            self.content(body)

    def close(self):
        self.connection.finish()

    def reset(self):
        self.connection.reset()


class Server:
    """`serve` gets each exchange, on its connection's thread. `seen` has them by the first part of their path. Thread-safe."""

    def __init__(self, serve, tls=None):
        self.serve, self.tls = serve, tls
        self.changed = threading.Condition()
        self.seen = defaultdict(list)
        self.bytes = {'received': 0, 'sent': 0}  # of all connections, inside TLS
        self.address = '127.0.0.1:0'
        self.start()

    def start(self):
        """At the same address as before."""
        host, port = self.address.split(':')
        self.sock = socket.create_server((host, int(port)), backlog=1024)
        self.address = f'{host}:{self.sock.getsockname()[1]}'
        threading.Thread(target=self.listen, args=(self.sock,), daemon=True).start()

    def stop(self):
        """Connections that are open go on."""
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def listen(self, listener):
        with suppress(OSError):
            while True:
                threading.Thread(target=self.run, args=(listener.accept()[0],), daemon=True).start()

    def run(self, sock):
        sock.settimeout(DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is not None:
            sock = self.tls.wrap_socket(sock, server_side=True)
        connection = Connection(self, sock)
        try:
            while not connection.over:
                self.exchange(connection)
        finally:
            connection.sock.close()

    def exchange(self, connection):
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=FIELDS)
        rest = connection.rest.lstrip(b'\r\n')  # RFC 9112, 2.2; h11 would refuse it
        if rest:
            reader.receive_data(rest)
        while (request := reader.next_event()) is h11.NEED_DATA:
            data = connection.receive()
            if data is None:
                connection.over = True
                return
            reader.receive_data(data)
        exchange = Exchange(connection, reader, request)
        path = exchange.seen['request'][1].split('?')[0]
        try:
            self.serve(path, exchange)
        except OSError:
            connection.over = True
            exchange.seen['end'] = 'reset'
        connection.rest = reader.trailing_data[0]
        exchange.seen |= {'digest': exchange.hash.hexdigest(), 'whole': exchange.is_whole}
        with self.changed:
            self.seen[path].append(exchange.seen)
            self.changed.notify_all()

    def count(self, direction, size):
        with self.changed:
            self.bytes[direction] += size

    def take(self, path, count):
        """What it saw of that many exchanges, all that there have been; forgotten here."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.seen[path]) >= count, DEADLINE), \
                f'{len(self.seen[path])} of {count} exchanges within {DEADLINE} s'
            return self.seen.pop(path)
