"""transparency_test.py BUILD: what leaves the node is byte for byte what came in.

Conversations of real programs are recorded, and replayed between two ends through every kind of leg, in pieces cut at
random: turn by turn, and with both ends speaking at once. Each end must receive what the other sent, and end as it ended.
The node's transport bytes must be what the kernel counted for the end's own socket at the other side of that leg.
"""
import asyncio
import queue
import random
import shutil
import socket
import struct
import sys
import tempfile
import threading
import unittest
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

import grpc

import http_cases
import websocket_cases
from arms import NOBODY, Programs
from chain import Tls
from ends import End, Tap
from http_clients import Httpx
from http_server import Server
from node import Node
from processes import DEADLINE, wait_for
from random_seed import random_seed
from sealed import Sealed
from websocket_test import Server as WebSocketServer
from websocket_test import run as run_websocket

THREADS = (1, 4)
SIDES = ('client', 'server')
BULK = 4 << 20
INFO_BYTES = 136  # of struct tcp_info, as far as it is read
LAST_WORDS = b'said to one that has ended'


class Recording(list):
    """Turns: who speaks ('up': the client), and the bytes."""

    def __init__(self, upstream):
        self.tap = Tap(upstream, self.add)
        self.lock = threading.Lock()

    def add(self, direction, data):
        with self.lock:
            if self and self[-1][0] == direction:
                data = self.pop()[1] + data
            self.append((direction, data))


def record_grpc(_):
    server = grpc.server(ThreadPoolExecutor(), compression=grpc.Compression.Gzip)
    echo = grpc.stream_stream_rpc_method_handler(lambda requests, _: requests)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler('a.B', {'Echo': echo})])
    port = server.add_insecure_port('127.0.0.1:0')
    server.start()
    recording = Recording(f'127.0.0.1:{port}')
    with grpc.insecure_channel(recording.tap.address) as channel:
        for count in range(5):
            messages = [http_cases.BODY * (3 * number) for number in range(count)]
            answers = channel.stream_stream('/a.B/Echo')(iter(messages), metadata=[('raw-bin', bytes(range(256)))])
            assert list(answers) == messages
    server.stop(None).wait()
    return recording


def record_http1(tls):
    """Sealed, if tls is given."""
    server = Server(lambda path, exchange: http_cases.CASES[path].serve(exchange), tls and tls.server)
    recording = Recording(server.address)
    httpx = Httpx(recording.tap.address, tls and tls.authority, None)
    with httpx.client() as session:
        for path in ('/Get', '/Chunked', '/Gzip', '/EarlyHints', '/Fields', '/Trailers'):
            httpx.on(session, path, 'POST', content=iter(http_cases.PARTS))
        httpx.on(session, '/UntilClose')
    server.stop()
    return recording


def record_websocket(path):
    server = WebSocketServer(None)
    recording = Recording(server.address)
    asyncio.run(run_websocket(websocket_cases.CASES[path], recording.tap.address, None))
    server.stop()
    return recording


def noise(sizes, first):
    dice = random.Random(first)
    return [(('up', 'down')[(number + (first == 'down')) % 2], dice.randbytes(size)) for number, size in enumerate(sizes)]


def record_all(tls):
    return {'grpc': record_grpc(tls), 'http/1.1': record_http1(None), 'tls': record_http1(tls),
            'websocket': record_websocket('/Fragments'), 'deflate': record_websocket('/Deflated'),
            'unknown': noise((1, 70_000, 3), 'up'), 'a server that speaks first': noise((20, 300, 70_000), 'down'),
            'bulk': noise((BULK, BULK), 'up')}


class Kernel:
    """What the kernel counts of a TCP socket's payload."""

    def __init__(self, sock):
        self.sock = sock
        self.of_syn = self.read()[0]

    def read(self):
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
        return struct.unpack_from('QQ', info, 120)  # tcpi_bytes_acked, tcpi_bytes_received

    def has_ended(self):
        """Both ways: TLS may have ended before the connection does."""
        with suppress(BlockingIOError):
            unacknowledged, = struct.unpack_from('I', self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES), 24)
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b'' and unacknowledged == 0

    def count(self):
        """Sent and received, once both have ended: each FIN counts as a byte."""
        wait_for(self.has_ended, 'the connection has ended')
        acknowledged, received = self.read()
        return acknowledged - self.of_syn - 1, received - 1


class Upstream:
    """Accepts connections, and shakes hands with them."""

    def __init__(self, family, folder, tls):
        path = str(folder / 'upstream.sock')
        self.sock = socket.socket(family)
        self.sock.bind({socket.AF_INET: ('127.0.0.1', 0), socket.AF_INET6: ('::1', 0), socket.AF_UNIX: path}[family])
        self.sock.listen()
        name = self.sock.getsockname()
        self.address = {socket.AF_INET: f'127.0.0.1:{name[1]}', socket.AF_INET6: f'[::1]:{name[1]}',
                        socket.AF_UNIX: f'unix:{path}'}[family]
        self.tls, self.queue = tls, queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                sock = self.sock.accept()[0]
            except OSError:
                return
            self.queue.put(counted(sock, self.tls and (self.tls.server, None)))

    def accept(self):
        return self.queue.get(timeout=DEADLINE)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def counted(sock, tls):
    """An end, with the kernel's count of it."""
    kernel = None if sock.family == socket.AF_UNIX else Kernel(sock)
    end = End(Sealed(sock, *tls) if tls else sock)
    end.kernel = kernel
    return end


