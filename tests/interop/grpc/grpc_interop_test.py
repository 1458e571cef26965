"""grpc_interop_test.py BUILD PEERS CLIENT SERVER [tls]: gRPC's own interop cases between two of its languages, directly and
through fedcarbon-node.

A case must end in the same way, whatever it goes through, and the node's facts must tell its calls. The cases are those of
gRPC's doc/interop-test-descriptions.md that need no account at a cloud. README.md says more.
"""
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).parents[2]
sys.path[:0] = [f'{sys.argv[1]}/tests/conformance', f'{TESTS}/conformance']

from arms import NOBODY, Programs
from ends import free_port
from node import Node
from processes import DEADLINE, Process, wait_for

OK, CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED = 0, 1, 2, 4, 12
TEST, OTHER = '/grpc.testing.TestService/', '/grpc.testing.UnimplementedService/'

# By case and method: calls, their status, messages sent and received. None: the server may answer before it has read.
CALLS = {
    'empty_unary': {TEST + 'EmptyCall': (1, OK, 1, 1)},
    'large_unary': {TEST + 'UnaryCall': (1, OK, 1, 1)},
    'client_streaming': {TEST + 'StreamingInputCall': (1, OK, 4, 1)},
    'server_streaming': {TEST + 'StreamingOutputCall': (1, OK, 1, 4)},
    'ping_pong': {TEST + 'FullDuplexCall': (1, OK, 4, 4)},
    'empty_stream': {TEST + 'FullDuplexCall': (1, OK, 0, 0)},
    'cancel_after_first_response': {TEST + 'FullDuplexCall': (1, CANCELLED, 1, 1)},
    'custom_metadata': {TEST + 'UnaryCall': (1, OK, 1, 1), TEST + 'FullDuplexCall': (1, OK, 1, 1)},
    'status_code_and_message': {TEST + 'UnaryCall': (1, UNKNOWN, 1, 0), TEST + 'FullDuplexCall': (1, UNKNOWN, 1, 0)},
    'special_status_message': {TEST + 'UnaryCall': (1, UNKNOWN, 1, 0)},
    'unimplemented_method': {TEST + 'UnimplementedCall': (1, UNIMPLEMENTED, None, 0)},
    'unimplemented_service': {OTHER + 'UnimplementedCall': (1, UNIMPLEMENTED, None, 0)},
    'rpc_soak': {TEST + 'UnaryCall': (10, OK, 10, 10)},
    'channel_soak': {TEST + 'UnaryCall': (10, OK, 10, 10)},
    'orca_per_rpc': {TEST + 'UnaryCall': (1, OK, 1, 1)},
}
# The client may give these up before anything of them is on the wire.
GIVEN_UP = {'cancel_after_begin': TEST + 'StreamingInputCall', 'timeout_on_sleeping_server': TEST + 'FullDuplexCall'}
# How many calls it makes depends on when reports of load come.
POLLING = ('orca_oob',)
# Bytes of messages sent and received: the payloads of the description, and what protobuf puts around them.
MESSAGE_BYTES = {'large_unary': (271_840, 314_167), 'client_streaming': (74_948, 4), 'server_streaming': (21, 93_082),
                 'ping_pong': (74_969, 93_082)}

# Java's client has these too. The servers refuse some of them; then the client must hear the same through the node.
MORE = ('cacheable_unary', 'client_compressed_unary', 'client_compressed_unary_noprobe',
        'client_compressed_streaming_noprobe', 'server_compressed_unary', 'server_compressed_streaming',
        'very_large_request')
REFUSED = {'go': {'cacheable_unary', 'client_compressed_unary', 'client_compressed_unary_noprobe',
                  'client_compressed_streaming_noprobe', 'very_large_request'},
           'java': {'cacheable_unary', 'client_compressed_unary'}}

JAVA = ('java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC')  # starts faster
NAME = 'foo.test.google.fr'  # is in the certificate of gRPC's test servers
BALANCER = '{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'
SOAK = (f'--soak_per_iteration_max_acceptable_latency_ms={DEADLINE}000', f'--soak_overall_timeout_seconds={DEADLINE}')


