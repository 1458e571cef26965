"""http_test.py BUILD CLIENT [tls]: HTTP/1.1 with curl, httpx or raw bytes.

Every case runs in two arms: directly, and with a node beside the client and another one beside the server. What both
ends see must be the same, and each node's facts must be what the server counted. `tls`: on all legs.
"""
import json
import shutil
import ssl
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

from arms import NOBODY, Programs
from certificates import make_certificate
from http_cases import CASES
from http_clients import CLIENTS
from http_server import Server
from node import Node, wait_for

ARMS = ('direct', 'proxy')
CANCELLED, UNKNOWN = 1, 2
# Statuses of gRPC by those of HTTP, https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
ERRORS = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}


def status_of(case, seen):
    if case.is_cut or not seen['whole']:
        return CANCELLED
    return 0 if seen['status'] < 400 else ERRORS.get(seen['status'], UNKNOWN)


def comparable(case, observation):
    client, server = observation
    server = [{key: value for key, value in seen.items() if key not in case.varies} for seen in server]
    return [client, *sorted(server, key=json.dumps)]


class Runs:
    """All cases of a client in both arms. `seen` is by case and arm: of the client, and of the server."""

    def __init__(self, kind, cases, tls, folder):
        self.kind, self.cases, self.folder = kind, cases, folder
        self.seen, self.metrics = {}, []
        self.authority = self.tls = None
        if tls:
            certificate, key = make_certificate(folder, 'server')
            self.authority = certificate
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(certificate, key)
            self.tls.set_alpn_protocols(['http/1.1'])
            files = f'certificate = "{certificate}"\nkey = "{key}"'
            self.toml = f'[listener.tls]\n{files}\n[listener.upstream_tls]\nca = "{certificate}"\nserver_name = "localhost"'
        else:
            self.toml = ''
        for arm in ARMS:
            self.run(arm)

    def run(self, arm):
        server = Server(lambda path, exchange: CASES[path].serve(exchange), self.tls)
        address, nodes = server.address, []
        if arm == 'proxy':
            for side in ('server', 'client'):
                nodes.append(Node(Programs(BUILD), self.folder / side, address, NOBODY, f'side = "{side}"\n{self.toml}',
                                  name=side))
                address = nodes[-1].address
        try:
            client = CLIENTS[self.kind](address, self.authority, self.folder)
            for case in self.cases:
                try:
                    seen = getattr(case, self.kind)(client)
                    self.seen[case.path, arm] = (seen, server.take(case.path, case.requests))
                except Exception as failure:
                    self.seen[case.path, arm] = failure
            for node in reversed(nodes):
                wait_for(lambda: node.metrics()['connections_open'] == 0, 'all have ended')
                self.metrics.append(node.metrics())
                node.stop()
            self.bytes = server.bytes
            self.facts = {node.folder.name: node.facts() for node in nodes}
        finally:
            for node in nodes:
                node.process.kill()
            server.stop()


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = Path(tempfile.mkdtemp(prefix='fedcarbon-http-'))
        cls.addClassCleanup(shutil.rmtree, folder)
        cls.runs = Runs(CLIENT, [case for case in CASES.values() if hasattr(case, CLIENT)], TLS, folder)

    def seen(self, case, arm):
        seen = self.runs.seen[case.path, arm]
        if isinstance(seen, Exception):
            raise seen
        return seen

    def transparent(self, case):
        direct, proxy = (comparable(case, self.seen(case, arm)) for arm in ARMS)
        self.assertEqual(len(direct), len(proxy))
        for one, other in zip(direct, proxy):
            self.assertTrue(one == other, f'{str(one)[-2000:]}\n{str(other)[-2000:]}')

    def exact(self, case):
        _, server = self.seen(case, 'proxy')
        for side, (up, down) in (('client', ('sent', 'received')), ('server', ('received', 'sent'))):
            with self.subTest(side=side):
                calls = self.runs.facts[side].calls[case.path]
                self.assertEqual(calls.calls, len(server))
                self.assertEqual(calls.unanswered, 0)
                self.assertEqual(calls.observers, {'OBSERVER_PROXY'})
                self.assertEqual(calls.ends, {f'END_{side.upper()}'})
                self.assertEqual(calls.statuses, {status_of(case, seen) for seen in server})
                self.check_messages(getattr(calls, up), sum(seen['whole'] for seen in server),
                                    sum(seen['bytes'] for seen in server), 'request' in case.packed)
                self.check_messages(getattr(calls, down), 0 if case.is_cut else len(server),
                                    sum(seen['answered'] for seen in server), 'answer' in case.packed)

    def check_messages(self, total, messages, encoded, is_packed):
        self.assertEqual(total, {'messages': messages, 'encoded_bytes': encoded,
                                 'message_bytes': None if is_packed else encoded})

    def test_connections(self):
        """What left the node at the client's side reached the one at the server's, and all of it was read."""
        near, far = self.runs.facts['client'], self.runs.facts['server']
        self.assertEqual(near.sent_transport_bytes, far.received_transport_bytes)
        self.assertEqual(near.received_transport_bytes, far.sent_transport_bytes)
        if not TLS:
            self.assertEqual({'received': near.sent_transport_bytes, 'sent': near.received_transport_bytes}, self.runs.bytes)
        for facts in (near, far):
            self.assertEqual(facts.protocols, {'http/1.1'})
            self.assertEqual(facts.gaps, [])
            self.assertEqual(set(facts.calls), {case.path for case in self.runs.cases})
        for metrics in self.runs.metrics:
            self.assertEqual(metrics['kernel_differed_total'], 0)
            self.assertGreater(metrics['kernel_checked_total'], 0)


def add_tests(case):
    for check in (HttpTest.transparent, HttpTest.exact):
        setattr(HttpTest, f'test_{check.__name__}_{case.path[1:]}', lambda self, check=check: check(self, case))


if __name__ == '__main__':
    BUILD, CLIENT = sys.argv.pop(1), sys.argv.pop(1)
    TLS = 'tls' in sys.argv[1:2] and bool(sys.argv.pop(1))
    for one in CASES.values():
        if hasattr(one, CLIENT):
            add_tests(one)
    unittest.main()
