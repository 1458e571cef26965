"""Against the decoder of HTTP/2."""
import random

import frames
from frames import CONTINUATION, DATA, END_HEADERS, END_STREAM, PING, PRIORITY, PUSH_PROMISE, RST_STREAM, WINDOW_UPDATE, \
    begin, frame, headers, literal, request

from attacks import ABOVE_LIMIT, MANY, Attacks, talk

BROKEN_BLOCK = 'header block that cannot be decoded'
TOO_MANY_STREAMS = 'more open streams than the limit'

attack = Attacks()


# ---- Header blocks

def block_of(size, path='/hostile.Bomb/Call'):
    """A request's header block of exactly so many bytes."""
    rest = size - len(request(path))
    overhead = len(literal(b'x', b'v' * rest)) - rest
    block = request(path) + literal(b'x', b'v' * (rest - overhead))
    return block + literal(b'', b'')[:size - len(block)]  # an empty field is 3 bytes


@attack(ABOVE_LIMIT)
def header_bomb(client, server):
    field_of_1_kb = literal(b'x-padding', b'v' * 1000)
    talk(client, server, begin() + frames.continuations(1, request('/hostile.Bomb/Call') + field_of_1_kb * 16_000))


@attack(BROKEN_BLOCK)
def header_field_of_a_megabyte(client, server):
    talk(client, server, begin() + frames.continuations(1, request('/hostile.Bomb/Call', (b'x', b'v' * 200_000))))


@attack(ABOVE_LIMIT)
def header_bomb_of_the_server(client, server):
    talk(client, server, begin() + headers(1, request('/hostile.Bomb/Call'), END_HEADERS | END_STREAM),
         frames.settings() + frames.continuations(1, literal(b':status', b'200') + literal(b'x', b'v' * 1000) * 4_000))


@attack(calls={'/hostile.Bomb/Call': 1}, limits='header_block = 1024')
def header_block_at_the_limit(client, server):
    talk(client, server, begin() + headers(1, block_of(1024), END_HEADERS | END_STREAM), frames.settings())


@attack(ABOVE_LIMIT, limits='header_block = 1024')
def header_block_past_the_limit(client, server):
    talk(client, server, begin() + headers(1, block_of(1025), END_HEADERS | END_STREAM), frames.settings())


@attack(calls={'/hostile.Bomb/Call': 51})
def hpack_bomb(client, server):
    """200,000 references of one byte to a field of 4 KB: 800 MB of fields, fifty times."""
    big = frames.indexed_literal(b'x', b'v' * 4000)
    bomb = request('/hostile.Bomb/Call') + b'\xbe' * 200_000
    client.send(begin() + headers(1, request('/hostile.Bomb/Call') + big, END_HEADERS | END_STREAM))
    for stream in range(3, 103, 2):
        client.send(frames.continuations(stream, bomb) + frame(RST_STREAM, 0, stream, bytes(4)))


@attack(ABOVE_LIMIT)
def hpack_bomb_of_a_field_that_is_read(client, server):
    big = frames.indexed_literal(b'grpc-encoding', b'v' * 4000)
    talk(client, server, begin() + frames.continuations(1, request('/hostile.Bomb/Call') + big + b'\xbe' * 200_000))


@attack(calls={'/hostile.Bomb/Call': 51})
def hpack_bomb_of_the_server(client, server):
    big = frames.indexed_literal(b'x', b'v' * 4000)
    streams = range(1, 103, 2)
    talk(client, server, begin() + b''.join(headers(stream, request('/hostile.Bomb/Call')) for stream in streams),
         frames.settings() + headers(1, literal(b':status', b'200') + big) +
         b''.join(frames.continuations(stream, literal(b':status', b'200') + b'\xbe' * 200_000) for stream in streams[1:]))


def table_of(size):
    return headers(1, frames.table_size(size) + request('/hostile.Table/Call'), END_HEADERS | END_STREAM)


