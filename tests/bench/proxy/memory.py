"""What a proxy holds: how much it grows under loads that make it keep things. Each load meets a program just started.

Both ends are sockets of this process. Transfers are HTTP/1.1 bodies, so that a proxy that reads them does so; the reader takes
a little, waits until every sender is stuck, and so on.
"""

import dataclasses
import os
import resource
import selectors
import socket
import time

from arms import ARMS

TRANSFERS, SIZE = 64, 100_000_000
IDLE = 5_000
SIP = 1 << 18  # bytes that a slow reader takes of each transfer at a time
SIPS = 6
STUCK_SECONDS = 0.3  # without a byte taken from any sender
ARMS_MEASURED = ("fedcarbon-node", "nginx stream", "nginx stream, 1 MiB", "haproxy tcp", "haproxy tcp, 1 MiB")

REQUEST = b"GET /body HTTP/1.1\r\nHost: bench\r\n\r\n"
UPLOAD = f"PUT /body HTTP/1.1\r\nHost: bench\r\nContent-Length: {SIZE}\r\n\r\n".encode()
DOWNLOAD = f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n".encode()
EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PIECE = bytes(1 << 16)


class Pairs:
    """Connections through the proxy: (client's end, upstream's end) each."""

    def __init__(self, port, upstream, count):
        self.pairs = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), 20)
            self.pairs.append((client, upstream.accept()[0]))

    def say(self, client_says, upstream_says):
        for client, server in self.pairs:
            client.sendall(client_says)
            receive(server, len(client_says))
            server.sendall(upstream_says)
            if upstream_says != DOWNLOAD:
                receive(client, len(upstream_says))

    def close(self):
        for ends in self.pairs:
            for end in ends:
                end.close()


def receive(sock, count):
    while count > 0:
        count -= len(sock.recv(count))


def push_until_stuck(senders):
    """Sends whatever is taken, until nothing is for a while."""
    selector = selectors.DefaultSelector()
    for sender in senders:
        sender.setblocking(False)
        selector.register(sender, selectors.EVENT_WRITE)
    moved = time.monotonic()
    while time.monotonic() - moved < STUCK_SECONDS:
        for key, _ in selector.select(0.05):
            try:
                if key.fileobj.send(PIECE) > 0:
                    moved = time.monotonic()
            except BlockingIOError:
                pass
    selector.close()


def transfer_slowly(pairs, upwards):
    if upwards:
        for client, _ in pairs:
            client.sendall(UPLOAD)
    for _ in range(SIPS):
        push_until_stuck([client if upwards else server for client, server in pairs])
        for client, server in pairs:
            receive(server if upwards else client, SIP)


def growth(arm, place, folder, count, load):
    upstream = socket.create_server(("127.0.0.1", 0), backlog=1024)
    own = dataclasses.replace(place, services={"body": upstream.getsockname()[1]})
    os.makedirs(folder)
    program, ports = arm.start(arm, own, folder)
    drop_probes(upstream)
    before = program.memory("VmRSS")
    pairs = Pairs(ports["body"], upstream, count)
    load(pairs)
    grown = program.memory("VmHWM") - before
    pairs.close()
    upstream.close()
    program.stop()
    return grown


def drop_probes(upstream):
    """Connections that waiting for the proxy's port has made."""
    upstream.settimeout(0.5)
    try:
        while True:
            upstream.accept()[0].close()
    except TimeoutError:
        upstream.settimeout(20)


def measure(place, folder):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    def upload(pairs):
        transfer_slowly(pairs.pairs, upwards=True)

    def download(pairs):
        pairs.say(REQUEST, DOWNLOAD)
        transfer_slowly(pairs.pairs, upwards=False)

    def idle(pairs):
        pairs.say(REQUEST, EMPTY)

    loads = ((TRANSFERS, upload), (TRANSFERS, download), (IDLE, idle))
    grown = {None: [f"{TRANSFERS} × 100 MB up", f"{TRANSFERS} × 100 MB down", f"{IDLE:,} idle"]}
    for arm in ARMS:
        if arm.name not in ARMS_MEASURED:
            continue
        own = os.path.join(folder, "memory-" + arm.name.replace(" ", "-").replace(",", ""))
        grown[arm.name] = [growth(arm, place, os.path.join(own, str(number)), count, load)
                           for number, (count, load) in enumerate(loads)]
    return grown
