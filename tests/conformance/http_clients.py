"""HTTP/1.1 clients, and what they see."""
import asyncio
import hashlib
import os
import ssl
import subprocess
from contextlib import contextmanager

import httpx

from ends import connect
from http_server import fields
from processes import DEADLINE

# No file and no variable of the surroundings may say how they behave.
PLAIN = {key: value for key, value in os.environ.items() if not key.lower().endswith('_proxy')}


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Curl:
    """Of Debian. Says `localhost` wherever it connects to, so that what it sends is the same in both arms."""

    def __init__(self, address, authority, folder):
        self.folder = folder
        self.scheme = 'https' if authority else 'http'
        self.options = ['curl', '-q', '--silent', '--show-error', '--no-progress-meter', '--http1.1', '--max-time',
                        str(DEADLINE), '--connect-to', f'::{address}']
        if authority:
            self.options += ['--cacert', authority]

    def file(self, data):
        """For options that take one: @ and its path."""
        path = self.folder / 'sent'
        path.write_bytes(data)
        return f'@{path}'

    def run(self, *arguments):
        return subprocess.run([*self.options, *arguments], env=PLAIN, capture_output=True)

    def url(self, path):
        return f'{self.scheme}://localhost{path}'

    def __call__(self, path, *arguments):
        """One request: what curl made of the answer, all its header sections as they came."""
        head, body = self.folder / 'head', self.folder / 'body'
        for file in (head, body):
            file.write_bytes(b'')
        done = self.run('--dump-header', head, '--output', body, '--write-out', '%{http_code} %{http_version} %{size_download}',
                        *arguments, self.url(path))
        return {'exit': done.returncode, 'says': done.stdout.decode(), 'error': done.stderr.decode(),
                'head': head.read_bytes().decode('latin-1'), 'body': digest(body.read_bytes())}

    def is_served(self, path):
        return self(path)['exit'] == 0

    def many(self, path, *arguments):
        """Many requests, by curl's patterns: the statuses and sizes in the order of their ends, and connections made."""
        done = self.run('--output', '/dev/null', '--write-out', '%{http_code} %{size_download} %{num_connects}\n', *arguments,
                        self.url(path))
        lines = [tuple(map(int, line.split())) for line in done.stdout.decode().splitlines()]
        return {'exit': done.returncode, 'answers': [line[:2] for line in lines], 'connections': sum(line[2] for line in lines),
                'error': done.stderr.decode()}


class Httpx:
    """Python's httpx."""

    def __init__(self, address, authority, _):
        verify = ssl.create_default_context(cafile=authority) if authority else False
        port = address.split(':')[1]
        self.url = f'{"https" if authority else "http"}://localhost:{port}'
        self.options = {'trust_env': False, 'verify': verify, 'timeout': DEADLINE, 'headers': {'Host': 'localhost'},
                        'base_url': self.url}

    def __call__(self, path, method='GET', **options):
        with httpx.Client(**self.options) as client:
            return self.on(client, path, method, **options)

    def on(self, client, path, method='GET', **options):
        return self.saw(client.request(method, path, **options))

    def is_served(self, path):
        try:
            return bool(self(path))
        except httpx.HTTPError:
            return False

    @staticmethod
    def saw(response):
        return {'status': response.status_code, 'reason': response.reason_phrase, 'version': response.http_version,
                'headers': response.headers.raw, 'bytes': response.num_bytes_downloaded, 'body': digest(response.content)}

    def client(self):
        return httpx.Client(**self.options)

    def at_once(self, path, count):
        async def run():
            limits = httpx.Limits(max_connections=count)
            async with httpx.AsyncClient(**self.options, limits=limits) as client:
                return await asyncio.gather(*(client.get(path) for _ in range(count)))
        return [self.saw(response) for response in asyncio.run(run())]


class Raw:
    """Bytes: says what no library would."""

    def __init__(self, address, *_):
        self.address = address

    @contextmanager
    def connection(self):
        end = connect(self.address)
        try:
            yield end
        finally:
            end.close()

    def __call__(self, said, answer=None):
        """All at once, and then the end. Until the answer, or the server's own end."""
        with self.connection() as end:
            end.send(said)
            if answer is not None:
                end.wait(answer)
            end.finish()
            end.wait_end()
            return bytes(end.received), end.end

    def is_served(self, path):
        try:
            answer, _ = self(fields(f'GET {path} HTTP/1.1', 'Host: localhost', ''))
        except ConnectionError:  # directly refused; by the node reset, maybe before all is said
            return False
        return bool(answer)


CLIENTS = {'curl': Curl, 'httpx': Httpx, 'raw': Raw}
