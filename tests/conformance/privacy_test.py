"""privacy_test.py BUILD: rule 5 for the proxy. Only sizes, times, method names and ids leave a node.

Canaries cross the node in every place where a protocol has room for text: payloads, header fields, queries, what is
broken, what is sealed. Then they are looked for in all that leaves it: the bytes to the coordinator (a wiretap), the
coordinator's database, kept batches, both logs, and the node's own port. That the wiretap sees anything is shown by the
methods' names.
"""
import base64
import os
import shutil
import socket
import ssl
import sys
import tempfile
import unittest
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

import frames
from arms import Programs
from attacks import talk
from certificates import make_certificate
from coordinators import Coordinator
from ends import Listener, Tap, connect
from frames import DATA, END_HEADERS, END_STREAM, frame, headers, literal
from node import Node
from processes import DEADLINE, wait_for

CANARY = b'canary-7f3a91c2'
NO_MASK = bytes(4)
LISTENS = 1 << 16  # __SO_ACCEPTCON of /proc/net/unix
GRPC_METHOD, HTTP_METHOD, SOCKET_METHOD = (f'/privacy.{name}/Method' for name in ('Grpc', 'Http', 'Socket'))


def trusting():
    """TLS of a client that trusts everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def spellings(text):
    """As it may be written elsewhere: base64 in any place within something longer, hexadecimal."""
    found = [text, text.hex().encode()]
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + text)
        found.append(encoded[4 * bool(shift):len(encoded) // 4 * 4 - 4])
    return found


def grpc_call():
    """Said and answered: metadata of every kind, payloads, status details, a query."""
    metadata = ((b'x-text', CANARY), (b'x-' + CANARY, b'y'), (b'x-raw-bin', b'\0' + CANARY), (b'authorization', CANARY),
                (b'user-agent', CANARY), (b'run', CANARY + b' is no run'), (b'round', CANARY),
                (b'fedcarbon-bin', base64.b64encode(CANARY)), (b'grpc-encoding', CANARY), (b'grpc-timeout', CANARY))
    said = (frames.begin() + headers(1, frames.request(GRPC_METHOD, *metadata)) + frame(DATA, 0, 1, frames.message(CANARY)) +
            frame(DATA, END_STREAM, 1, b'\1' + frames.message(CANARY)[1:]))
    answered = (frames.settings() + frame(frames.PING, payload=CANARY[:8]) +
                headers(1, literal(b':status', b'200') + literal(b'content-type', b'application/grpc') +
                        literal(b'x-text', CANARY)) + frame(DATA, 0, 1, frames.message(CANARY)) +
                headers(1, b''.join(literal(*pair) for pair in (
                    (b'grpc-status', b'9'), (b'grpc-message', CANARY), (b'grpc-status-details-bin', CANARY),
                    (b'fedcarbon-bin', CANARY))), END_HEADERS | END_STREAM))
    said += frame(frames.GOAWAY, payload=bytes(8) + CANARY)
    return said, answered


def grpc_paths():
    """What is no method's name."""
    paths = [f'/privacy.Grpc/Method?token={CANARY.decode()}', f'/{"x" * 120}/{CANARY.decode()}', f'/a b/{CANARY.decode()}',
             f'/privacy.Grpc/{CANARY.decode()}%20', f'http://{CANARY.decode()}@x/', f'*{CANARY.decode()}']
    said = b''.join(headers(2 * n + 1, frames.request(path), END_HEADERS | END_STREAM) for n, path in enumerate(paths))
    return frames.begin() + said, frames.settings() + b''.join(frames.answer(2 * n + 1, CANARY) for n in range(len(paths)))


