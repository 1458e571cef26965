"""An arm: a server, a client, and what stands between them.

    direct        nothing
    interceptors  nothing, and the ends that are in C++ are metered
    proxy         fedcarbon-node beside the client, and another one beside the server
    sealed        the same, with TLS between the two nodes, each of which has a certificate
"""
import sys
from pathlib import Path

from certificates import make_certificate
from facts import Facts
from processes import Process

PEERS = Path(__file__).parent / 'peers'
NOBODY = '127.0.0.1:9'  # instead of a coordinator: what is recorded is read from the files


class Programs:
    def __init__(self, build):
        self.build = Path(build)

    def peer(self, kind):
        return {'cpp': [self.build / 'tests/conformance_peer'],
                'python': [sys.executable, PEERS / 'grpc_peer.py'],
                'h2': [sys.executable, PEERS / 'h2_peer.py']}[kind]

    def node(self):
        return self.build / 'bin/fedcarbon-node'


class Proxy:
    def __init__(self, programs, name, side, upstream, folder, *options):
        self.name = name
        self.process = Process([programs.node(), '--node', name, '--side', side, '--listen', '127.0.0.1:0', '--http',
                                '127.0.0.1:0', '--upstream', upstream, '--coordinator', NOBODY, '--keep',
                                folder / 'kept', *options], folder / f'{name}.log')
        said = dict(self.process.line().split() for _ in range(2))
        self.address = said['listen']


class Arm:
    """Use as a context: leaving it ends the programs, the client first. Then `facts` holds what each observer recorded,
    by its name: client-interceptor, server-interceptor, client-proxy, server-proxy."""

    def __init__(self, kind, programs, server, client, folder, server_arguments='{}'):
        self.kind, self.programs, self.folder = kind, programs, folder
        self.server_kind, self.client_kind, self.server_arguments = server, client, server_arguments
        self.proxies, self.facts = [], {}
        (folder / 'kept').mkdir(parents=True)

    def metered(self, end, kind):
        return ['--metered', f'{end}-interceptor'] if self.kind == 'interceptors' and kind == 'cpp' else []

    def tls_options(self, side):
        """Made at the server's node, which is started first. It wants a certificate of who calls."""
        if side == 'server':
            (server, key), (client, _) = (make_certificate(self.folder, name) for name in ('server-proxy', 'client-proxy'))
            toml = f'[listener.tls]\ncertificate = "{server}"\nkey = "{key}"\nclient_ca = "{client}"\n'
        else:
            toml = (f'[listener.upstream_tls]\nca = "{self.folder}/server-proxy.pem"\nserver_name = "localhost"\n'
                    f'certificate = "{self.folder}/client-proxy.pem"\nkey = "{self.folder}/client-proxy.key"\n')
        (self.folder / f'{side}.toml').write_text(f'[[listener]]\n{toml}')
        return '--config', self.folder / f'{side}.toml'

    def start(self, command, name):
        environment = {'FEDCARBON_KEEP': str(self.folder / 'kept'), 'FEDCARBON_COORDINATOR': NOBODY}
        return Process(command, self.folder / f'{name}.log', environment)

    def start_server(self, port=0):
        self.server = self.start([*self.programs.peer(self.server_kind), 'serve', '--port', port, '--arguments',
                                  self.server_arguments, *self.metered('server', self.server_kind)], 'server')
        return self.server.hear()['listen']

    def restart_server(self):
        """It has ended itself. On the same port again."""
        self.server.wait()
        self.server.kill()
        self.start_server(self.address.rsplit(':', 1)[1])

    def __enter__(self):
        self.client = self.server = None
        try:
            self.address = address = self.start_server()
            if self.kind in ('proxy', 'sealed'):
                for side in ('server', 'client'):
                    options = self.tls_options(side) if self.kind == 'sealed' else ()
                    self.proxies.append(Proxy(self.programs, f'{side}-proxy', side, address, self.folder, *options))
                    address = self.proxies[-1].address
            self.client = self.start([*self.programs.peer(self.client_kind), 'call', address,
                                      *self.metered('client', self.client_kind)], 'client')
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, failure, *_):
        try:
            if failure is None:
                self.client.finish()
                for proxy in self.proxies:
                    proxy.process.terminate()
                for proxy in self.proxies:
                    proxy.process.expect_success()
                self.server.finish()
                self.facts = Facts.of_folder(self.folder / 'kept')
        finally:
            self.kill()

    def kill(self):
        for process in (self.client, *(proxy.process for proxy in self.proxies), self.server):
            if process is not None:
                process.kill()
