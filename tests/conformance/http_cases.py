"""Exchanges of HTTP/1.1: what the server does, and what each client does that can. A case is named by its path."""
import gzip
import random
import threading

import httpx

from http_server import fields

MANY = 10_000
CROWD = 200
LARGE = 64 << 20
SHAPE = 1_000_000  # announced, and never sent
BODY = random.Random(1).randbytes(1_000)
PARTS = [random.Random(2).randbytes(size) for size in (1, 10, 0, 70_000, 3)]
LARGE_PART = random.Random(3).randbytes(1 << 20)
CASES = {}


class Case:
    """`curl`, `httpx` and `raw` return what that client saw; a case is not run with a client whose method it lacks."""

    requests = 1
    packed = ()  # the sides whose content is encoded: 'request', 'answer'
    is_cut = False  # the answer never ends
    varies = ()  # of what the server saw

    def __init_subclass__(cls):
        cls.path = '/' + cls.__name__
        CASES[cls.path] = cls()

    def serve(self, exchange):
        exchange.read()
        exchange.answer(BODY)

    def send(self, method, *lines, version='1.1'):
        """The head of a request in bytes."""
        return fields(f'{method} {self.path} HTTP/{version}', 'Host: localhost', *lines, '')


class Get(Case):
    def curl(self, curl):
        return curl(self.path)

    def httpx(self, client):
        return client(self.path)


class Head(Case):
    def curl(self, curl):
        return curl(self.path, '--head')

    def httpx(self, client):
        return client(self.path, 'HEAD')


class Post(Case):
    def curl(self, curl):
        return curl(self.path, '--data-binary', curl.file(BODY))

    def httpx(self, client):
        return client(self.path, 'POST', content=BODY)


class Put(Case):
    def serve(self, exchange):
        exchange.read()
        exchange.answer(status=201)

    def curl(self, curl):
        return curl(self.path, '--upload-file', curl.file(BODY)[1:])

    def httpx(self, client):
        return client(self.path, 'PUT', content=BODY)


class Empty(Case):
    """No byte of content either way."""

    def serve(self, exchange):
        exchange.read()
        exchange.answer()

    def curl(self, curl):
        return curl(self.path, '--data-binary', '')

    def httpx(self, client):
        return client(self.path, 'POST', content=b'')


class Methods(Case):
    methods = ('DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND', 'M-SEARCH')
    requests = len(methods)

    def curl(self, curl):
        return [curl(self.path, '--request', method) for method in self.methods]

    def httpx(self, client):
        return [client(self.path, method) for method in self.methods]


class Queries(Case):
    """A query is no part of a method's name."""

    requests = 3

    def curl(self, curl):
        return [curl(f'{self.path}?{query}') for query in ('a', 'a=b&c', '/?')]

    def httpx(self, client):
        return [client(f'{self.path}?{query}') for query in ('a', 'a=b&c', '/?')]


class Chunked(Case):
    """Both ways, with an empty part."""

    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'Transfer-Encoding: chunked')
        for part in filter(None, PARTS):
            exchange.chunk(part)
        exchange.last_chunk()

    def curl(self, curl):
        return curl(self.path, '--header', 'Transfer-Encoding: chunked', '--data-binary', curl.file(b''.join(PARTS)))

    def httpx(self, client):
        return client(self.path, 'POST', content=iter(PARTS))


class ChunkedEmpty(Case):
    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'Transfer-Encoding: chunked')
        exchange.last_chunk()

    def curl(self, curl):
        return curl(self.path, '--header', 'Transfer-Encoding: chunked', '--data-binary', '')

    def httpx(self, client):
        return client(self.path, 'POST', content=iter(()))


class ChunkShapes(Case):
    """What the grammar of chunks allows, and few send."""

    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'transfer-encoding:Chunked')
        for part in filter(None, PARTS):
            exchange.chunk(part, ';name="a;b";c')
        exchange.last_chunk()

    def curl(self, curl):
        return curl(self.path)

    def raw(self, raw):
        return raw(self.send('POST', 'Transfer-Encoding: chunked') + b'00A\r\n0123456789\r\n0c;x=y\r\n0123456789ab\r\n'
                   b'1 \t\r\nx\r\n000;last\r\n\r\n')


