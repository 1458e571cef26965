"""The `fedcarbon-node` program as a process: command line, configuration file, signals, ports, exit statuses."""
import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from federation import DEADLINE, Federation, free_port, wait_for

BIN = None  # the folder of the programs: the first argument


class Upstream:
    """Answers each piece of bytes by its own name, a colon and the piece."""

    def __init__(self, name, address=None):
        self.name = name.encode()
        family = socket.AF_UNIX if address else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.bind(address or ('127.0.0.1', 0))
        self.listener.listen()
        self.address = f'unix:{address}' if address else '127.0.0.1:%d' % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        try:
            with connection:
                while piece := connection.recv(65536):
                    connection.sendall(self.name + b':' + piece)
        except OSError:
            pass  # the other end has gone


def connect(address):
    if address.startswith('unix:'):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE)
        client.connect(address[len('unix:'):])
        return client
    host, port = address.rsplit(':', 1)
    return socket.create_connection((host, int(port)), DEADLINE)


def receive(client, size):
    received = b''
    while len(received) < size:
        piece = client.recv(size - len(received))
        if not piece:
            break
        received += piece
    return received


def is_refused(address):
    try:
        connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


def ended(client):
    """Whether the other side ended the connection; waits for it to do so."""
    try:
        return client.recv(1) == b''
    except ConnectionResetError:
        return True


