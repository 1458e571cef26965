"""grpc_interop_test.py PROGRAMS PEERS CLIENT SERVER: gRPC's own interop cases between languages (go, java), directly and through
fedcarbon-node. Each must succeed, and the node must have read every call.

The cases are those of gRPC's doc/interop-test-descriptions.md that both languages' programs run without an account at a cloud.
"""
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

DEADLINE = 120  # seconds
CASES = ('empty_unary', 'large_unary', 'client_streaming', 'server_streaming', 'ping_pong', 'empty_stream',
         'cancel_after_begin', 'cancel_after_first_response', 'timeout_on_sleeping_server', 'custom_metadata',
         'status_code_and_message', 'special_status_message', 'unimplemented_method', 'unimplemented_service')
# Of Java alone, whose server does not pass client_compressed_unary and client_compressed_streaming.
COMPRESSED = ('server_compressed_unary', 'server_compressed_streaming')


def command(language, program):
    if language == 'go':
        return [PEERS / 'go' / program]
    main = {'client': 'TestServiceClient', 'server': 'TestServiceServer'}[program]
    return ['java', '-cp', f'{PEERS}/java/*', f'io.grpc.testing.integration.{main}']


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def run_case(address, case):
    host, port = address.rsplit(':', 1)
    # Both take flags with two dashes; neither uses TLS then.
    flags = [f'--server_host={host}', f'--server_port={port}', f'--test_case={case}', '--use_tls=false']
    result = subprocess.run([*command(CLIENT, 'client'), *flags], capture_output=True, text=True, timeout=DEADLINE)
    return result.returncode, (result.stdout + result.stderr)[-2000:]


class GrpcInteropTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='fedcarbon-grpc-interop-')
        cls.addClassCleanup(cls.folder.cleanup)
        port = free_port()
        cls.direct = f'127.0.0.1:{port}'
        cls.start('server', [*command(SERVER, 'server'), f'--port={port}', '--use_tls=false'])
        cls.wait_for_server(port)
        node = cls.start('node', [PROGRAMS / 'fedcarbon-node', '--node', 'node', '--listen', '127.0.0.1:0', '--upstream',
                                  cls.direct, '--http', '127.0.0.1:0'], stdout=subprocess.PIPE, text=True)
        said = dict(node.stdout.readline().split() for _ in range(2))
        cls.proxied, cls.http = said['listen'], said['http']
        cases = [*CASES, *(COMPRESSED if CLIENT == SERVER == 'java' else ())]
        runs = [(case, address) for case in cases for address in (cls.direct, cls.proxied)]
        with ThreadPoolExecutor(2) as pool:
            results = pool.map(lambda run: run_case(run[1], run[0]), runs)
            cls.results = dict(zip(runs, results))
        cls.cases = cases

    @classmethod
    def start(cls, name, arguments, **options):
        log = open(Path(cls.folder.name) / f'{name}.log', 'w')
        cls.addClassCleanup(log.close)
        process = subprocess.Popen(arguments, stderr=log, **{'stdout': log, **options})
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        if process.stdout is not None:
            cls.addClassCleanup(process.stdout.close)
        return process

    @classmethod
    def wait_for_server(cls, port):
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            with suppress(OSError):
                socket.create_connection(('127.0.0.1', port)).close()
                return
            time.sleep(0.05)
        raise AssertionError('the server does not listen')

    def test_cases(self):
        for (case, address), (status, output) in self.results.items():
            with self.subTest(case=case, through='node' if address == self.proxied else 'nothing'):
                self.assertEqual(status, 0, output)

    def test_the_node_has_read_every_call(self):
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        text = direct.open(f'http://{self.http}/metrics', timeout=DEADLINE).read().decode()
        metrics = {name: int(float(value)) for name, value in re.findall(r'^fedcarbon_node_(\S+) (\S+)$', text, re.M)}
        self.assertGreaterEqual(metrics['calls_started_total'], len(self.cases))
        self.assertEqual(metrics['losses_total'], 0)
        self.assertEqual(metrics['kernel_differed_total'], 0)


if __name__ == '__main__':
    PROGRAMS, PEERS, CLIENT, SERVER = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    del sys.argv[1:5]
    unittest.main()