class UntilClose(Case):
    """An answer without a length."""

    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'Connection: close')
        for part in PARTS:
            exchange.content(part)
        exchange.close()

    def curl(self, curl):
        return curl(self.path)

    def httpx(self, client):
        return client(self.path)

    def raw(self, raw):
        return raw(self.send('GET'))


class Http10(Case):
    def serve(self, exchange):
        exchange.read()
        exchange.raw(b'HTTP/1.0 200 OK\r\n\r\n')
        exchange.seen['status'] = 200
        exchange.content(BODY)
        exchange.close()

    def curl(self, curl):
        return curl(self.path, '--http1.0', '--data-binary', curl.file(BODY))

    def raw(self, raw):
        return raw(self.send('GET', version='1.0'))


class Statuses(Case):
    statuses = (200, 201, 204, 206, 301, 304, 400, 401, 403, 404, 418, 429, 500, 502, 503, 504)
    requests = len(statuses)

    def serve(self, exchange):
        exchange.read()
        status = int(exchange.seen['request'][1].split('?')[1])
        if status == 204:
            exchange.head(status)
        elif status == 304:
            exchange.head(status, f'Content-Length: {SHAPE}')  # that an answer to GET would have
        else:
            exchange.answer(BODY[:status], status=status)

    def curl(self, curl):
        return [curl(f'{self.path}?{status}') for status in self.statuses]

    def httpx(self, client):
        with client.client() as session:
            return [client.on(session, f'{self.path}?{status}') for status in self.statuses]


class EarlyHints(Case):
    def serve(self, exchange):
        exchange.read()
        for name in ('a', 'b'):
            exchange.head(103, f'Link: </{name}.css>; rel=preload')
        exchange.answer(BODY)

    def curl(self, curl):
        return curl(self.path)

    def httpx(self, client):
        return client(self.path)


class Continue(Case):
    def curl(self, curl):
        return curl(self.path, '--header', 'Expect: 100-continue', '--data-binary', curl.file(BODY))

    def raw(self, raw):
        with raw.connection() as end:
            end.send(self.send('POST', 'Expect: 100-continue', f'Content-Length: {len(BODY)}'))
            end.wait(len('HTTP/1.1 100 Continue\r\n\r\n'))
            end.send(BODY)
            end.finish()
            end.wait_end()
            return bytes(end.received), end.end


class ContinueRefused(Case):
    """The client asks before it sends, and then does not."""

    def serve(self, exchange):
        exchange.answer(BODY, 'Connection: close', status=413)
        exchange.wait_end()

    def curl(self, curl):
        return curl(self.path, '--header', 'Expect: 100-continue', '--data-binary', curl.file(BODY))

    def raw(self, raw):
        return raw(self.send('POST', 'Expect: 100-continue', f'Content-Length: {len(BODY)}'))


