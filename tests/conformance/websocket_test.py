"""websocket_test.py BUILD [tls]: WebSockets between the two ends of Python's websockets.

Every case runs in two arms: directly, and with a node beside the client and another one beside the server. What both
ends see must be the same, and each node's facts must be what the ends counted. `tls`: on all legs.
"""
import asyncio
import hashlib
import queue
import shutil
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory
from websockets.frames import DATA_OPCODES

from chain import ARMS, Tls, between, check_call, check_connections, columns
from processes import DEADLINE
from websocket_cases import CASES

SELDOM_THE_SAME = {'date', 'sec-websocket-key', 'sec-websocket-accept'}
OPTIONS = {'max_size': None, 'ping_interval': None, 'close_timeout': DEADLINE}


class Counted:
    """An extension that counts what its frames hold on the way."""

    def __init__(self, extension):
        self.extension, self.name = extension, extension.name
        self.counts = {'said': 0, 'heard': 0}

    def count(self, way, frame):
        if frame.opcode in DATA_OPCODES:
            self.counts[way] += len(frame.data)

    def encode(self, frame):
        frame = self.extension.encode(frame)
        self.count('said', frame)
        return frame

    def decode(self, frame, *, max_size=None):
        self.count('heard', frame)
        return self.extension.decode(frame, max_size=max_size)


class ClientDeflate(ClientPerMessageDeflateFactory):
    def process_response_params(self, params, accepted):
        return Counted(super().process_response_params(params, accepted))


class ServerDeflate(ServerPerMessageDeflateFactory):
    def process_request_params(self, params, accepted):
        params, extension = super().process_request_params(params, accepted)
        return params, Counted(extension)


def shown(message):
    data = message.encode() if isinstance(message, str) else message
    return [type(message).__name__, len(data), hashlib.sha256(data).hexdigest()]


class Peer:
    """One end: says and hears messages, and remembers which."""

    def __init__(self, ws):
        self.ws, self.said, self.heard = ws, [], []

    async def say(self, message):
        """A list is sent in fragments."""
        await self.ws.send(message)
        self.said.append(shown(message[0][:0].join(message) if isinstance(message, list) else message))

    async def hear(self):
        """False: closed."""
        try:
            self.last = await self.ws.recv()
        except ConnectionClosed:
            return False
        self.heard.append(shown(self.last))
        return True

    async def hear_all(self):
        while await self.hear():
            pass

    async def saw(self):
        await self.ws.close()
        return {'said': self.said, 'heard': self.heard, 'closed': [self.ws.close_code, self.ws.close_reason],
                'subprotocol': self.ws.subprotocol,
                'deflated': [extension.counts for extension in self.ws.protocol.extensions],
                **{name: [pair for pair in section.headers.raw_items() if pair[0].lower() not in SELDOM_THE_SAME]
                   for name, section in (('request', self.ws.request), ('response', self.ws.response))}}


class Server:
    """On a thread of its own. `seen` has what it saw of each connection, in their order."""

    def __init__(self, tls):
        self.seen, started = queue.Queue(), queue.Queue()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run(tls, started)), daemon=True)
        self.thread.start()
        self.address = started.get()

    async def run(self, tls, started):
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self.handle, '127.0.0.1', 0, ssl=tls and tls.server, compression=None, extensions=[ServerDeflate()],
                         subprotocols=['fl.v2', 'fl.v1'], select_subprotocol=lambda _, offered: (offered or [None])[-1],
                         **OPTIONS) as server:
            started.put('127.0.0.1:%d' % server.sockets[0].getsockname()[1])
            await self.over.wait()

    async def handle(self, ws):
        peer = Peer(ws)
        try:
            await CASES[ws.request.path].serve(peer)
            self.seen.put(await peer.saw())
        except BaseException as failure:
            self.seen.put(failure)
            raise

    def stop(self):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join()


async def run(case, address, tls):
    """What the client saw."""
    host, port = address.split(':')
    async with connect(f'{"wss" if tls else "ws"}://localhost{case.path}', host=host, port=int(port), ssl=tls and tls.client,
                       proxy=None, compression=None, extensions=[ClientDeflate()] if case.is_packed else None,
                       subprotocols=case.subprotocols, **OPTIONS) as ws:
        peer = Peer(ws)
        await case.call(peer)
        return await peer.saw()


class Runs:
    """All cases in both arms. `seen` is by case and arm: of the client, and of the server."""

    def __init__(self, tls, folder):
        self.seen = {}
        for arm in ARMS:
            server = Server(tls)
            with between(arm, BUILD, server.address, folder, tls) as self.chain:
                for path, case in CASES.items():
                    try:
                        self.seen[path, arm] = (asyncio.run(run(case, self.chain.address, tls)),
                                                server.seen.get(timeout=DEADLINE))
                    except Exception as failure:
                        self.seen[path, arm] = (failure,)
            server.stop()


class WebsocketTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp(prefix='fedcarbon-websocket-'))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.runs = Runs(Tls(folder) if TLS else None, folder)

    def seen(self, case, arm):
        seen = self.runs.seen[case.path, arm]
        for one in seen:
            if isinstance(one, BaseException):
                raise one
        return seen

    def transparent(self, case):
        direct, proxy = (self.seen(case, arm) for arm in ARMS)
        for one, other in zip(direct, proxy):
            self.assertTrue(one == other, f'{str(one)[-2000:]}\n{str(other)[-2000:]}')

    def exact(self, case):
        client, server = self.seen(case, 'proxy')
        self.assertEqual((client['said'], client['heard']), (server['heard'], server['said']))
        up, down = (sum(size for _, size, _ in client[way]) for way in ('said', 'heard'))
        if case.is_packed:
            (near,), (far,) = client['deflated'], server['deflated']
            self.assertEqual((near['said'], near['heard']), (far['heard'], far['said']))
            self.assertLess(near['said'], up)
            up, down = near['said'], near['heard']
        expected = {'calls': 1, 'up': columns(len(client['said']), up, case.is_packed),
                    'down': columns(len(client['heard']), down, case.is_packed)}
        for side, facts in self.runs.chain.facts.items():
            with self.subTest(side=side):
                check_call(self, facts.calls[case.path], side, expected, {case.status})

    def test_connections(self):
        check_connections(self, self.runs.chain, {'websocket'})
        for facts in self.runs.chain.facts.values():
            self.assertEqual(set(facts.calls), set(CASES))


def add_tests(case):
    for check in (WebsocketTest.transparent, WebsocketTest.exact):
        setattr(WebsocketTest, f'test_{check.__name__}_{case.path[1:]}', lambda self, check=check: check(self, case))


if __name__ == '__main__':
    BUILD = sys.argv.pop(1)
    TLS = 'tls' in sys.argv[1:2] and bool(sys.argv.pop(1))
    for one in CASES.values():
        add_tests(one)
    unittest.main()
