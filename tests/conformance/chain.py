"""A node beside the client, and another one beside the server."""
import ssl
from contextlib import contextmanager

from arms import NOBODY, Programs
from certificates import make_certificate
from node import Node
from processes import wait_for

ARMS = ('direct', 'proxy')


class Tls:
    """What a server, a client and the nodes between them need, for `localhost`."""

    def __init__(self, folder, alpn=()):
        certificate, key = make_certificate(folder, 'server')
        self.authority = certificate
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(certificate, key)
        if alpn:
            self.server.set_alpn_protocols(alpn)
        self.client = ssl.create_default_context(cafile=certificate)
        # Tables of a listener.
        self.downstream = f'[listener.tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
        self.upstream = f'[listener.upstream_tls]\nca = "{certificate}"\nserver_name = "localhost"\n'


class Chain:
    """`address` leads to the server, in the arm `proxy` through the nodes. Once left, it has the `facts` of both by their
    side, and their last `metrics`."""

    def __init__(self, arm, build, server, folder, tls):
        self.address, self.tls = server, tls
        self.nodes, self.facts, self.metrics = {}, {}, {}
        for side in ('server', 'client') if arm == 'proxy' else ():
            self.nodes[side] = Node(Programs(build), folder / side, self.address, NOBODY,
                                    f'side = "{side}"\n' + (tls.downstream + tls.upstream if tls else ''), name=side)
            self.address = self.nodes[side].address

    def read(self):
        """Once all connections have ended."""
        for side, node in self.nodes.items():
            wait_for(lambda: node.metrics()['connections_open'] == 0, 'all have ended')
            self.metrics[side] = node.metrics()
        for side, node in self.nodes.items():
            node.stop()
            self.facts[side] = node.facts()

    def kill(self):
        for node in self.nodes.values():
            node.process.kill()


@contextmanager
def between(*arguments):
    chain = Chain(*arguments)
    try:
        yield chain
        chain.read()
    finally:
        chain.kill()


def check_connections(test, chain, protocols):
    """What left the node at the client's side reached the one at the server's, and all of it was read."""
    near, far = chain.facts['client'], chain.facts['server']
    crossed = ((near.sent_transport_bytes, far.received_transport_bytes),
               (far.sent_transport_bytes, near.received_transport_bytes))
    for sent, received in crossed:
        if chain.tls and chain.metrics['client']['connections_reset_total']:
            # A client that closes without a word of TLS resets what it is still told: the node's last word is lost.
            test.assertGreaterEqual(sent, received)
        else:
            test.assertEqual(sent, received)
    for side in chain.nodes:
        test.assertEqual(chain.facts[side].protocols, protocols)
        test.assertEqual(chain.facts[side].gaps, [])
        test.assertEqual(chain.metrics[side]['kernel_differed_total'], 0)
        test.assertGreater(chain.metrics[side]['kernel_checked_total'], 0)


def check_call(test, calls, side, expected, statuses):
    """Facts of one method at one side. `expected`: calls, and what went up and down: columns of facts.py."""
    test.assertEqual((calls.calls, calls.unanswered), (expected['calls'], 0))
    test.assertEqual(calls.observers, {'OBSERVER_PROXY'})
    test.assertEqual(calls.ends, {f'END_{side.upper()}'})
    test.assertEqual(calls.statuses, statuses)
    up, down = (calls.sent, calls.received) if side == 'client' else (calls.received, calls.sent)
    test.assertEqual(up, expected['up'])
    test.assertEqual(down, expected['down'])


def columns(messages, encoded, is_packed):
    return {'messages': messages, 'encoded_bytes': encoded, 'message_bytes': None if is_packed else encoded}
