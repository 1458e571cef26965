"""WebSockets: what each end does. A case is named by its path."""
import random

MANY = 10_000
LARGE = random.Random(1).randbytes(1 << 20) * 64
CASES = {}
CANCELLED, UNKNOWN = 1, 2


class Case:
    """`serve` and `call` get a peer each, and the connection is closed after them unless they closed it."""

    subprotocols = None  # that the client offers
    is_packed = False  # permessage-deflate
    status = 0

    def __init_subclass__(cls):
        cls.path = '/' + cls.__name__
        CASES[cls.path] = cls()

    async def serve(self, peer):
        """Echo."""
        while await peer.hear():
            await peer.say(peer.last)

    async def call(self, peer):
        raise NotImplementedError


class Nothing(Case):
    async def call(self, peer):
        await peer.ws.close()


class Words(Case):
    async def call(self, peer):
        for message in ('text', b'bytes', '', b'', 'nul\0 \u00e9 \U0001f600', b'\xff\xfe', 'x' * 125, 'x' * 126, b'x' * 65_535,
                        b'x' * 65_536):
            await peer.say(message)
            await peer.hear()


class Up(Case):
    async def serve(self, peer):
        await peer.hear_all()

    async def call(self, peer):
        await peer.say('one way')


class Down(Case):
    async def serve(self, peer):
        await peer.say(b'the other way')

    async def call(self, peer):
        await peer.hear_all()


class Many(Case):
    async def serve(self, peer):
        for _ in range(MANY):
            await peer.hear()
        for number in range(MANY):
            await peer.say(b'v' * (number % 300))

    async def call(self, peer):
        for number in range(MANY):
            await peer.say('v' * (number % 200))
        await peer.hear_all()


class Large(Case):
    async def call(self, peer):
        await peer.say(LARGE)
        await peer.hear()


class Fragments(Case):
    async def serve(self, peer):
        while await peer.hear():
            await peer.say([b'', b'an', b'', b'swer', b''])

    async def call(self, peer):
        for message in ([b'a', b'', b'bc'], ['\u00e9', 'x' * 70_000, ''], [b'', b''], [b'v'] * 1_000):
            await peer.say(message)
            await peer.hear()


class Pings(Case):
    """Of both ends, among messages and before the first."""

    async def serve(self, peer):
        for _ in range(100):
            await (await peer.ws.ping(b'down'))
            await peer.hear()
            await peer.say(peer.last)
        await peer.hear()

    async def call(self, peer):
        for number in range(100):
            await (await peer.ws.ping(b'v' * number))
            await peer.say('between pings')
            await peer.hear()


class Subprotocols(Case):
    subprotocols = ['fl.v1', 'fl.v2']

    async def call(self, peer):
        await peer.say('hello')
        await peer.hear()


class Deflated(Case):
    is_packed = True

    async def call(self, peer):
        for message in ('weights ' * 10_000, random.Random(2).randbytes(10_000), '', 'weights ' * 10_000,
                        [b'in ', b'pieces ' * 1_000, b'']):
            await peer.say(message)
            await peer.hear()


class DeflatedMany(Many):
    is_packed = True


class Dropped(Case):
    """By the client, without a close frame."""

    status = CANCELLED

    async def call(self, peer):
        await peer.say('and then')
        await peer.hear()
        peer.ws.transport.close()


class DroppedByServer(Case):
    status = CANCELLED

    async def serve(self, peer):
        await peer.hear()
        await peer.say(b'no more')
        peer.ws.transport.close()

    async def call(self, peer):
        await peer.say('hello')
        await peer.hear_all()


def closing(end, code, reason, expected):
    """A case in which that end closes with the code."""
    async def closes(_, peer):
        await peer.say('first')
        await peer.hear()
        await peer.ws.close(code, reason)

    async def hears(_, peer):
        await peer.say('second')
        await peer.hear_all()

    acts = {'serve': hears, 'call': closes} if end == 'Client' else {'serve': closes, 'call': hears}
    type(f'{end}Closes{code}', (Case,), {**acts, 'status': expected})


for side in ('Client', 'Server'):
    for number, why, is_status in ((1000, '', 0), (1001, 'going away', 0), (1011, 'r' * 123, UNKNOWN), (4999, '', UNKNOWN)):
        closing(side, number, why, is_status)
