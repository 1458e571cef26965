"""hostile_test.py BUILD [CLASS]: peers that mean harm, to the proxy or through it.

Every attack runs twice, directly and through a node of its own: what reaches either end must be the same. Meanwhile
another connection through that node is used, and all of its calls must be seen. Then the node holds no more memory and
descriptors than before, has logged next to nothing, and tells in a Gap where its decoding ended.
"""
import queue
import resource
import shutil
import socket
import sys
import tempfile
import threading
import unittest
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

from arms import Programs
from attacks import anything, http1, http2, noise, websocket
from certificates import make_certificate
from coordinators import Coordinator
from ends import Listener, connect, connect_through, run
from node import Lost, Node
from processes import wait_for

CROWD = 300  # connections of one attack
MEMORY = 16 << 20  # that an attack may make the node take, at its peak
LOG_LINES = 10  # of a whole life
UNSEALED = 'facts came faster than they were sealed'  # a flood of calls may do so


class Neighbour:
    """A client that minds its own business, on a connection through the same node."""

    METHOD = '/neighbour'

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.exchanges = 0

    def exchange(self):
        body = b'%08d' % self.exchanges
        self.exchanges += 1
        for sender, receiver, start in ((self.client, self.server, b'POST /neighbour HTTP/1.1\r\nHost: x\r\n'),
                                        (self.server, self.client, b'HTTP/1.1 200 OK\r\n')):
            said = start + b'Content-Length: 8\r\n\r\n' + body
            before = len(receiver.received)
            sender.send(said)
            receiver.wait(before + len(said))
            assert receiver.received[before:] == said

    def close(self):
        for end in (self.client, self.server):
            end.finish()
        for end in (self.client, self.server):
            end.close()


class HostileTest(unittest.TestCase):
    """What the tests of all attacks share."""

    @classmethod
    def setUpClass(cls):
        cls.programs = Programs(BUILD)
        cls.top = Path(tempfile.mkdtemp(prefix='fedcarbon-hostile-'))
        cls.addClassCleanup(shutil.rmtree, cls.top)
        cls.coordinator = Coordinator(cls.programs, cls.top)
        cls.addClassCleanup(cls.coordinator.process.kill)

    def setUp(self):
        self.listener = Listener()
        self.addCleanup(self.listener.close)

    def start_node(self, toml='', **options):
        """With a neighbour."""
        folder = self.top / self.id().rsplit('.', 1)[1]
        self.node = Node(self.programs, folder, self.listener.address, self.coordinator.grpc, toml, **options)
        self.addCleanup(self.node.process.kill)
        self.neighbour = Neighbour(*connect_through(self.node.address, self.listener))
        self.neighbour.exchange()
        wait_for(lambda: any(self.node.batches()), 'a first report')  # all is open that will be
        self.descriptors = self.node.descriptors()
        self.memory = self.node.memory()
        self.node.forget_peak()

    def meanwhile(self, task):
        """Runs `task` on a thread, and the neighbour's exchanges beside it. What the task returns."""
        results = []

        def work():
            try:
                results.append(task())
            except BaseException as error:
                results.append(error)
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive() or self.neighbour.exchanges < 10:
            self.neighbour.exchange()
        thread.join()
        if isinstance(results[0], BaseException):
            raise results[0]
        return results[0]

    def check_node(self):
        """That it is as it was, and ends well."""
        peak = self.node.memory('VmHWM') - self.memory
        if REPORT:
            print(f'{self.id().rsplit(".", 1)[1]}: {peak / (1 << 20):.1f} MiB, {self.node.lost()}', file=sys.stderr)
        self.assertLess(peak, MEMORY)
        wait_for(lambda: self.node.descriptors() <= self.descriptors, f'{self.descriptors} descriptors')
        self.neighbour.exchange()
        self.neighbour.close()
        wait_for(lambda: self.node.metrics()['connections_open'] == 0, 'no open connection')
        self.node.stop()
        self.assertLess(self.node.log().count('\n'), LOG_LINES, self.node.log()[-3000:])
        facts, self.lost = self.node.facts(), self.node.lost()
        self.unsealed = self.lost.pop(UNSEALED, Lost(0, 0)).facts
        seen = facts.calls.pop(Neighbour.METHOD)
        self.assertLessEqual(seen.calls, self.neighbour.exchanges)
        self.assertGreaterEqual(seen.calls + self.unsealed, self.neighbour.exchanges)
        self.assertEqual(seen.sent['encoded_bytes'], 8 * seen.calls)
        return facts.calls

    def check_attack(self, attack):
        self.start_node(f'[listener.limits]\n{attack.limits}')
        through = self.meanwhile(lambda: run(attack.script, *connect_through(self.node.address, self.listener)))
        direct = run(attack.script, *connect_through(self.listener.address, self.listener))
        for end in direct:
            self.assertEqual(len(through[end][0]), len(direct[end][0]), end)
            self.assertTrue(through[end] == direct[end], f'the {end} saw something else')
        calls = self.check_node()
        if attack.lost is None:
            self.assertEqual(self.lost, {})
        else:
            self.assertEqual(len(self.lost), 1, self.lost)
            (detail, size), = self.lost.items()
            self.assertIn(attack.lost, detail)
            if attack.lost_facts is not None:
                self.assertEqual(size.facts, attack.lost_facts)
        if attack.calls or attack.lost is None:
            self.assertEqual(calls.keys(), attack.calls.keys())
        for method, expected in attack.calls.items():
            self.assertLessEqual(calls[method].calls, expected)
            self.assertGreaterEqual(calls[method].calls + self.unsealed, expected)
        for column, expected in (('messages', attack.messages), ('encoded_bytes', attack.encoded)):
            if expected is not None:
                self.assertEqual(sum(seen.sent[column] or 0 for seen in calls.values()), expected)


