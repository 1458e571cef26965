"""What crosses between Flower's programs, call by call, over gRPC or HTTP/1.1."""
import re
import time
from collections import namedtuple

import hpack

from relay import Relay

Call = namedtuple('Call', 'node path asked request answered answer')  # times in seconds, and bare messages


class Recorder(Relay):
    """Of one node. Keeps what passes: by connection, in order, (time, is_client, bytes)."""

    def __init__(self, node, upstream):
        self.node, self.connections = node, {}
        super().__init__(upstream)

    def opened(self, downstream, _):
        self.connections[downstream] = []

    def passes(self, downstream, is_client, data):
        self.connections[downstream].append((time.monotonic(), is_client, data))

    def calls(self):
        for passed in list(self.connections.values()):
            sent = b''.join(data for _, is_client, data in passed if is_client)
            yield from (grpc_calls if sent.startswith(b'PRI *') else http_calls)(self.node, passed)


def with_times(passed, is_client):
    """All bytes of one direction, and a function that says when those up to an offset had passed."""
    pieces = [(when, data) for when, client, data in passed if client == is_client]
    ends, total = [], 0
    for when, data in pieces:
        total += len(data)
        ends.append((total, when))
    return b''.join(data for _, data in pieces), lambda offset: next(when for end, when in ends if end >= offset)


def http_messages(passed, is_client):
    """(start line, body, when it was there)."""
    sent, when = with_times(passed, is_client)
    at = 0
    while (head_end := sent.find(b'\r\n\r\n', at)) >= 0:
        head = sent[at:head_end].decode('latin-1')
        length = int((re.search(r'(?im)^content-length: *(\d+)', head) or [0, 0])[1])
        at = head_end + 4 + length
        if at > len(sent):
            return
        yield head.split('\r\n', 1)[0], sent[at - length:at], when(at)


def http_calls(node, passed):
    for (request, asked, asked_at), (answer, answered, answered_at) in zip(http_messages(passed, True),
                                                                          http_messages(passed, False)):
        assert answer.split()[1] == '200', (request, answer)
        yield Call(node, request.split()[1], asked_at, asked, answered_at, answered)


def grpc_messages(passed, is_client):
    """By stream: [path, content with its prefix, when it was there]."""
    sent, when = with_times(passed, is_client)
    at = len(b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') if is_client else 0
    decoder, streams = hpack.Decoder(), {}
    decoder.max_allowed_table_size = 1 << 20
    while at + 9 <= len(sent):
        size, kind, flags, stream = int.from_bytes(sent[at:at + 3], 'big'), sent[at + 3], sent[at + 4], sent[at + 5:at + 9]
        payload, at = sent[at + 9:at + 9 + size], at + 9 + size
        if kind > 1 or at > len(sent):
            continue  # neither DATA nor HEADERS
        if flags & 8:
            payload = payload[1:len(payload) - payload[0]]
        entry = streams.setdefault(stream, ['', b'', None])
        if kind == 0:
            entry[1] += payload
            entry[2] = when(at)
        else:
            assert flags & 4, 'a header block in several frames'
            fields = dict(decoder.decode(payload[5:] if flags & 32 else payload, raw=True))
            entry[0] = fields.get(b':path', entry[0] and entry[0].encode()).decode() if is_client else ''
    return streams


def grpc_calls(node, passed):
    answers = grpc_messages(passed, False)
    for stream, (path, request, asked_at) in grpc_messages(passed, True).items():
        _, answer, answered_at = answers.get(stream, ('', b'', None))
        if answered_at is not None:
            yield Call(node, path, asked_at, request[5:], answered_at, answer[5:])
