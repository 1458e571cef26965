"""soak.py BUILD [--minutes N | --short]: mixed traffic through one node for a long time (30 minutes; --short: 25 seconds).

gRPC (grpcio, and made by hand), HTTP/1.1, WebSocket and bytes of no protocol, on connections that end and are opened
anew all the time: in good order, or by a reset in the middle of something. At the end the node must have recorded what
the peers counted for themselves, to the byte, and hold no more memory and descriptors than when it had warmed up.
"""
import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

import grpc

import frames
from arms import Programs
from attacks import talk
from coordinators import Coordinator
from ends import Listener, connect_through
from node import Lost, Node
from processes import wait_for
from random_seed import random_seed

GROWTH = 8 << 20  # bytes of memory since the warm-up, which is a quarter of the time
PREFIX = 5  # bytes of gRPC's before each message


class Counts:
    """What the peers counted: by kind of traffic, and of what. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = Counter()

    def add(self, kind, **counted):
        with self.lock:
            self.counts.update({(kind, what): count for what, count in counted.items()})


class Traffic:
    """One kind of it, between ends that record, on connections one after the other."""

    def __init__(self, counts, seed):
        self.counts, self.dice = counts, random.Random(seed)
        self.kind = type(self).__name__.lower()
        self.listener = Listener()
        self.upstream = self.listener.address

    def body(self):
        return self.dice.randbytes(self.dice.choice((0, 1, 10, 1_000, 30_000)))

    def run(self, address, goes_on):
        while goes_on():
            client, server = connect_through(address, self.listener)
            self.converse(client, server)
            self.end(client, server)
            # One that carried nothing may be reset before the node sees that the upstream has accepted it.
            carried = bool(server.received or client.received)
            self.counts.add(self.kind, connections=carried, sent_transport=len(server.received),
                            received_transport=len(client.received))

    def end(self, client, server):
        """All that was sent has arrived."""
        first, second = (client, server) if self.dice.random() < 0.5 else (server, client)
        if self.dice.random() < 0.5:
            first.finish()
            second.wait_end()
            second.finish()
            first.wait_end()
            first.close()
        else:
            first.reset()
            second.wait_end()
        second.close()

    def count(self, calls, sent, received, whole=True):
        """Calls, and the messages of each direction; those of a call that is cut may lack their ends."""
        self.counts.add(self.kind, calls=calls, sent_messages=len(sent) * whole, received_messages=len(received) * whole,
                        sent_encoded=sum(map(len, sent)), received_encoded=sum(map(len, received)))


class Http1(Traffic):
    METHOD = '/soak/http1'

    def framed(self, body):
        if self.dice.random() < 0.5:
            return b'Content-Length: %d\r\n\r\n%b' % (len(body), body)
        half = len(body) // 2
        chunks = b''.join(frames.chunk(part) for part in (body[:half], body[half:]) if part)
        return b'Transfer-Encoding: chunked\r\n\r\n' + chunks + frames.chunk(b'')

    def converse(self, client, server):
        start = b'POST /soak/http1?query HTTP/1.1\r\nHost: x\r\n'
        for _ in range(self.dice.randrange(20)):
            said, answered = self.body(), self.body()
            talk(client, server, start + self.framed(said), b'HTTP/1.1 200 OK\r\n' + self.framed(answered))
            self.count(1, [said], [answered])
        if self.dice.random() < 0.2:
            said = self.body()
            talk(client, server, start + b'Content-Length: 100000\r\n\r\n' + said)
            self.count(1, [said], [], whole=False)


class WebSocket(Traffic):
    METHOD = '/soak/websocket'

    def framed(self, body, mask):
        half = len(body) // 2
        return (frames.websocket_frame(2, half, body[:half], mask, final=False) + frames.websocket_frame(9, 0, mask=mask) +
                frames.websocket_frame(0, len(body) - half, body[half:], mask))

    def converse(self, client, server):
        talk(client, server, frames.WEBSOCKET_REQUEST.replace(b'/socket', self.METHOD.encode()), frames.WEBSOCKET_ANSWER)
        self.count(1, [], [])
        for _ in range(self.dice.randrange(50)):
            said, answered = self.body(), self.body()
            talk(client, server, self.framed(said, b'mask'), self.framed(answered, None))
            self.count(0, [said], [answered])
        if self.dice.random() < 0.5:
            talk(client, server, frames.websocket_frame(8, 2, b'\x03\xe8', b'mask'), frames.websocket_frame(8, 2, b'\x03\xe8'))


class Http2(Traffic):
    METHOD = '/soak/http2'

    def converse(self, client, server):
        talk(client, server, frames.begin(), frames.settings() + frames.settings_ack())
        for number in range(self.dice.randrange(50)):
            stream = 2 * number + 1
            request = frames.headers(stream, frames.request(self.METHOD))
            said, answered = (frames.message(self.body()) for _ in range(2))
            data = b''.join(frames.frame(frames.DATA, 0, stream, said[at:at + 16_384]) for at in range(0, len(said), 16_384))
            if self.dice.random() < 0.2:
                cut = said[:len(said) // 2]
                talk(client, server, request + frames.frame(frames.DATA, 0, stream, cut) +
                     frames.frame(frames.RST_STREAM, 0, stream, bytes(4)))
                self.count(1, [cut], [], whole=False)
            else:
                talk(client, server, request + data + frames.frame(frames.DATA, frames.END_STREAM, stream),
                     frames.answer(stream, answered[PREFIX:]))
                self.count(1, [said], [answered])


class Nothing(Traffic):
    """Bytes of no protocol: all of them are in a Gap."""

    def converse(self, client, server):
        talk(client, server, b'\0' * 12, b'')
        for _ in range(self.dice.randrange(20)):
            talk(client, server, self.body(), self.body())


class Grpc:
    """Between grpcio's client and server."""

    METHOD = '/soak.Grpc/Echo'

    def __init__(self, counts, seed):
        self.counts, self.dice = counts, random.Random(seed)
        self.server = grpc.server(ThreadPoolExecutor(max_workers=8))
        echo = grpc.stream_stream_rpc_method_handler(self.echo)
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler('soak.Grpc', {'Echo': echo})])
        self.upstream = f'127.0.0.1:{self.server.add_insecure_port("127.0.0.1:0")}'
        self.server.start()

    def echo(self, requests, _):
        for message in requests:
            self.counts.add('grpc', sent_messages=1, sent_encoded=len(message) + PREFIX)
            yield message

    def run(self, address, goes_on):
        while goes_on():
            with grpc.insecure_channel(address, [('grpc.use_local_subchannel_pool', 1)]) as channel:
                for _ in range(20):
                    messages = [self.dice.randbytes(self.dice.choice((0, 1, 1_000, 100_000))) for _ in range(5)]
                    answers = list(channel.stream_stream(self.METHOD)(iter(messages)))
                    assert answers == messages
                    self.counts.add('grpc', calls=1, received_messages=len(answers),
                                    received_encoded=sum(len(answer) + PREFIX for answer in answers))


