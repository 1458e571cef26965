"""The messages that peers exchange, and what a peer counts of them: as in payload.h."""
import base64
import hashlib

PATTERN = bytes(range(251))


def payload(index, size):
    head = index.to_bytes(8, 'big')[8 - min(size, 8):]
    return head + (PATTERN * (size // 251 + 1))[len(head):size]


def outbox(groups):
    """The messages of [[count, size], ...]."""
    index = 0
    for count, size in groups:
        for _ in range(count):
            yield payload(index, size)
            index += 1


class Tally:
    def __init__(self):
        self.messages = self.bytes = 0
        self.hash = hashlib.sha256()

    def add(self, message):
        self.hash.update(len(message).to_bytes(8, 'big'))
        self.hash.update(message)
        self.messages += 1
        self.bytes += len(message)

    def json(self):
        return {'messages': self.messages, 'bytes': self.bytes, 'digest': self.hash.hexdigest()}


def value_to_json(key, value):
    return base64.b64encode(value).decode().rstrip('=') if key.endswith('-bin') else value


def value_from_json(key, value):
    return base64.b64decode(value + '=' * (-len(value) % 4)) if key.endswith('-bin') else value
