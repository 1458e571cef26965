"""What a hostile client, or a hostile server, does to a connection. Each attack is a script for both ends, run with and
without the proxy between them. After the script both ends finish."""
import random
from dataclasses import dataclass, field
from typing import Callable

MANY = 50_000
ABOVE_LIMIT = 'above the limit'


@dataclass
class Attack:
    script: Callable
    lost: str = None  # part of the detail of the one Gap; None: all was decoded
    lost_facts: int = None  # what that Gap counts
    calls: dict = field(default_factory=dict)  # by method, how many were seen
    messages: int = None  # that the client was seen to send, in all calls
    encoded: int = None  # bytes of them, also of those that are not whole
    limits: str = ''  # TOML below [listener.limits]

    @property
    def name(self):
        return self.script.__name__


class Attacks(list):
    """Of one kind. Decorates their scripts."""

    def __call__(self, lost=None, **expected):
        def add(script):
            self.append(Attack(script, lost, **expected))
            return script
        return add


def talk(client, server, said, answered=b''):
    """All at once, and each heard by the other before it goes on."""
    before_server, before_client = len(server.received), len(client.received)
    client.send(said)
    server.wait(before_server + len(said))
    server.send(answered)
    client.wait(before_client + len(answered))


def noise(seed, size=300_000):
    return random.Random(seed).randbytes(size)
