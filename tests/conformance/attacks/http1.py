"""Against the decoder of HTTP/1.1."""
import frames

from attacks import ABOVE_LIMIT, MANY, Attacks, noise, talk

attack = Attacks()


POST = b'POST /hostile HTTP/1.1\r\nHost: x\r\n'
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'


@attack(ABOVE_LIMIT)
def header_bomb_of_http1(client, server):
    talk(client, server, POST + b''.join(b'x-%d: %b\r\n' % (n, b'v' * 1000) for n in range(16_000)) + b'\r\n', OK)


@attack(ABOVE_LIMIT)
def header_line_without_end(client, server):
    talk(client, server, POST + b'x: ' + b'v' * 16_000_000)


@attack(ABOVE_LIMIT)
def request_line_without_end(client, server):
    talk(client, server, b'GET /' + b'v' * 16_000_000)


@attack(ABOVE_LIMIT)
def header_bomb_of_an_http1_server(client, server):
    talk(client, server, b'GET /hostile HTTP/1.1\r\nHost: x\r\n\r\n', b'HTTP/1.1 200 OK\r\n' + b'x: v\r\n' * 1_000_000)


@attack(calls={'/hostile': 1}, messages=0)
def chunks_without_end(client, server):
    talk(client, server, POST + b'Transfer-Encoding: chunked\r\n\r\n' + frames.chunk(b'v') * MANY)


@attack(calls={'/hostile': 1}, messages=0)
def chunk_that_never_comes(client, server):
    talk(client, server, POST + b'Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n' + bytes(1000))


@attack(calls={'/hostile': 1}, messages=0)
def chunk_extension_without_end(client, server):
    talk(client, server, POST + b'Transfer-Encoding: chunked\r\n\r\n1;' + b'v' * 16_000_000)


@attack(ABOVE_LIMIT)
def trailers_without_end(client, server):
    talk(client, server, POST + b'Transfer-Encoding: chunked\r\n\r\n0\r\n' + b'x: v\r\n' * 1_000_000)


@attack(calls={'/hostile': 1}, messages=0)
def body_that_never_comes(client, server):
    talk(client, server, POST + b'Content-Length: 9223372036854775807\r\n\r\n' + bytes(1000))


@attack(calls={'/hostile': 1}, messages=1)
def empty_line_flood(client, server):
    talk(client, server, b'\r\n' * 1_000_000 + POST + b'Content-Length: 0\r\n\r\n', OK)


@attack('without an answer')
def pipeline_without_answers(client, server):
    talk(client, server, b'GET /hostile HTTP/1.1\r\nHost: x\r\n\r\n' * MANY)


@attack(calls={'/hostile': 1})
def informational_flood(client, server):
    talk(client, server, POST + b'Content-Length: 0\r\n\r\n', b'HTTP/1.1 100 Continue\r\n\r\n' * MANY + OK)


@attack('without a request')
def answers_to_nothing(client, server):
    talk(client, server, POST + b'Content-Length: 0\r\n\r\n', OK * MANY)


def smuggling(name, lost, said):
    """What one reader takes for one request, and another for two."""
    def script(client, server):
        talk(client, server, said, OK + OK)
    script.__name__ = f'smuggling_{name}'
    attack(lost)(script)


HIDDEN = b'0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n'
LENGTH = b'Content-Length: %d\r\n' % len(HIDDEN)
CHUNKED = b'Transfer-Encoding: chunked\r\n'
CODING, FORM, LINE, CHUNKS = 'transfer-encoding', 'malformed', 'a line of', 'broken chunks'
for shape, why, fields in (
        ('length_and_chunked', FORM, LENGTH + CHUNKED),
        ('chunked_and_length', FORM, CHUNKED + LENGTH),
        ('two_lengths', FORM, LENGTH + b'Content-Length: 0\r\n'),
        ('list_of_lengths', FORM, b'Content-Length: 0, %d\r\n' % len(HIDDEN)),
        ('signed_length', FORM, b'Content-Length: +%d\r\n' % len(HIDDEN)),
        ('blank_before_colon', FORM, b'Transfer-Encoding : chunked\r\n'),
        ('unknown_coding', CODING, b'Transfer-Encoding: xchunked\r\n'),
        ('chunked_not_last', CODING, b'Transfer-Encoding: chunked, identity\r\n'),
        ('two_codings', FORM, CHUNKED + b'Transfer-Encoding: identity\r\n'),
        ('chunked_twice', CODING, b'Transfer-Encoding: chunked, chunked\r\n'),
        ('folded_line', LINE, b'Transfer-Encoding:\r\n chunked\r\n'),
        ('bare_line_feed', LINE, b'Transfer-Encoding: chunked\n' + LENGTH),
        ('bare_carriage_return', FORM, b'x: y\rTransfer-Encoding: chunked\r\n' + LENGTH),
        ('zero_byte', FORM, b'Transfer-Encoding: chunked\0\r\n' + LENGTH)):
    smuggling(shape, why, POST + fields + b'\r\n' + HIDDEN)
smuggling('chunked_in_http_1_0', CODING, b'POST /hostile HTTP/1.0\r\n' + CHUNKED + b'\r\n' + HIDDEN)
for shape, size in (('chunk_size_overflow', b'10000000000000005'), ('chunk_size_of_all_bits', b'ffffffffffffffff0'),
                    ('signed_chunk_size', b'+5'), ('prefixed_chunk_size', b'0x5'), ('no_chunk_size', b''),
                    ('chunk_size_and_bare_line_feed', b'5;\n')):
    smuggling(shape, CHUNKS, POST + CHUNKED + b'\r\n' + size + b'\r\nhello\r\n' + HIDDEN)


@attack('HTTP/1.1 header section')
def noise_after_a_request_line(client, server):
    talk(client, server, b'GET / HTTP/1.1\r\n' + noise(5), noise(6))