@attack(calls={'/hostile.Table/Call': 1}, limits='header_table = 8192')
def header_table_at_the_limit(client, server):
    talk(client, server, begin() + table_of(8192), frames.settings([(frames.HEADER_TABLE_SIZE, 1 << 30)]))


@attack(BROKEN_BLOCK, limits='header_table = 8192')
def header_table_past_the_limit(client, server):
    talk(client, server, begin() + table_of(8193), frames.settings([(frames.HEADER_TABLE_SIZE, 1 << 30)]))


@attack(calls={'/hostile.Table/Call': 21})
def header_table_filled(client, server):
    """The greatest table that is followed, full of the smallest entries."""
    client.send(begin() + table_of(1 << 20))
    fields = b''.join(frames.indexed_literal(b'%d' % n, b'') for n in range(2_000))
    for stream in range(3, 43, 2):
        client.send(frames.continuations(stream, request('/hostile.Table/Call') + fields))
        client.send(frame(RST_STREAM, 0, stream, bytes(4)))


# ---- Floods

@attack(calls={'/hostile.Reset/Call': MANY})
def rapid_reset(client, server):
    block = request('/hostile.Reset/Call')
    for begun in range(1, 2 * MANY, 2_000):
        client.send(begin() * (begun == 1) + b''.join(
            headers(stream, block) + frame(RST_STREAM, 0, stream, frames.CANCEL.to_bytes(4, 'big'))
            for stream in range(begun, begun + 2_000, 2)))


@attack(calls={'/hostile.Reset/Call': MANY})
def rapid_reset_by_the_server(client, server):
    block = request('/hostile.Reset/Call')
    for begun in range(1, 2 * MANY, 2_000):
        streams = range(begun, begun + 2_000, 2)
        talk(client, server, begin() * (begun == 1) + b''.join(headers(stream, block) for stream in streams),
             frames.settings() * (begun == 1) + b''.join(frame(RST_STREAM, 0, stream, bytes(4)) for stream in streams))


@attack()
def continuation_flood(client, server):
    """Empty ones: the block never ends, and never grows."""
    talk(client, server, begin() + headers(1, request('/hostile.Flood/Call'), 0) + frame(CONTINUATION, 0, 1) * MANY)


@attack(ABOVE_LIMIT)
def continuation_flood_of_bytes(client, server):
    block = literal(b'x', b'')
    talk(client, server, begin() + headers(1, request('/hostile.Flood/Call'), 0) +
         b''.join(frame(CONTINUATION, 0, 1, block[at:at + 1]) for at in range(len(block))) * MANY * 2)


@attack()
def settings_flood(client, server):
    talk(client, server, begin() + frames.settings([(frames.INITIAL_WINDOW_SIZE, 1)]) * MANY,
         frames.settings() + frames.settings_ack() * MANY)


@attack()
def ping_flood(client, server):
    talk(client, server, begin() + frame(PING, payload=bytes(8)) * MANY,
         frames.settings() + frame(PING, frames.ACK, payload=bytes(8)) * MANY)


@attack()
def priority_flood(client, server):
    talk(client, server, begin() + b''.join(frame(PRIORITY, 0, 2 * n + 1, bytes(5)) for n in range(MANY)),
         frames.settings())


@attack(calls={'/hostile.Flood/Call': 1}, messages=0)
def empty_data_flood(client, server):
    talk(client, server, begin() + headers(1, request('/hostile.Flood/Call')) + frame(DATA, 0, 1) * MANY +
         frame(DATA, END_STREAM, 1), frames.settings() + frame(RST_STREAM, 0, 1, bytes(4)))


@attack(calls={'/hostile.Flood/Call': 1}, messages=0)
def padding_flood(client, server):
    talk(client, server, begin() + headers(1, request('/hostile.Flood/Call')) +
         frame(DATA, 8, 1, b'\xff' + bytes(255)) * MANY + frame(RST_STREAM, 0, 1, bytes(4)), frames.settings())