def recorded(node):
    """What the node's facts say, as Counts say it."""
    counts = Counter()
    for batch in node.batches():
        def peer(fact):
            return batch.strings[fact.peer - 1]
        for group in batch.transfers:
            counts[peer(group), 'calls'] += len(group.call_id) - sum(part > 0 for part in group.part)
            for direction in ('sent', 'received'):
                counts[peer(group), f'{direction}_messages'] += sum(getattr(group, f'{direction}_messages'))
                counts[peer(group), f'{direction}_encoded'] += sum(getattr(group, f'{direction}_encoded_bytes'))
        for connection in batch.connections:
            carried = connection.sent_transport_bytes + connection.received_transport_bytes > 0
            counts[peer(connection), 'connections'] += connection.part == 0 and carried
            counts[peer(connection), 'sent_transport'] += connection.sent_transport_bytes
            counts[peer(connection), 'received_transport'] += connection.received_transport_bytes
    return counts


def soak(build, seconds, folder):
    programs, counts = Programs(build), Counts()
    coordinator = Coordinator(programs, folder)
    traffic = [kind(counts, seed) for seed, kind in enumerate((Grpc, Http1, WebSocket, Http2, Nothing), random_seed())]
    named = [f'upstream_node = "{type(one).__name__.lower()}"' for one in traffic]
    further = [f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "{one.upstream}"\n{name}'
               for one, name in zip(traffic[1:], named[1:])]
    node = Node(programs, folder, traffic[0].upstream, coordinator.grpc, '\n'.join([named[0], *further]))
    try:
        begun = time.monotonic()
        wait_for(lambda: any(node.batches()), 'a first report')  # all is open that will be
        descriptors = node.descriptors()
        with ThreadPoolExecutor() as pool:
            goes_on = lambda: time.monotonic() < begun + seconds
            running = [pool.submit(one.run, address, goes_on) for one, address in zip(traffic, node.addresses)]
            time.sleep(seconds / 4)
            memory = node.memory()
            for one in running:
                one.result()
        wait_for(lambda: node.metrics()['connections_open'] == 0, 'all have ended')
        wait_for(lambda: node.descriptors() <= descriptors, f'{descriptors} descriptors')
        growth = node.memory() - memory
        metrics = node.metrics()
        node.stop()
        coordinator.stop()
        return growth, metrics, node, counts.counts
    finally:
        for process in (node.process, coordinator.process):
            process.kill()


def check(growth, metrics, node, expected):
    failures = []
    lost = node.lost()
    undecoded = expected['nothing', 'sent_transport'] + expected['nothing', 'received_transport']
    if lost != {'protocol not recognised': Lost(expected['nothing', 'connections'], undecoded)}:
        failures.append(f'gaps: {lost}, {undecoded} bytes of no protocol')
    if growth > GROWTH:
        failures.append(f'memory has grown by {growth} bytes')
    if metrics['kernel_differed_total']:
        failures.append(f'of {metrics["kernel_checked_total"]} connections the kernel counted '
                        f'{metrics["kernel_differed_total"]} otherwise')
    found = recorded(node)
    print(f'{"":32}{"peers":>16}{"node":>16}')
    for kind, what in sorted(expected):
        print(f'{kind + ", " + what:32}{expected[kind, what]:16,}{found[kind, what]:16,}')
        if expected[kind, what] != found[kind, what]:
            failures.append(f'{kind}: {what} differs')
    print(f'memory: {growth / (1 << 20):+.1f} MiB; {metrics["kernel_checked_total"]:,} connections as the kernel counted')
    return failures


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build')
    length = parser.add_mutually_exclusive_group()
    length.add_argument('--minutes', type=float, default=30)
    length.add_argument('--short', dest='minutes', action='store_const', const=25 / 60)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix='fedcarbon-soak-'))
    try:
        failures = check(*soak(options.build, 60 * options.minutes, folder))
    finally:
        shutil.rmtree(folder)
    sys.exit('\n'.join(failures) if failures else 0)
