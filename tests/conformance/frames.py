"""Bytes of HTTP/2 (RFC 9113), HPACK (RFC 7541), HTTP/1.1 and WebSocket (RFC 6455), made by hand: also those that no
library would make."""

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK = END_STREAM = 1
END_HEADERS = 4
CANCEL = 8
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4  # of SETTINGS


def frame(kind, flags=0, stream=0, payload=b''):
    return len(payload).to_bytes(3, 'big') + bytes([kind, flags]) + stream.to_bytes(4, 'big') + payload


def settings(pairs=()):
    return frame(SETTINGS, payload=b''.join(key.to_bytes(2, 'big') + value.to_bytes(4, 'big') for key, value in pairs))


def settings_ack():
    return frame(SETTINGS, ACK)


def begin(pairs=()):
    """What an HTTP/2 client says first."""
    return PREFACE + settings(pairs) + settings_ack()


def integer(value, bits, flags):
    """HPACK's integer with a prefix of so many bits."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([flags | value])
    out, value = [flags | most], value - most
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + [value])


def text(value):
    return integer(len(value), 7, 0) + value


def literal(name, value):
    """Not put into the table."""
    return b'\0' + text(name) + text(value)


def indexed_literal(name, value):
    """Put into the table."""
    return b'\x40' + text(name) + text(value)


def table_size(size):
    return integer(size, 5, 0x20)


def request(path, *more, content_type=b'application/grpc'):
    return b''.join(literal(*pair) for pair in ((b':method', b'POST'), (b':scheme', b'http'), (b':path', path.encode()),
                                                (b':authority', b'x'), (b'content-type', content_type), *more))


def headers(stream, block, flags=END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def continuations(stream, block, size=16_384):
    """A block that does not end with its HEADERS: in frames of so many bytes."""
    pieces = [block[at:at + size] for at in range(0, len(block), size)]
    frames = [frame(CONTINUATION, 0, stream, piece) for piece in pieces[1:-1]]
    return headers(stream, pieces[0], 0) + b''.join(frames) + frame(CONTINUATION, END_HEADERS, stream, pieces[-1])


def message(body):
    """gRPC's."""
    return b'\0' + len(body).to_bytes(4, 'big') + body


def answer(stream, body):
    """A whole answer of gRPC with one message."""
    return (headers(stream, literal(b':status', b'200') + literal(b'content-type', b'application/grpc')) +
            frame(DATA, 0, stream, message(body)) +
            headers(stream, literal(b'grpc-status', b'0'), END_HEADERS | END_STREAM))


def chunk(data):
    return b'%x\r\n%b\r\n' % (len(data), data)


def websocket_frame(opcode, length, payload=b'', mask=None, final=True):
    """`length` may promise more than the payload has."""
    head = bytes([opcode | 0x80 * final])
    masked = 0x80 * (mask is not None)
    if length < 126:
        head += bytes([masked | length])
    elif length < 1 << 16:
        head += bytes([masked | 126]) + length.to_bytes(2, 'big')
    else:
        head += bytes([masked | 127]) + length.to_bytes(8, 'big')
    if mask is None:
        return head + payload
    key = (mask * (len(payload) // 4 + 1))[:len(payload)]
    hidden = int.from_bytes(payload, 'big') ^ int.from_bytes(key, 'big')
    return head + mask + hidden.to_bytes(len(payload), 'big')


WEBSOCKET_REQUEST = (b'GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                     b'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n')
WEBSOCKET_ANSWER = (b'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                    b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n')