class CrowdTest(HostileTest):
    """Attacks by many connections, or against the node's own handshakes."""

    def test_connections_that_say_nothing(self):
        self.start_node()
        pairs = self.meanwhile(lambda: [connect_through(self.node.address, self.listener) for _ in range(CROWD)])
        self.assertEqual(self.node.metrics()['connections_open'], CROWD + 1)
        for client, server in pairs:
            client.finish()
            server.wait_end()
            self.assertEqual((bytes(server.received), server.end), (b'', 'close'))
            server.close()
            client.close()
        self.check_node()

    def test_connections_that_are_half_closed(self):
        self.start_node()
        pairs = self.meanwhile(lambda: [connect_through(self.node.address, self.listener) for _ in range(CROWD)])
        for n, (client, server) in enumerate(pairs):
            first, last = (client, server) if n % 2 else (server, client)
            first.finish()
            last.wait_end()
            self.assertEqual(last.end, 'close')
        for _ in range(100):
            self.neighbour.exchange()
        self.assertEqual(self.node.metrics()['connections_open'], CROWD + 1)
        for n, (client, server) in enumerate(pairs):
            first, last = (client, server) if n % 2 else (server, client)
            last.send(b'last words')
            last.finish()
            first.wait_end()
            self.assertEqual((bytes(first.received), first.end), (b'last words', 'close'))
            first.close()
            last.close()
        self.check_node()

    def test_connections_that_are_reset(self):
        self.start_node()

        def reset():
            for _ in range(CROWD):
                client, server = connect_through(self.node.address, self.listener)
                client.send(b'GET /hostile HTTP/1.1\r\n')
                server.wait(23)
                client.reset()
                server.wait_end()
                self.assertEqual((bytes(server.received), server.end), (b'GET /hostile HTTP/1.1\r\n', 'reset'))
                server.close()
        self.meanwhile(reset)
        self.check_node()

    def test_connections_that_are_reset_at_once(self):
        self.start_node()

        def reset():
            for _ in range(CROWD):
                connect(self.node.address).reset()
        self.meanwhile(reset)
        wait_for(lambda: self.node.metrics()['connections_accepted_total'] == CROWD + 1, 'all were accepted')
        self.check_node()

    def test_an_upstream_that_is_gone(self):
        gone = self.enterContext(socket.socket())
        gone.bind(('127.0.0.1', 0))  # nobody listens there, and nobody else can
        self.start_node(f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "127.0.0.1:{gone.getsockname()[1]}"')

        def knock():
            for _ in range(CROWD):
                client = connect(self.node.addresses[1])
                client.wait_end()
                self.assertEqual((bytes(client.received), client.end), (b'', 'reset'))
                client.close()
        self.meanwhile(knock)
        self.assertEqual(self.node.metrics()['upstream_failures_total'], CROWD)
        self.check_node()
        self.assertEqual(self.lost, {'the upstream could not be reached': Lost(CROWD, 0)})

    def serve_all(self, clients):
        """Each says who it is, and is answered by whom it reaches, in any order."""
        for number, client in enumerate(clients):
            client.send(b'%04d' % number)
        for _ in clients:
            server = self.listener.accept()
            server.wait(4)
            server.send(server.received)
            client = clients[int(server.received)]
            client.wait(4)
            self.assertEqual(client.received, server.received)
            for end in (client, server):
                end.finish()
            for end in (client, server):
                end.close()

    def test_more_connections_than_descriptors_allow(self):
        self.start_node(shell='ulimit -n 96')  # less 64 for the rest: 16 connections
        self.meanwhile(lambda: self.serve_all([connect(self.node.address) for _ in range(60)]))
        self.assertGreater(self.node.metrics()['accept_pauses_total'], 0)
        self.check_node()

    def test_descriptors_run_out(self):
        # UBSan reads tables of virtual functions through a pipe, and takes for none what it cannot read.
        (self.top / 'no_pipe').write_text('vptr:*\n')
        self.start_node(shell=f'export UBSAN_OPTIONS=suppressions={self.top}/no_pipe')
        pid = self.node.process.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        for spare in (0, 1, 2, 3):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (self.descriptors + spare, before[1]))
            clients = [connect(self.node.address) for _ in range(10)]
            for _ in range(10):
                self.neighbour.exchange()
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
            self.meanwhile(lambda: self.serve_or_see_refused(clients))
        metrics = self.node.metrics()
        self.assertGreater(metrics['accept_pauses_total'], 0)
        self.assertGreater(metrics['upstream_failures_total'], 0)
        self.check_node()

    def serve_or_see_refused(self, clients):
        """Those that the node could not connect were reset; the others are served once it can."""
        for number, client in enumerate(clients):
            with suppress(OSError):  # it was reset
                client.send(b'%04d' % number)
        waiting = dict(enumerate(clients))
        while waiting:
            for number, client in list(waiting.items()):
                if client.end == 'reset':
                    waiting.pop(number).close()
            with suppress(queue.Empty):
                server = self.listener.queue.get(timeout=0.02)
                server.wait(4)
                server.send(server.received)
                client = waiting.pop(int(server.received))
                client.wait(4)
                for end in (client, server):
                    end.finish()
                for end in (client, server):
                    end.close()

    def tls_listener(self):
        certificate, key = make_certificate(self.top, self.id())
        return (f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "{self.listener.address}"\n[listener.tls]\n'
                f'certificate = "{certificate}"\nkey = "{key}"')

    def test_tls_that_is_none(self):
        self.start_node(self.tls_listener())
        said = {'noise': noise(20), 'cleartext': b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'nothing': b'', 'one byte': b'\x16',
                'a record of noise': b'\x16\x03\x01\x40\x00' + noise(21), 'a record cut': b'\x16\x03\x01\x40\x00\x01',
                'alerts': b'\x15\x03\x03\x00\x02\x01\x00' * 1000, 'an old version': b'\x16\x02\x00\x00\x01\x01',
                'empty records': b'\x16\x03\x01\x00\x00' * 1000}

        def attack():
            for _ in range(20):
                for name, data in said.items():
                    client = connect(self.node.addresses[1])
                    with suppress(OSError):  # it may end at the first byte
                        client.send(data)
                    client.finish()
                    client.wait_end()
                    client.close()
        self.meanwhile(attack)
        self.assertEqual(self.node.metrics()['handshake_failures_total'], 20 * len(said))
        self.assertTrue(self.listener.queue.empty(), 'the upstream heard of it')
        self.check_node()

    def test_tls_that_does_not_begin(self):
        self.start_node(self.tls_listener(), top='handshake_timeout = "1s"')

        def wait():
            clients = [connect(self.node.addresses[1]) for _ in range(100)]
            for client in clients:
                client.wait_end()
                client.close()
        self.meanwhile(wait)
        self.assertEqual(self.node.metrics()['handshake_failures_total'], 100)
        self.check_node()

    def test_an_upstream_whose_tls_is_none(self):
        other = Listener()
        self.addCleanup(other.close)
        self.start_node(f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "{other.address}"\n[listener.upstream_tls]')

        def attack():
            for _ in range(100):
                client = connect(self.node.addresses[1])
                client.send(b'GET / HTTP/1.1\r\n')
                server = other.accept()
                server.send(noise(22, 1000))
                client.wait_end()
                self.assertEqual((bytes(client.received), client.end), (b'', 'reset'))
                for end in (client, server):
                    end.close()
        self.meanwhile(attack)
        self.check_node()


def test_of(attack):
    return lambda self: self.check_attack(attack)


for module in (http2, http1, websocket, anything):
    name = f'{module.__name__.rsplit(".", 1)[1].capitalize()}Test'
    globals()[name] = type(name, (HostileTest,), {f'test_{attack.name}': test_of(attack) for attack in module.attack})

if __name__ == '__main__':
    BUILD = sys.argv.pop(1)
    REPORT = '-v' in sys.argv
    unittest.main()