@attack()
def push_promise_flood(client, server):
    promise = b''.join(frame(PUSH_PROMISE, END_HEADERS, 1, stream.to_bytes(4, 'big') + request('/hostile.Push/Call'))
                       for stream in range(2, MANY, 2))
    talk(client, server, begin(), frames.settings() + promise)


@attack(calls={'/hostile.Windows/Call': 1}, messages=5_000)
def windows_of_zero_and_one(client, server):
    """Neither end lets the other send more than a byte at a time."""
    tiny = frames.settings([(frames.INITIAL_WINDOW_SIZE, 0)])
    client.send(begin() + tiny + headers(1, request('/hostile.Windows/Call')))
    server.send(tiny + frame(WINDOW_UPDATE, 0, 0, bytes(4)))
    message = frames.message(b'')
    client.send(b''.join(frame(DATA, 0, 1, message[at:at + 1]) for at in range(len(message))) * 5_000 +
                frame(DATA, END_STREAM, 1))
    server.send(frame(WINDOW_UPDATE, 0, 1, bytes([0, 0, 0, 1])) * MANY + frames.answer(1, b'done'))


# ---- Streams and messages

def opened(count):
    return begin() + b''.join(headers(2 * n + 1, request('/hostile.Streams/Call')) for n in range(count))


@attack(calls={'/hostile.Streams/Call': 2048})
def streams_at_the_limit(client, server):
    talk(client, server, opened(2048), frames.settings())


@attack(TOO_MANY_STREAMS, calls={'/hostile.Streams/Call': 2049}, lost_facts=1)
def streams_past_the_limit(client, server):
    talk(client, server, opened(2049), frames.settings())


@attack(calls={'/hostile.Streams/Call': 10}, limits='streams = 10')
def streams_at_a_limit_that_is_set(client, server):
    talk(client, server, opened(10), frames.settings())


@attack(TOO_MANY_STREAMS, calls={'/hostile.Streams/Call': MANY}, limits='streams = 10', lost_facts=MANY - 10)
def streams_far_past_the_limit(client, server):
    talk(client, server, opened(MANY), frames.settings())


@attack(calls={'/hostile.Length/Call': 1}, messages=0, encoded=1005)
def message_that_never_comes(client, server):
    """A prefix that promises 2 GiB - 1."""
    talk(client, server, begin() + headers(1, request('/hostile.Length/Call')) +
         frame(DATA, 0, 1, b'\0\x7f\xff\xff\xff' + bytes(1000)), frames.settings())


@attack(calls={'/hostile.Length/Call': 1}, messages=0, encoded=100 * 16_005)
def message_longer_than_any(client, server):
    talk(client, server, begin() + headers(1, request('/hostile.Length/Call')) +
         frame(DATA, 0, 1, b'\0\xff\xff\xff\xff' + bytes(16_000)) * 100, frames.settings())


@attack('message with unknown flags', lost_facts=1, calls={'/hostile.Flags/Call': 1})
def message_with_unknown_flags(client, server):
    talk(client, server, begin() + headers(1, request('/hostile.Flags/Call')) +
         frame(DATA, 0, 1, b'\x07' + bytes(16_000)) * 100, frames.settings())


@attack('without one')
def frame_of_sixteen_megabytes(client, server):
    """On a stream where there is none, and it never comes."""
    talk(client, server, begin() + b'\xff\xff\xff' + bytes([DATA, 0, 0, 0, 0, 0]) + bytes(1000))


# ---- Noise

@attack('HTTP/2')
def frames_of_noise(client, server):
    """The header is whole, and what it says is random."""
    dice = random.Random(3)
    talk(client, server, begin() + b''.join(frame(dice.randrange(12), dice.randrange(256), dice.randrange(1 << 31),
                                                  dice.randbytes(dice.randrange(100))) for _ in range(1000)),
         frames.settings())


@attack()
def frame_of_an_unknown_kind_that_never_ends(client, server):
    talk(client, server, begin() + b'\xff\xff\xff' + bytes([200, 0, 0, 0, 0, 1]) + bytes(100_000), frames.settings())