class EarlyAnswer(Case):
    """While the client still sends, and goes on to."""

    def serve(self, exchange):
        exchange.read(len(BODY) // 2)
        exchange.answer(BODY)
        exchange.read()

    def raw(self, raw):
        half = len(BODY) // 2
        with raw.connection() as end:
            end.send(self.send('POST', f'Content-Length: {len(BODY)}') + BODY[:half])
            end.wait(len(BODY))
            end.send(BODY[half:])
            end.finish()
            end.wait_end()
            return bytes(end.received), end.end


class EarlyError(Case):
    """While the client still sends, which then gives up."""

    varies = ('bytes', 'digest', 'whole')

    def serve(self, exchange):
        exchange.read(len(BODY))
        exchange.answer(BODY, 'Connection: close', status=413)
        exchange.read()

    def curl(self, curl):
        seen = curl(self.path, '--header', 'Expect:', '--header', 'Transfer-Encoding: chunked', '--upload-file', '/dev/zero')
        return {**seen, 'error': ''}  # tells how much it has sent


class Fields(Case):
    """Order, duplicates, letters of either case, nothing, blanks, Latin-1, and a long one."""

    named = [('X-Twice', 'first'), ('x-between', 'b'), ('X-Twice', 'second'), ('x-TWICE', 'first'), ('x-empty', ''),
             ('x-latin', '\xe9\xff'), ('x-list', 'a, b,,c'), ('x-colon', ':a: b'), ('x-tab', 'a\tb'),
             ('x-long', 'v' * 60_000), ("x!#$%&'*+-.^_`|~1", 'token')]
    cookies = ('Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2', 'set-cookie: a=1; Path=/', 'X-Latin: \xe9', 'X-Empty:',
               'X-Blanks: \t a  b \t', 'X-Long: ' + 'v' * 60_000)

    def serve(self, exchange):
        exchange.read()
        exchange.answer(BODY, *self.cookies)

    def curl(self, curl):
        given = [f'{name}: {value}' if value else f'{name};' for name, value in self.named]
        return curl(self.path, *(part for line in given for part in (b'--header', line.encode('latin-1'))))

    def httpx(self, client):
        return client(self.path, headers=[(name.encode(), value.encode('latin-1')) for name, value in self.named])

    def raw(self, raw):
        return raw(self.send('GET', *(f'{name}:{value}  ' for name, value in self.named)))


class Gzip(Case):
    packed = ('request', 'answer')
    body = b'weights ' * 10_000

    def serve(self, exchange):
        exchange.read()
        exchange.answer(gzip.compress(self.body, mtime=0), 'Content-Encoding: gzip')

    def curl(self, curl):
        return curl(self.path, '--compressed', '--header', 'Content-Encoding: gzip', '--data-binary',
                    curl.file(gzip.compress(self.body, mtime=0)))

    def httpx(self, client):
        return client(self.path, 'POST', headers={'Content-Encoding': 'gzip'}, content=gzip.compress(self.body, mtime=0))


class GzipAnswer(Case):
    """The server's own choice, in chunks."""

    packed = ('answer',)

    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'Content-Encoding: gzip', 'Transfer-Encoding: chunked')
        body = gzip.compress(LARGE_PART, mtime=0)
        for at in range(0, len(body), 10_000):
            exchange.chunk(body[at:at + 10_000])
        exchange.last_chunk()

    def curl(self, curl):
        return curl(self.path, '--compressed')

    def httpx(self, client):
        return client(self.path)


class Many(Case):
    """One after the other on one connection."""

    requests = MANY

    def serve(self, exchange):
        exchange.read()
        exchange.answer(BODY[:int(exchange.seen['request'][1].split('?')[1]) % 100])

    def curl(self, curl):
        return curl.many(f'{self.path}?[1-{MANY}]', '--data-binary', 'sent')

    def httpx(self, client):
        with client.client() as session:
            return [len(session.post(f'{self.path}?{number}', content=BODY[:number % 70]).content) for number in range(MANY)]


class Crowd(Case):
    """All are connected before one is answered."""

    requests = CROWD
    together = threading.Barrier(CROWD)

    def serve(self, exchange):
        exchange.read()
        self.together.wait()
        exchange.answer(BODY)

    def curl(self, curl):
        return curl.many(f'{self.path}?[1-{CROWD}]', '--parallel', '--parallel-immediate', '--parallel-max', str(CROWD))

    def httpx(self, client):
        return client.at_once(self.path, CROWD)