def http1():
    said = (b'POST ' + HTTP_METHOD.encode() + b'?token=' + CANARY + b'#' + CANARY + b' HTTP/1.1\r\nHost: ' + CANARY +
            b'\r\nCookie: ' + CANARY + b'\r\n' + CANARY + b': y\r\nTransfer-Encoding: chunked\r\nrun: ' + CANARY +
            b' is no run\r\n\r\n' + b'%x;x=%b\r\n%b\r\n' % (len(CANARY), CANARY, CANARY) + b'0\r\nx: ' + CANARY + b'\r\n\r\n')
    said += b'GET http://user:' + CANARY + b'@x/ HTTP/1.1\r\nHost: x\r\n\r\n'
    answered = b'HTTP/1.1 200 ' + CANARY + b'\r\nSet-Cookie: ' + CANARY + b'\r\nContent-Length: 15\r\n\r\n' + CANARY
    return said, answered + answered


def websocket():
    """The upgrade, and then frames."""
    request = frames.WEBSOCKET_REQUEST.replace(b'/socket', SOCKET_METHOD.encode() + b'?' + CANARY)
    request = request.replace(b'\r\n\r\n', b'\r\nSec-WebSocket-Protocol: ' + CANARY + b'\r\n\r\n')
    said = (frames.websocket_frame(1, 15, CANARY, NO_MASK) + frames.websocket_frame(9, 15, CANARY, NO_MASK) +
            frames.websocket_frame(8, 17, b'\x03\xe8' + CANARY, NO_MASK))
    return (request, frames.WEBSOCKET_ANSWER), (said, frames.websocket_frame(2, 15, CANARY))


def broken():
    """What a decoder gives up at."""
    bad_context = (b'fedcarbon-bin', b'\0\x08\x01\x1a\x0f' + CANARY)
    return [CANARY * 10,
            b'GET /' + CANARY + b'\n' + CANARY,
            b'GET / HTTP/1.1\r\n' + CANARY + b' : x\r\n\r\n',
            b'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n' + CANARY + b'\r\n',
            frames.begin() + headers(1, b'\x7f\xff\xff\xff\xff' + CANARY),
            frames.begin() + headers(1, frames.request(GRPC_METHOD, bad_context)) + frame(DATA, 0, 1, b'\x09' + CANARY),
            frames.PREFACE + CANARY]


def client_hello():
    """Of TLS to a server that is named like the canary."""
    said = ssl.MemoryBIO()
    tls = trusting().wrap_bio(ssl.MemoryBIO(), said, server_hostname=CANARY.decode())
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return said.read()


CONVERSATIONS = [[grpc_call()], [grpc_paths()], [http1()], websocket(), *([(said, b'')] for said in broken()),
                 [(client_hello(), CANARY)]]


class TlsClient:
    """Its server's name and its protocol are canaries."""

    def __init__(self, address, context):
        host, port = address.rsplit(':', 1)
        context.set_alpn_protocols([CANARY.decode()])
        self.sock = context.wrap_socket(socket.create_connection((host, int(port)), DEADLINE),
                                        server_hostname=CANARY.decode())
        self.received = bytearray()

    def send(self, data):
        self.sock.sendall(data)

    def wait(self, count):
        while len(self.received) < count:
            self.received += self.sock.recv(1 << 16)

    def close(self):
        self.sock.close()


class PrivacyTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-privacy-'))
        self.addCleanup(shutil.rmtree, self.folder)
        self.upstream = Listener()
        self.addCleanup(self.upstream.close)
        self.tls_upstream = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(self.tls_upstream.close)
        programs = Programs(BUILD)
        self.coordinator = Coordinator(programs, self.folder)
        self.addCleanup(self.coordinator.process.kill)
        self.wire = bytearray()
        tap = Tap(self.coordinator.grpc, lambda direction, data: self.wire.extend(data))
        self.addCleanup(tap.close)
        self.node = Node(programs, self.folder, self.upstream.address, tap.address, self.listeners())
        self.addCleanup(self.node.process.kill)

    def listeners(self):
        """Cleartext; TLS; TLS for clients that it knows; TLS towards an upstream that it should know."""
        certificate, key = make_certificate(self.folder, 'node')
        fields = 'run_header = "run"\nround_header = "round"\n'
        further = f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "{self.upstream.address}"\n'
        tls = f'[listener.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
        return (fields + further + fields + tls + further + tls + f'client_ca = "{certificate}"\n' +
                f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "127.0.0.1:{self.tls_upstream.getsockname()[1]}"\n'
                f'[listener.upstream_tls]\nca = "{certificate}"\n')

    def converse(self, client, conversation):
        """The upstream gets the canary, and the client that of the answer."""
        server = self.upstream.accept()
        for said, answered in conversation:
            talk(client, server, said, answered)
        self.assertEqual(server.received, b''.join(said for said, _ in conversation))
        self.assertEqual(client.received, b''.join(answered for _, answered in conversation))
        self.assertIn(CANARY, server.received)
        for end in (client, server):
            end.close()

    def fail_handshakes(self):
        """A client, and then an upstream, that nobody knows, and whose certificate names the canary."""
        certificate, key = make_certificate(self.folder, 'stranger', CANARY.decode())
        stranger = trusting()
        stranger.load_cert_chain(certificate, key)
        with self.assertRaises(OSError):
            TlsClient(self.node.addresses[2], stranger).wait(1)

        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        client = connect(self.node.addresses[3])
        client.send(CANARY)  # nothing is dialled before it says something
        with self.assertRaises(OSError):
            server.wrap_socket(self.tls_upstream.accept()[0], server_side=True)
        client.wait_end()
        client.close()
        wait_for(lambda: self.node.metrics()['handshake_failures_total'] == 2, 'both have failed')

    def test_canaries_stay_where_they_are(self):
        for conversation in CONVERSATIONS:
            self.converse(connect(self.node.address), conversation)
            self.converse(TlsClient(self.node.addresses[1], trusting()), conversation)
        self.fail_handshakes()
        self.assertEqual(self.listening(), {*self.node.addresses, self.node.http})
        left = {path: self.node.get(path).encode() for path in ('/metrics', '/healthz')}
        wait_for(lambda: self.node.metrics()['connections_open'] == 0, 'all have ended')
        self.node.stop()
        self.coordinator.stop()

        left['wire'] = bytes(self.wire)
        left['batches, decoded'] = '\n'.join(map(str, self.node.batches())).encode()
        left['batches'] = b''.join(path.read_bytes() for path in self.node.kept.iterdir())
        for path in [*self.folder.glob('*.log'), *(self.folder / 'data').rglob('*')]:
            left[path.name] = path.read_bytes()
        # What may leave is there to be found.
        for where in ('wire', 'batches, decoded', 'batches', *(path.name for path in (self.folder / 'data').glob('*.db'))):
            for method in (GRPC_METHOD, HTTP_METHOD, SOCKET_METHOD):
                self.assertIn(method.encode(), left[where], where)
        for where, data in left.items():
            for spelling in spellings(CANARY):
                self.assertNotIn(spelling.lower(), data.lower(), where)

    def listening(self):
        """The addresses of all sockets on which the node listens."""
        inodes = set()
        for descriptor in (self.node.proc / 'fd').iterdir():
            with suppress(OSError):  # closed meanwhile
                inodes.add(os.readlink(descriptor))
        addresses = set()
        for line in (self.node.proc / 'net/tcp').read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == '0A' and f'socket:[{inode}]' in inodes:
                host, port = local.split(':')
                addresses.add(f'{socket.inet_ntoa(bytes.fromhex(host)[::-1])}:{int(port, 16)}')
        for line in (self.node.proc / 'net/unix').read_text().splitlines()[1:]:
            flags, inode = line.split()[3], line.split()[6]
            if int(flags, 16) & LISTENS and f'socket:[{inode}]' in inodes:
                addresses.add(line)
        return addresses


if __name__ == '__main__':
    BUILD = sys.argv.pop(1)
    unittest.main()
