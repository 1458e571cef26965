"""Against the decoder of WebSocket."""
import frames

from attacks import MANY, Attacks, noise, talk

attack = Attacks()


def hostile(name, said, lost=None, **expected):
    def script(client, server):
        talk(client, server, frames.WEBSOCKET_REQUEST, frames.WEBSOCKET_ANSWER)
        talk(client, server, said)
    script.__name__ = name
    attack(lost, calls={'/socket': 1}, **expected)(script)


MASK = b'mask'
hostile('length_of_63_bits', frames.websocket_frame(2, (1 << 63) - 1, bytes(100_000), MASK), messages=0)
hostile('length_of_64_bits', frames.websocket_frame(2, 1 << 63, bytes(100_000), MASK), 'WebSocket frame')
hostile('noise_after_an_upgrade', b'\xff' + noise(11), 'WebSocket frame')
hostile('fragments_without_end', frames.websocket_frame(2, 0, mask=MASK, final=False) +
          frames.websocket_frame(0, 1, b'v', MASK, final=False) * MANY, messages=0)
hostile('ping_flood', frames.websocket_frame(9, 100, bytes(100), MASK) * MANY, messages=0)
hostile('empty_message_flood', frames.websocket_frame(1, 0, mask=MASK) * MANY, messages=MANY)
