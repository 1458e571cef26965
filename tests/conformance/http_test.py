"""http_test.py BUILD CLIENT [tls]: HTTP/1.1 with curl, httpx or raw bytes.

Every case runs in two arms: directly, and with a node beside the client and another one beside the server. What both
ends see must be the same, and each node's facts must be what the server counted. `tls`: on all legs.
"""
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

from chain import ARMS, Tls, between, check_call, check_connections, columns
from http_cases import CASES, UntilClose
from http_clients import CLIENTS
from http_server import Server

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


def serve(tls):
    return Server(lambda path, exchange: CASES[path].serve(exchange), tls and tls.server)


def connect(kind, chain, tls, folder):
    return CLIENTS[kind](chain.address, tls and tls.authority, folder)


class Runs:
    """All cases of a client in both arms. `seen` is by case and arm: of the client, and of the server."""

    def __init__(self, kind, cases, tls, folder):
        self.cases, self.seen = cases, {}
        for arm in ARMS:
            server = serve(tls)
            with between(arm, BUILD, server.address, folder, tls) as self.chain:
                client = connect(kind, self.chain, tls, folder)
                for case in cases:
                    try:
                        seen = getattr(case, kind)(client)
                        self.seen[case.path, arm] = (seen, server.take(case.path, case.requests))
                    except Exception as failure:
                        self.seen[case.path, arm] = failure
            server.stop()
            self.bytes = server.bytes


class HttpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-http-'))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.tls = Tls(cls.folder, ['http/1.1']) if TLS else None
        cls.runs = Runs(CLIENT, [case for case in CASES.values() if hasattr(case, CLIENT)], cls.tls, cls.folder)

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
        expected = {'calls': len(server),
                    'up': columns(sum(seen['whole'] for seen in server), sum(seen['bytes'] for seen in server),
                                  'request' in case.packed),
                    'down': columns(0 if case.is_cut else len(server), sum(seen['answered'] for seen in server),
                                    'answer' in case.packed)}
        for side, facts in self.runs.chain.facts.items():
            with self.subTest(side=side):
                check_call(self, facts.calls[case.path], side, expected, {status_of(case, seen) for seen in server})

    def test_connections(self):
        check_connections(self, self.runs.chain, {'http/1.1'})
        for facts in self.runs.chain.facts.values():
            self.assertEqual(set(facts.calls), {case.path for case in self.runs.cases})
        near = self.runs.chain.facts['client']
        if not TLS:
            self.assertEqual({'received': near.sent_transport_bytes, 'sent': near.received_transport_bytes}, self.runs.bytes)

    def test_upstream_restart(self):
        """While the server is away nobody answers in its place, and then all is as before."""
        path = UntilClose.path
        for arm in ARMS:
            server, folder = serve(self.tls), self.folder / 'restart'
            with self.subTest(arm=arm), between(arm, BUILD, server.address, folder, self.tls) as chain:
                client = connect(CLIENT, chain, self.tls, self.folder)
                self.assertTrue(client.is_served(path))
                server.stop()
                self.assertFalse(client.is_served(path))
                server.start()
                self.assertTrue(client.is_served(path))
            server.stop()
        near, far = (chain.facts[side].calls[path] for side in ('client', 'server'))
        self.assertEqual((near.calls - near.unanswered, far.calls), (2, 2))
        self.assertEqual(near.received, far.sent)


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