class LargeUp(Case):
    def curl(self, curl):
        return curl(self.path, '--upload-file', curl.file(LARGE_PART * (LARGE // len(LARGE_PART)))[1:])

    def httpx(self, client):
        return client(self.path, 'POST', content=LARGE_PART * (LARGE // len(LARGE_PART)))


class LargeUpChunked(Case):
    def curl(self, curl):
        return curl(self.path, '--header', 'Transfer-Encoding: chunked', '--upload-file',
                    curl.file(LARGE_PART * (LARGE // len(LARGE_PART)))[1:])

    def httpx(self, client):
        return client(self.path, 'POST', content=(LARGE_PART for _ in range(LARGE // len(LARGE_PART))))


class LargeDown(Case):
    def serve(self, exchange):
        exchange.read()
        exchange.answer(LARGE_PART * (LARGE // len(LARGE_PART)))

    def curl(self, curl):
        return curl(self.path)

    def httpx(self, client):
        return client(self.path)


class LargeDownChunked(LargeDown):
    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'Transfer-Encoding: chunked')
        for _ in range(LARGE // len(LARGE_PART)):
            exchange.chunk(LARGE_PART)
        exchange.last_chunk()


class Trailers(Case):
    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'Transfer-Encoding: chunked', 'Trailer: x-sum, x-more')
        exchange.chunk(BODY)
        exchange.last_chunk('x-sum: 1', 'X-Sum: 2', 'x-more:')

    def curl(self, curl):
        return curl(self.path)

    def httpx(self, client):
        return client(self.path)

    def raw(self, raw):
        return raw(self.send('POST', 'TE: trailers', 'Transfer-Encoding: chunked') + b'3\r\nabc\r\n0\r\nx-b: 1\r\nX-A: 2\r\n'
                   b'x-b: 3\r\n\r\n')


class UpgradeIgnored(Case):
    """HTTP/2 is offered, and the answer is HTTP/1.1 all the same."""

    def curl(self, curl):
        return curl(self.path, '--http2', '--data-binary', curl.file(BODY))


class Pipelined(Case):
    """All requests before the first answer, of all shapes."""

    requests = 300

    def raw(self, raw):
        get, head = self.send('GET'), self.send('HEAD')
        post = self.send('POST', f'Content-Length: {len(BODY)}') + BODY
        chunked = self.send('POST', 'Transfer-Encoding: chunked') + b'3\r\nabc\r\n0\r\n\r\n'
        return raw((get + post + head + b'\r\n' + chunked + get + head) * (self.requests // 6))


class KeptAlive(Case):
    """One request after the other's answer, in pieces; the last one ends the connection."""

    requests = 5

    def serve(self, exchange):
        exchange.read()
        exchange.answer(BODY)
        if ['Connection', 'close'] in exchange.seen['headers']:
            exchange.close()

    def raw(self, raw):
        said = [self.send('GET'), self.send('HEAD'), self.send('POST', 'Content-Length: 3') + b'abc', self.send('GET'),
                self.send('GET', 'Connection: close')]
        with raw.connection() as end:
            for request in said:
                before = len(end.received)
                for byte in request:
                    end.send(bytes([byte]))
                end.wait_for(lambda: b'\r\n\r\n' in end.received[before:])
                if not request.startswith(b'HEAD'):
                    end.wait(end.received.index(b'\r\n\r\n', before) + 4 + len(BODY))
            end.wait_end()
            return bytes(end.received), end.end


class Cancelled(Case):
    """The client has had enough of an answer."""

    is_cut = True

    def serve(self, exchange):
        exchange.read()
        exchange.head(200, f'Content-Length: {SHAPE}')
        exchange.content(BODY)
        exchange.wait_end()

    def httpx(self, client):
        with client.client() as session, session.stream('GET', self.path) as response:
            return response.status_code, response.headers.raw, next(response.iter_raw(len(BODY)))

    def raw(self, raw):
        with raw.connection() as end:
            end.send(self.send('GET'))
            end.wait_for(lambda: end.received.endswith(BODY))
            end.reset()
            return bytes(end.received)


class CutShort(Case):
    """The server ends in the middle of its answer."""

    is_cut = True

    def serve(self, exchange):
        exchange.read()
        exchange.head(200, f'Content-Length: {SHAPE}')
        exchange.content(BODY)
        exchange.close()

    def curl(self, curl):
        return curl(self.path)

    def httpx(self, client):
        try:
            return client(self.path)
        except httpx.HTTPError as error:
            return repr(error)

    def raw(self, raw):
        return raw(self.send('GET'))


class Reset(Case):
    """The server resets in the middle of its answer, once the client has what came before."""

    is_cut = True
    arrived = threading.Event()

    def serve(self, exchange):
        exchange.read()
        exchange.head(200, 'Transfer-Encoding: chunked')
        exchange.chunk(BODY)
        assert self.arrived.wait()
        self.arrived.clear()
        exchange.reset()

    def httpx(self, client):
        with client.client() as session, session.stream('GET', self.path) as response:
            parts = response.iter_raw(len(BODY))
            seen = [response.status_code, response.headers.raw, next(parts)]
            self.arrived.set()
            try:
                next(parts)
            except httpx.HTTPError as error:
                return [*seen, repr(error)]

    def raw(self, raw):
        with raw.connection() as end:
            end.send(self.send('GET'))
            end.wait_for(lambda: end.received.endswith(BODY + b'\r\n'))
            self.arrived.set()
            end.wait_end()
            return bytes(end.received), end.end