class NodeTest(unittest.TestCase):
    def setUp(self):
        self.federation = self.enterContext(Federation(BIN))
        self.folder = self.federation.folder

    def ask(self, client, upstream):
        """Sends a piece, and checks that this upstream answers."""
        client.sendall(b'piece')
        answer = upstream.name + b':piece'
        self.assertEqual(receive(client, len(answer)), answer)

    def client(self, address):
        client = connect(address)
        self.addCleanup(client.close)
        return client

    def write(self, text, name='node.toml'):
        (self.folder / name).write_text(text)
        return self.folder / name

    def write_listeners(self, *listeners, top=''):
        """A file with listeners of (listen, upstream)."""
        text = f'node = "hospital-a"\nhttp = "127.0.0.1:0"\n{top}\n'
        for listen, upstream in listeners:
            text += f'[[listener]]\nlisten = "{listen}"\nupstream = "{upstream}"\n'
        return self.write(text)

    def start(self, *arguments):
        """Where it listens, in order; self.http is its own port."""
        self.federation.start('node', 'fedcarbon-node', *arguments)
        self.http = self.federation.said('node', r'^http (\S+)$')[1]
        return re.findall(r'^listen (\S+)$', self.federation.log('node'), re.M)

    def start_with(self, upstream, *arguments):
        listening, = self.start('--node', 'hospital-a', '--http', '127.0.0.1:0', '--listen', '127.0.0.1:0', '--upstream',
                                upstream.address, *arguments)
        return listening

    def send(self, number):
        self.federation.processes['node'].send_signal(number)

    def stops(self):
        self.assertEqual(self.federation.finish('node'), 0, self.federation.log('node'))

    def get(self, path):
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(f'http://{self.http}{path}', timeout=DEADLINE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name):
        return float(re.search(rf'^fedcarbon_node_{re.escape(name)} (\S+)$', self.get('/metrics')[1], re.M)[1])

    def runs(self, status, named, *arguments, environment=None):
        """Runs it to its end; what it prints."""
        done = subprocess.run([f'{BIN}/fedcarbon-node', *map(str, arguments)], capture_output=True, text=True,
                              env={**self.federation.environment, **(environment or {})}, timeout=DEADLINE)
        said = done.stdout if status == 0 else done.stderr
        self.assertEqual(done.returncode, status, f'{arguments}: {done.stdout} {done.stderr}')
        self.assertIn(named, said)
        return said

    def test_help_helps(self):
        said = self.runs(0, 'fedcarbon-node --node hospital-a --listen 127.0.0.1:9092', '--help')
        for part in ('Forwarding:', 'Metering:', 'Process:', '127.0.0.1:7481', 'check', 'SIGHUP', 'FEDCARBON_UPSTREAM'):
            self.assertIn(part, said)

    def test_check_says_what_would_be_done_and_does_nothing(self):
        taken = Upstream('taken')
        file = self.write_listeners((taken.address, 'fl.example.org:443'), ('127.0.0.1:0', 'unix:/run/fl.sock'))
        said = self.runs(0, f'listener {taken.address}, to fl.example.org:443;', 'check', '--config', file)
        self.assertIn('node hospital-a, reports to nobody', said)
        self.assertIn('listener 127.0.0.1:0, to unix:/run/fl.sock', said)
        self.assertTrue(said.endswith('\nok\n'), said)

    def test_wrong_usage_is_named(self):
        valid = ['--node', 'a', '--listen', '127.0.0.1:0', '--upstream', '127.0.0.1:1']
        for mode in ([], ['check']):
            self.runs(2, "no node's name", *mode)
            self.runs(2, 'nowhere to listen', *mode, '--node', 'a')
            self.runs(2, "--threads: '0'", *mode, *valid, '--threads', 0)
            self.runs(2, '--pue', *mode, *valid, environment={'FEDCARBON_PUE': '0.9'})
            self.runs(2, '--frequently', *mode, *valid, '--frequently')
            self.runs(2, '--insecure', *mode, *valid, '--coordinator', 'fl.example.org:7433')
            self.runs(2, '--config: ', *mode, '--config', '/nowhere.toml')
        self.runs(2, 'verify', 'verify', *valid)

    def test_a_wrong_file_is_named_with_line_column_and_key(self):
        file = self.write('node = "a"\n[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "127.0.0.1"\n')
        for mode in ([], ['check']):
            self.runs(2, f'{file}:4:12: listener.upstream: ', *mode, '--config', file)

    def test_check_reads_the_files_that_a_file_names(self):
        garbage = self.write('this is no certificate', 'garbage.pem')
        file = self.write_listeners(('127.0.0.1:0', '127.0.0.1:1'))
        with open(file, 'a') as more:
            more.write(f'[listener.tls]\ncertificate = "{garbage}"\nkey = "{garbage}"\n')
        self.runs(2, str(garbage), 'check', '--config', file)

    def test_a_port_in_use_is_named(self):
        taken = Upstream('taken').address
        valid = ['--node', 'a', '--upstream', '127.0.0.1:1']
        self.runs(1, taken, *valid, '--listen', taken, '--http', '127.0.0.1:0')
        self.runs(1, taken, *valid, '--listen', '127.0.0.1:0', '--http', taken)

    def test_forwards_to_tcp_and_unix_sockets(self):
        tcp, unix = Upstream('tcp'), Upstream('unix', str(self.folder / 'upstream.sock'))
        own = f'unix:{self.folder}/node.sock'
        listening = self.start('--config', self.write_listeners(('127.0.0.1:0', tcp.address),
                                                                ('127.0.0.1:0', unix.address), (own, tcp.address)))
        self.assertEqual(len(listening), 3)
        self.assertEqual(listening[2], own)
        for place, upstream in zip(listening, (tcp, unix, tcp)):
            self.ask(self.client(place), upstream)

    def test_flags_go_before_the_environment_and_that_before_the_file(self):
        file, environment, flag = Upstream('file'), Upstream('environment'), Upstream('flag')
        config = self.write_listeners(('127.0.0.1:0', file.address))
        self.federation.environment['FEDCARBON_CONFIG'] = str(config)
        self.federation.environment['FEDCARBON_INSECURE'] = '0'
        self.ask(self.client(self.start()[0]), file)
        self.federation.kill('node')
        self.federation.environment['FEDCARBON_UPSTREAM'] = environment.address
        self.ask(self.client(self.start()[0]), environment)
        self.federation.kill('node')
        self.ask(self.client(self.start('--upstream', flag.address)[0]), flag)

    def test_recovers_without_a_restart(self):
        address = str(self.folder / 'upstream.sock')
        listening, = self.start('--config', self.write_listeners(('127.0.0.1:0', f'unix:{address}')))
        with contextlib.suppress(ConnectionResetError):  # so soon that connect() itself may hear of it
            self.assertTrue(ended(self.client(listening)))
        wait_for(lambda: self.metric('upstream_failures_total') == 1, 'the failure is counted')
        upstream = Upstream('late', address)
        self.ask(self.client(listening), upstream)

    def test_health_and_metrics(self):
        upstream = Upstream('up')
        listening = self.start_with(upstream)
        self.assertEqual(self.get('/healthz'), (200, 'ok\n'))
        self.assertEqual(self.get('/')[0], 404)
        canary = b'canary-of-a-patient'
        client = self.client(listening)
        client.sendall(canary)
        receive(client, len(canary) + 3)
        wait_for(lambda: self.metric('connections_open') == 1, 'the connection is counted')
        client.close()
        wait_for(lambda: self.metric('connections_open') == 0, 'its end is counted')
        self.assertEqual(self.metric('connections_accepted_total'), 1)
        for leg, direction, size in (('downstream', 'received', len(canary)), ('upstream', 'sent', len(canary)),
                                     ('upstream', 'received', len(canary) + 3), ('downstream', 'sent', len(canary) + 3)):
            self.assertEqual(self.metric(f'transport_bytes_total{{leg="{leg}",direction="{direction}"}}'), size)
        said = self.get('/metrics')[1] + self.federation.log('node').replace(f'listen {listening}', '')
        for secret in (canary.decode(), upstream.address, listening):
            self.assertNotIn(secret, said)

    def test_without_a_coordinator_it_says_so_once(self):
        self.start_with(Upstream('up'))
        self.assertEqual(self.federation.log('node').count('no coordinator'), 1)

    def test_reports_to_the_coordinator(self):
        self.federation.start_coordinator()
        upstream = Upstream('up')
        client = self.client(self.start_with(upstream, '--country', 'CHE'))
        self.ask(client, upstream)
        client.close()
        self.send(signal.SIGTERM)
        self.stops()
        accepted = re.search(rb'batch_received_total{result="accepted"} (\d+)', self.federation.get('/metrics'))[1]
        self.assertGreater(int(accepted), 0)

    def test_reload_keeps_connections(self):
        first, second, third = Upstream('first'), Upstream('second'), Upstream('third')
        place, other, new = (f'127.0.0.1:{free_port()}' for _ in range(3))
        self.start('--config', self.write_listeners((place, first.address), (other, first.address)))
        stays, leaves = self.client(place), self.client(other)
        self.ask(stays, first)
        self.ask(leaves, first)
        self.write_listeners((place, second.address), (new, third.address))
        self.send(signal.SIGHUP)
        self.federation.said('node', rf'was read again; listening at {place}, {new}')
        self.ask(stays, first)
        self.ask(leaves, first)
        self.ask(self.client(place), second)
        self.ask(self.client(new), third)
        self.assertTrue(is_refused(other))

    def test_a_wrong_reload_changes_nothing(self):
        upstream = Upstream('up')
        file = self.write_listeners(('127.0.0.1:0', upstream.address))
        listening, = self.start('--config', file)
        stays = self.client(listening)
        self.ask(stays, upstream)
        for text, said in (('[[listener]]\nlisten = 5\n', rf'stays as it was: {file}:2:10: listener.listen: '),
                           (file.read_text().replace('hospital-a', 'hospital-b'), 'stays as it was: node: .*restart'),
                           (file.read_text() + f'[[listener]]\nlisten = "{upstream.address}"\nupstream = "a:1"\n',
                            rf'stays as it was: .*{upstream.address}')):
            with self.subTest(said=said):
                self.write(text)
                self.send(signal.SIGHUP)
                self.federation.said('node', said)
                self.ask(stays, upstream)
                self.ask(self.client(listening), upstream)

    def test_a_reload_without_a_file_changes_nothing(self):
        upstream = Upstream('up')
        listening = self.start_with(upstream)
        self.send(signal.SIGHUP)
        self.federation.said('node', 'there is no --config to read again')
        self.ask(self.client(listening), upstream)

    def begin_to_stop(self, number, drain):
        """A connection of a node that was told to stop."""
        upstream = Upstream('up')
        listening, = self.start('--config', self.write_listeners(('127.0.0.1:0', upstream.address),
                                                                 top=f'drain = "{drain}"'))
        client = self.client(listening)
        self.ask(client, upstream)
        self.send(number)
        return client, upstream, listening

    def test_a_stop_lets_connections_end(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            client, upstream, listening = self.begin_to_stop(number, '24h')
            wait_for(lambda: self.get('/healthz') == (503, 'not serving\n'), 'it is not well any more')
            wait_for(lambda: is_refused(listening), 'it takes no more connections')
            self.send(signal.SIGHUP)  # is not obeyed any more
            self.ask(client, upstream)
            client.close()
            self.stops()

    def test_a_stop_has_its_deadline(self):
        client, _, _ = self.begin_to_stop(signal.SIGTERM, '0s')
        self.stops()
        self.assertTrue(ended(client))

    def test_a_second_signal_cuts(self):
        client, _, listening = self.begin_to_stop(signal.SIGTERM, '24h')
        wait_for(lambda: is_refused(listening), 'it takes no more connections')
        self.send(signal.SIGINT)
        self.stops()
        with self.assertRaises(ConnectionResetError):
            client.recv(1)

    def test_descriptors_are_raised_to_what_is_allowed(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 512), hard))  # also of what is started from here
        self.start_with(Upstream('up'))
        limits = Path(f'/proc/{self.federation.processes["node"].pid}/limits').read_text()
        self.assertEqual(re.search(r'^Max open files +(\d+)', limits, re.M)[1], str(hard))


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