class Peers:
    """The command lines of both languages' programs. The files of gRPC's test certificates are put into `folder`."""

    def __init__(self, programs, folder, client, server, tls):
        self.programs, self.folder, self.client, self.server, self.tls = programs, folder, client, server, tls
        with zipfile.ZipFile(*(programs / 'java').glob('grpc-testing-*.jar')) as jar:
            for name in ('ca.pem', 'server1.pem', 'server1.key'):
                (folder / name).write_bytes(jar.read(f'certs/{name}'))

    def java(self, name):
        return [*JAVA, f'-XX:SharedArchiveFile={self.programs}/java/classes.jsa', '-cp', f'{self.programs}/java/*',
                f'io.grpc.testing.integration.TestService{name}']

    def serve(self, port):
        flags = [f'--port={port}', f'--use_tls={self.tls}'.lower()]
        if self.server == 'java':
            return [*self.java('Server'), *flags]
        return [self.programs / 'go/server', *flags, f'--tls_cert_file={self.folder}/server1.pem',
                f'--tls_key_file={self.folder}/server1.key']

    def call(self, address, case):
        host, port = address.rsplit(':', 1)
        flags = [f'--server_host={host}', f'--server_port={port}', f'--server_host_override={NAME}', '--use_test_ca=true',
                 f'--use_tls={self.tls}'.lower(), f'--test_case={case}', *SOAK]
        if case.startswith('orca_'):
            flags.append(f'--service_config_json={BALANCER}')
        if self.client == 'go':
            return [self.programs / 'go/client', *flags, f'--ca_file={self.folder}/ca.pem']
        return [*self.java('Client'), *flags, f'--use_okhttp={self.client == "okhttp"}'.lower()]

    def listeners(self, upstream):
        """Of the node: with TLS one that ends it and begins it again, and one that lets it pass sealed."""
        if not self.tls:
            return ''
        return (f'[listener.tls]\ncertificate = "{self.folder}/server1.pem"\nkey = "{self.folder}/server1.key"\n'
                f'[listener.upstream_tls]\nca = "{self.folder}/ca.pem"\nserver_name = "{NAME}"\n'
                f'[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "{upstream}"\n')


def is_open(port):
    with socket.socket() as client:
        return client.connect_ex(('127.0.0.1', port)) == 0


class GrpcInteropTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-grpc-interop-'))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.peers = Peers(PROGRAMS, cls.folder, CLIENT, SERVER, TLS)
        port = free_port()
        cls.server = f'127.0.0.1:{port}'
        server = Process(cls.peers.serve(port), cls.folder / 'server.log')
        cls.addClassCleanup(server.kill)
        wait_for(lambda: is_open(port), 'the server listens')

    def run_client(self, address):
        """What came of it: exit status and, if Java's client failed, why."""
        command = self.peers.call(address, self.case)
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE)
        return result.returncode, re.findall('^Exception .*', result.stdout, re.M), result.stdout

    def check(self, case):
        self.case = case
        node = Node(Programs(BUILD), self.folder / case, self.server, NOBODY, self.peers.listeners(self.server))
        self.addCleanup(node.process.kill)
        with ThreadPoolExecutor() as pool:
            (status, reason, said), *proxied = pool.map(self.run_client, [self.server, *node.addresses])
        self.assertEqual(status != 0, case in REFUSED[SERVER], said)
        for result in proxied:
            self.assertEqual(result[:2], (status, reason), result[2])

        wait_for(lambda: node.metrics()['connections_open'] == 0, 'all have ended')
        self.assertEqual(node.metrics()['kernel_differed_total'], 0)
        node.stop()
        self.check_facts(case, node.facts())

    def check_facts(self, case, facts):
        """Of the one client whose calls the node could see."""
        # A client may give up before it has sent enough to know the protocol by.
        if case not in GIVEN_UP or facts.calls:
            self.assertEqual(facts.gaps, [])
        calls = {method: seen for method, seen in facts.calls.items() if method.startswith('/grpc.testing.')}
        if case in CALLS:
            self.assertEqual(calls.keys(), CALLS[case].keys())
            for method, (count, status, sent, received) in CALLS[case].items():
                seen = calls[method]
                self.assertEqual((seen.calls, seen.statuses), (count, {status}))
                self.assertIn(sent, (None, seen.sent['messages']))
                self.assertEqual(seen.received['messages'], received)
        if case in MESSAGE_BYTES:
            seen, = calls.values()
            self.assertEqual((seen.sent['message_bytes'], seen.received['message_bytes']), MESSAGE_BYTES[case])
        if case in GIVEN_UP:
            self.assertLessEqual(calls.keys(), {GIVEN_UP[case]})
            for seen in calls.values():
                self.assertEqual(seen.calls, 1)
                # Of a deadline that both ends know either may be the first to say so.
                self.assertLessEqual(seen.statuses, {CANCELLED, DEADLINE_EXCEEDED})


def add_tests(cases):
    for case in cases:
        setattr(GrpcInteropTest, f'test_{case}', lambda self, case=case: self.check(case))


if __name__ == '__main__':
    BUILD, PROGRAMS, CLIENT, SERVER = sys.argv[1], Path(sys.argv[2]), *sys.argv[3:5]
    TLS = sys.argv[5:6] == ['tls']
    del sys.argv[1:6 if TLS else 5]
    add_tests([*CALLS, *GIVEN_UP, *POLLING, *(MORE if CLIENT != 'go' else ())])
    unittest.main()