class Leg:
    """A listener of the node, and the upstream behind it."""

    def __init__(self, name, family, tls_down=None, tls_up=None, alpn=''):
        self.name, self.family, self.tls_down, self.tls_up, self.alpn = name, family, tls_down, tls_up, alpn
        self.waits = tls_up and not tls_down and not alpn  # what the client says first decides on what is offered upstream

    def start(self, folder, side):
        """What the node must be told."""
        folder.mkdir()
        self.upstream = Upstream(self.family, folder, self.tls_up)
        listen = {socket.AF_INET: '127.0.0.1:0', socket.AF_INET6: '[::1]:0', socket.AF_UNIX: f'unix:{folder}/node.sock'}
        tables = (self.tls_down.downstream if self.tls_down else '') + (self.tls_up.upstream if self.tls_up else '')
        return (f'[[listener]]\nlisten = "{listen[self.family]}"\nupstream = "{self.upstream.address}"\nside = "{side}"\n'
                f'{self.alpn}\n{tables}')

    def connect(self, address):
        """To the node."""
        host, _, place = address.rpartition(':')
        sock = socket.socket(self.family)
        sock.settimeout(DEADLINE)
        sock.connect(place if self.family == socket.AF_UNIX else (host.strip('[]'), int(place)))
        return counted(sock, self.tls_down and (self.tls_down.client, 'localhost'))


def legs(tls):
    return [Leg('tcp', socket.AF_INET), Leg('ipv6', socket.AF_INET6), Leg('unix', socket.AF_UNIX),
            Leg('tls downstream', socket.AF_INET, tls_down=tls),
            Leg('tls upstream', socket.AF_INET, tls_up=tls, alpn='alpn = ["h2"]'),
            Leg('tls upstream after first words', socket.AF_INET6, tls_up=tls),
            Leg('tls on both', socket.AF_INET, tls_down=tls, tls_up=tls)]


def turn_by_turn(client, accept, turns, dice):
    """Each is heard before the next one."""
    server, said = None, Counter()
    for who, data in turns:
        said[who] += len(data)
        if who == 'up':
            client.send_pieces(data, dice)
        server = server or accept()
        if who == 'down':
            server.send_pieces(data, dice)
        (server if who == 'up' else client).wait(said[who])
    return server


def at_once(client, accept, turns, dice):
    """Neither waits for the other."""
    seed = dice.random()
    speaking = threading.Thread(target=lambda: client.send_pieces(joined(turns, 'up'), random.Random(seed)))
    speaking.start()
    server = accept()
    server.send_pieces(joined(turns, 'down'), dice)
    speaking.join()
    return server


def joined(turns, who):
    return b''.join(data for one, data in turns if one == who)


class TransparencyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-transparency-'))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.tls = Tls(cls.folder, ['h2', 'http/1.1'])
        cls.recordings = record_all(cls.tls)

    def replay(self, leg, address, speak, turns, dice, side):
        """What the kernel counted at the node's other side, or the ends where it does not: sent and received by the node."""
        if leg.waits:
            first = next(turn for turn in turns if turn[0] == 'up')
            turns = [first, *(turn for turn in turns if turn is not first)]
        client = leg.connect(address)
        server = speak(client, leg.upstream.accept, turns, dice)
        said = {client: joined(turns, 'up'), server: joined(turns, 'down')}
        first, second = dice.sample((client, server), 2)
        if isinstance(first.sock, Sealed):  # it cannot end while data waits to be read
            first.wait(len(said[second]))
        first.finish()
        second.wait_end()
        second.send_pieces(LAST_WORDS, dice)
        said[second] += LAST_WORDS
        second.finish()
        first.wait_end()
        for end, other in ((client, server), (server, client)):
            self.assertTrue(end.received == said[other],
                            f'{len(end.received)} bytes came, not the {len(said[other])} that were sent')
            self.assertEqual(end.end, 'close')
        peer, other = (server, client) if side == 'client' else (client, server)
        sent, received = (len(said[peer]), len(said[other])) if peer.kernel is None else peer.kernel.count()
        for end in (client, server):
            end.close()
        return received, sent

    def replay_all(self, threads, side):
        folder = self.folder / f'{side}-{threads}'
        folder.mkdir()
        ways = legs(self.tls)
        told = '\n'.join(leg.start(folder / leg.name.replace(' ', '-'), side) for leg in ways)
        # The node's own first listener is not used.
        node = Node(Programs(BUILD), folder, ways[0].upstream.address, NOBODY, told, f'threads = {threads}')
        self.addCleanup(node.process.kill)
        counted, dice = Counter(), random.Random(random_seed())
        for leg, address in zip(ways, node.addresses[1:]):
            for name, turns in self.recordings.items():
                for speak in (turn_by_turn, at_once):
                    with self.subTest(leg=leg.name, recording=name, speak=speak.__name__):
                        counted[self.replay(leg, address, speak, turns, dice, side)] += 1
            leg.upstream.close()
        wait_for(lambda: node.metrics()['connections_open'] == 0, 'all have ended')
        metrics = node.metrics()
        node.stop()
        self.assertEqual(metrics['kernel_differed_total'], 0)
        self.assertEqual(metrics['connections_reset_total'], 0)
        recorded, protocols = defaultdict(lambda: (0, 0)), set()
        for batch in node.batches():
            for part in batch.connections:
                sent, received = recorded[part.connection_id]
                recorded[part.connection_id] = (sent + part.sent_transport_bytes, received + part.received_transport_bytes)
                protocols.add(part.protocol)
        self.assertEqual(protocols, {'h2', 'http/1.1', 'websocket', 'tls', 'unknown'})
        self.assertEqual(Counter(recorded.values()), counted)


def add_tests(threads, side):
    setattr(TransparencyTest, f'test_{side}_{threads}_threads', lambda self: self.replay_all(threads, side))


if __name__ == '__main__':
    BUILD = sys.argv.pop(1)
    for number in THREADS:
        for end in SIDES:
            add_tests(number, end)
    unittest.main()
