"""Ends of TCP connections that record what reaches them, and how the connection ended."""
import queue
import random
import socket
import struct
import threading
from contextlib import suppress

from processes import DEADLINE

PIECE = 1 << 16
RESET = struct.pack('ii', 1, 0)  # of SO_LINGER: closing resets


class End:
    """Reads on a thread of its own, so that sending never waits for the peer's sending."""

    def __init__(self, sock):
        self.sock = sock
        self.received = bytearray()
        self.end = None  # how the peer ended: 'close', or 'reset'
        self.changed = threading.Condition()
        self.piece = PIECE  # that it reads at most at a time
        self.may_read = threading.Event()
        self.may_read.set()
        sock.settimeout(DEADLINE)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        end = None
        while end is None:
            self.may_read.wait()
            try:
                data = self.sock.recv(self.piece)
                end = None if data else 'close'
            except TimeoutError:
                continue
            except OSError:
                data, end = b'', 'reset'
            with self.changed:
                self.received += data
                self.end = end
                self.changed.notify_all()

    def send(self, data):
        self.sock.sendall(data)

    def send_pieces(self, data, random):
        """Cut at random places."""
        at = 0
        while at < len(data):
            size = random.choice((1, 9, 100, 1000, PIECE))
            self.sock.sendall(data[at:at + size])
            at += size

    def wait(self, count):
        """Until that many bytes have come, all in all."""
        self.wait_for(lambda: len(self.received) >= count or self.end)
        assert len(self.received) >= count, f'the connection ended after {len(self.received)} of {count} bytes'

    def wait_end(self):
        self.wait_for(lambda: self.end)

    def wait_for(self, condition):
        with self.changed:
            assert self.changed.wait_for(condition, DEADLINE), f'not within {DEADLINE} s; {len(self.received)} bytes came'

    def finish(self):
        """Sends no more."""
        with suppress(OSError):  # the peer has gone
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close()

    def close(self):
        self.may_read.set()
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RD)  # wakes the reader, which would keep the socket open
        self.wait_end()
        self.sock.close()


def free_port():
    """Below those that the kernel gives to whoever asks for any: none of them takes it before it is listened on."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_768)
        with socket.socket() as s, suppress(OSError):
            s.bind(('127.0.0.1', port))
            return port


class Listener:
    """Accepts connections, in the order in which they were made."""

    def __init__(self, port=0):
        self.sock = socket.create_server(('127.0.0.1', port), backlog=1024)
        self.address = f'127.0.0.1:{self.sock.getsockname()[1]}'
        self.queue = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with suppress(OSError):
            while True:
                self.queue.put(End(self.sock.accept()[0]))

    def accept(self):
        return self.queue.get(timeout=DEADLINE)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def connect(address):
    host, port = address.rsplit(':', 1)
    sock = socket.socket()
    with suppress(ConnectionResetError):  # accepted, and reset at once
        sock.connect((host, int(port)))
    return End(sock)


def connect_through(address, listener):
    """Both ends of a connection to `address`, which leads to the listener."""
    client = connect(address)
    return client, listener.accept()


def run(script, client, server):
    """The script, and then the end of both sides. What they saw."""
    script(client, server)
    client.finish()
    server.wait_end()
    server.finish()
    client.wait_end()
    seen = {'server': (bytes(server.received), server.end), 'client': (bytes(client.received), client.end)}
    for end in (client, server):
        end.close()
    return seen


class Tap:
    """Stands in front of `upstream` and passes everything on, and every end as it was. `record` hears of all bytes:
    record('up' or 'down', data)."""

    def __init__(self, upstream, record):
        host, port = upstream.rsplit(':', 1)
        self.upstream, self.record = (host, int(port)), record
        self.sock = socket.create_server(('127.0.0.1', 0), backlog=1024)
        self.address = f'127.0.0.1:{self.sock.getsockname()[1]}'
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with suppress(OSError):
            while True:
                down = self.sock.accept()[0]
                try:
                    up = socket.create_connection(self.upstream)
                except OSError:
                    down.close()
                    continue
                for way in (('up', down, up), ('down', up, down)):
                    threading.Thread(target=self.pass_on, args=way, daemon=True).start()

    def pass_on(self, direction, source, sink):
        try:
            while data := source.recv(PIECE):
                self.record(direction, data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for sock in (source, sink):
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    sock.shutdown(socket.SHUT_RD)  # wakes the other direction, which would keep the socket open
                    sock.close()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
