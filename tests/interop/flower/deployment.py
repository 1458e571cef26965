"""A federation of Flower's own programs: a SuperLink, three SuperNodes, and before each of them its fedcarbon-node."""
import json
import re
import shutil
import signal
import socket
from pathlib import Path

from federation import Federation, free_port, wait_for

HERE = Path(__file__).parent
NODES = ('hospital-a', 'hospital-b', 'hospital-c')
# Flower's programs ask nobody outside, and look often whether there is something to do.
ENVIRONMENT = {'FLWR_TELEMETRY_ENABLED': '0', 'FLWR_DISABLE_UPDATE_CHECK': '1', 'PYTHONUNBUFFERED': '1',
               'FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION': '1', 'FLWR_SUPEREXEC_TASK_POLL_INTERVAL': '0.05',
               'OMP_NUM_THREADS': '1', 'FEDCARBON_LINK': 'fixed'}


class Deployment(Federation):
    """`packages`: the virtual environment of a release. `strategy`: of the "message" API, or "legacy"."""
    deadline = 400  # a training may share its machine with other tests

    def __init__(self, bin_folder, packages, strategy):
        super().__init__(bin_folder)
        self.packages = Path(packages)
        self.release = tuple(map(int, self.packages.name.split('.')))
        self.environment.update(ENVIRONMENT, FLWR_HOME=str(self.folder / 'home'),
                                PATH=f'{self.packages}/bin:{self.environment["PATH"]}')
        for name in ('http_proxy', 'https_proxy', 'all_proxy'):
            self.environment.pop(name, None)
            self.environment.pop(name.upper(), None)
        shutil.copytree(HERE / 'app', self.folder / 'app')
        components = self.folder / 'app/pyproject.toml'
        components.write_text(components.read_text().replace('weights.message:', f'weights.{strategy}:'))

    def flower(self, name, program, *arguments):
        self.start(name, self.packages / 'bin' / program, *arguments)

    def wait_until_open(self, address):
        host, port = address.rsplit(':', 1)

        def is_open():
            try:
                socket.create_connection((host, int(port))).close()
            except ConnectionRefusedError:
                return False
            return True
        wait_for(is_open, f'{address} accepting connections')

    def start_superlink(self):
        """self.superlink: where SuperNodes connect to."""
        own, fleet, runtime = (f'127.0.0.1:{free_port()}' for _ in range(3))
        options = ['--host', '127.0.0.1', '--port', own.rsplit(':', 1)[1]]
        if self.release < (1, 37):
            options = ['--serverappio-api-address', runtime, '--control-api-address', own]
        if self.release < (1, 40):
            options += ['--fleet-api-address', fleet]
        self.superlink = own if self.release >= (1, 40) else fleet
        self.flower('superlink', 'flower-superlink', '--insecure', *options)
        for address in (own, self.superlink):
            self.wait_until_open(address)
        (self.folder / 'home').mkdir(exist_ok=True)  # the SuperLink's may be there
        (self.folder / 'home/config.toml').write_text(
            f'[superlink]\ndefault = "tested"\n[superlink.tested]\naddress = "{own}"\ninsecure = true\n')

    def start_nodes(self, upstreams):
        """fedcarbon's. Where each listens."""
        for node, upstream in zip(NODES, upstreams):
            self.start(f'{node}-meter', 'fedcarbon-node', '--node', node, '--listen', '127.0.0.1:0', '--upstream',
                       upstream, '--upstream-node', 'aggregator', '--http', '127.0.0.1:0')
        return [self.said(f'{node}-meter', r'^listen (\S+)$')[1] for node in NODES]

    def metric(self, node, name):
        """Of its fedcarbon-node."""
        text = self.get('/metrics', self.said(f'{node}-meter', r'^http (\S+)$')[1]).decode()
        return float(re.search(rf'^fedcarbon_node_{name} (\S+)$', text, re.M)[1])

    def start_supernodes(self, addresses):
        for partition, (node, address) in enumerate(zip(NODES, addresses)):
            port = free_port()
            own = ['--host', '127.0.0.1', '--port', port]
            if self.release < (1, 37):
                own = ['--clientappio-api-address', f'127.0.0.1:{port}']
            self.flower(node, 'flower-supernode', '--insecure', '--superlink', address, *own, '--node-config',
                        f'partition={partition}')

    def start_training(self, **settings):
        options = ' '.join(f'{name}={value}' for name, value in settings.items())
        self.flower('training', 'flwr', 'run', self.folder / 'app', 'tested', '--stream', '--run-config', options)

    def finish_training(self):
        """The digest of what was trained. self.run is Flower's number of the run."""
        try:
            status = self.finish('training')
        except AssertionError as error:
            raise AssertionError(f'{error} {self.everything()}') from None
        digest = re.search(r'result: ([0-9a-f]{64})', self.log('training'))
        assert status == 0 and digest, f'the training ended with {status}: {self.everything()}'
        self.run = int(re.search(r'run (\d{6,})', self.log('training'))[1])
        return digest[1]

    def run_id(self):
        return f'flower:{self.run}'

    def own_counters(self):
        """Flower's of this run: bytes sent by the SuperLink, received by it, and seconds of its ClientApps."""
        def ended():
            self.flower('list', 'flwr', 'list', 'tested', '--run-id', self.run, '--format', 'json')
            self.finish('list')
            # Warnings may come first.
            run = json.loads(self.log('list')[self.log('list').index('{'):])['runs'][0]
            return run['status'].startswith('finished') and run
        run = wait_for(ended, 'the run as finished')
        traffic = run['network-traffic']
        return traffic['outbound-bytes'], traffic['inbound-bytes'], run['compute-time']['clientapp-seconds']

    def stop(self, *names):
        for name in names:
            self.processes[name].send_signal(signal.SIGTERM)
        for name in names:
            self.finish(name)

    def stop_nodes(self):
        """Flower's first, so that fedcarbon's have nothing to wait for and hand over all they know."""
        self.stop(*NODES)
        for node in NODES:
            status = self.kill(f'{node}-meter', signal.SIGTERM)
            assert status == 0, f'{node} ended with {status}: {self.log(f"{node}-meter")}'

    def transfers(self, *which):
        return [json.loads(line) for line in self.command('transfers', '--format', 'json', *which).splitlines()]

    def own_clock(self, node):
        """By (kind, round): seconds that its ClientApp measured around the computing itself."""
        said = re.findall(r'own clock: (\w+) (\d+) ([0-9.]+)', self.log(node))
        return {(kind, int(number)): float(seconds) for kind, number, seconds in said}

    def everything(self):
        return '\n'.join(f'== {path.name}\n{path.read_text()[-3000:]}' for path in sorted(self.folder.glob('*.log')))
