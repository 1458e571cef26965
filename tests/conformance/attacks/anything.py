"""Bytes of no protocol, and at no decent pace."""
import select
import socket
import threading

import frames
from frames import DATA, END_STREAM, begin, frame, headers, request
from processes import wait_for

from attacks import Attacks, noise, talk

NOT_RECOGNISED = 'not recognised'

attack = Attacks()


# ---- No protocol

@attack(NOT_RECOGNISED)
def random_bytes(client, server):
    talk(client, server, b'\0' + noise(1), noise(2))


@attack()
def tls_garbage(client, server):
    """What looks like TLS passes sealed."""
    talk(client, server, b'\x16\x03\x01\x02\x00' + noise(7), noise(8))


@attack(NOT_RECOGNISED)
def server_that_speaks_alone(client, server):
    """More than is kept until the client's side is recognised."""
    said = noise(9, 1_000_000)
    server.send(said)
    client.wait(len(said))


# ---- Pace

WHOLE_CALL = (begin() + headers(1, request('/hostile.Slow/Call')) + frame(DATA, END_STREAM, 1, frames.message(b'v' * 500)))


@attack(calls={'/hostile.Slow/Call': 1}, messages=1)
def slow_writes(client, server):
    for at in range(len(WHOLE_CALL)):
        talk(client, server, WHOLE_CALL[at:at + 1])
    answered = frames.settings() + frames.answer(1, b'v' * 500)
    for at in range(len(answered)):
        server.send(answered[at:at + 1])
        client.wait(at + 1)


@attack(calls={'/hostile': 1}, messages=1)
def slow_writes_of_http1(client, server):
    for said in b'POST /hostile HTTP/1.1\r\nContent-Length: 9\r\n\r\n123456789':
        talk(client, server, bytes([said]))
    answer = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n'
    for at in range(len(answer)):
        server.send(answer[at:at + 1])
        client.wait(at + 1)


@attack(calls={'/hostile': 1}, messages=1, encoded=20_000)
def slow_reads(client, server):
    """A byte at a time, out of the smallest of buffers."""
    for end in (client, server):
        end.piece = 1
        end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    length = b'Content-Length: 20000\r\n\r\n' + noise(12, 20_000)
    talk(client, server, b'POST /hostile HTTP/1.1\r\n' + length, b'HTTP/1.1 200 OK\r\n' + length)


def stall(reader, writer):
    """The reader takes nothing until nothing more fits in between; 32 MB."""
    sent = noise(10, 1 << 20) * 32
    reader.may_read.clear()
    sending = threading.Thread(target=writer.send, args=(sent,))
    sending.start()
    wait_for(lambda: not select.select([], [writer.sock], [], 0)[1], 'a full connection')
    reader.may_read.set()
    sending.join()


@attack(calls={'/hostile': 1})
def client_that_does_not_read(client, server):
    talk(client, server, b'POST /hostile HTTP/1.1\r\nContent-Length: 0\r\n\r\n', b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % (32 << 20))
    stall(client, server)


@attack(calls={'/hostile': 1}, messages=1)
def server_that_does_not_read(client, server):
    talk(client, server, b'POST /hostile HTTP/1.1\r\nContent-Length: %d\r\n\r\n' % (32 << 20))
    stall(server, client)
    server.send(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
