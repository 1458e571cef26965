"""Upstreams, and the loads on a port: direct or through a proxy.

Small RPCs: h2load against nghttpd and nginx, which answer faster than any of the proxies forwards. What nghttpd serves is a
whole gRPC answer: the message with its prefix is a file, of content type application/grpc, and grpc-status is a trailer.
h2load keeps one call in flight on each connection, as FL clients do.
Bulk: gRPC's own C++ peers, and Python's HTTP/1.1 with bodies in pieces of 1 MiB."""

import contextlib
import os
import re
import socket
import statistics
import struct
import sys

import configs
from processes import BenchError, Program, free_port, run

HERE = os.path.dirname(os.path.abspath(__file__))
HTTP_PEER = [sys.executable, os.path.join(HERE, "http_peer.py")]
SMALL = b"x" * 100
RPC_PATH = "/bench.Echo/Unary.grpc"


def message(body):
    return struct.pack(">BI", 0, len(body)) + body


class Loads:
    def __init__(self, folder, binaries):
        self.folder = folder
        self.grpc_bulk = os.path.join(binaries, "grpc_bulk")
        self.ca = os.path.join(folder, "ca.pem")
        self.services = {}
        self.tls_services = {}

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def start(self):
        """Starts the upstreams, also behind TLS: ended by HAProxy for both arms that speak it, because gRPC's server
        refuses clients without ALPN, and nginx's stream module sends none."""
        self.start_rpc()
        self.start_web()
        self.start_one("bulk", lambda port: [self.grpc_bulk, "serve", f"127.0.0.1:{port}"])
        self.start_one("body", lambda port: [*HTTP_PEER, "serve", str(port)])
        self.start_tls()

    def start_one(self, service, command):
        port = free_port()
        os.makedirs(self.path(service), exist_ok=True)
        Program(service, command(port), self.path(service)).wait_for_port(port)
        self.services[service] = port

    def write(self, *names, content):
        os.makedirs(os.path.dirname(self.path(*names)), exist_ok=True)
        with open(self.path(*names), "wb") as file:
            file.write(content)

    def start_rpc(self):
        self.write("rpc", "root" + RPC_PATH, content=message(SMALL))
        self.write("rpc", "types", content=b"application/grpc grpc\n")
        self.write("message", content=message(SMALL))
        self.write("body-of-100", content=SMALL)
        self.start_one("rpc", lambda port: [
            "nghttpd", "--no-tls", "--address=127.0.0.1", "--htdocs=root", "--mime-types-file=types",
            "--trailer=grpc-status: 0", "--no-content-length", str(port)])

    def start_web(self):
        def command(port):
            self.write("web", "conf", content=configs.nginx_web(port, SMALL.decode()).encode())
            return ["nginx", "-p", self.path("web"), "-e", "stderr", "-c", self.path("web", "conf")]
        self.start_one("web", command)

    def start_tls(self):
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", "key.pem", "-out", "ca.pem", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost"], self.folder)
        with open(self.ca, "rb") as certificate, open(self.path("key.pem"), "rb") as key:
            self.write("tls", "both.pem", content=certificate.read() + key.read())
        self.tls_services = {service: free_port() for service in self.services}
        self.write("tls", "conf", content=configs.haproxy(self.tls_services, self.services, "tcp", 1 << 20,
                                                          self.path("tls", "both.pem")).encode())
        program = Program("tls", ["haproxy", "-db", "-f", self.path("tls", "conf")], self.path("tls"))
        for port in self.tls_services.values():
            program.wait_for_port(port)

    def small(self, protocol, port, tls, connections, calls):
        """Returns the seconds that so many calls took, and their median latency. A number of calls, not a duration:
        h2load 1.52 at times never ends one, or does not begin it."""
        log = self.path("latencies")
        if os.path.exists(log):
            os.remove(log)
        command = ["h2load", f"--clients={connections}", f"--requests={calls}", f"--log-file={log}"]
        if protocol == "gRPC":
            command += ["--data=" + self.path("message"), "--header=content-type: application/grpc",
                        "--header=te: trailers"]
            path = RPC_PATH
        else:
            command += ["--h1", "--data=" + self.path("body-of-100")]
            path = "/web"
        output = run([*command, f"http{'s' if tls else ''}://127.0.0.1:{port}{path}"], self.folder)
        succeeded = re.search(r", (\d+) succeeded", output)
        took = re.search(r"finished in ([\d.]+)(us|ms|s),", output)
        if not took or not succeeded or int(succeeded[1]) != calls:
            raise BenchError(f"h2load: {output[-1500:]}")
        with open(log, encoding="ascii") as lines:
            latency = statistics.median(int(line.rsplit("\t", 1)[1]) for line in lines) * 1e-6
        return float(took[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1}[took[2]], latency

    def bulk(self, protocol, port, direction, size, transfers):
        """Returns seconds."""
        if protocol == "gRPC":
            command = [self.grpc_bulk, direction, f"127.0.0.1:{port}", str(size), str(transfers)]
        else:
            command = [*HTTP_PEER, direction, str(port), str(size), str(transfers)]
        return float(run(command, self.folder))

    def slow_bodies(self, port, direction, size, transfers, seconds):
        """All at once, readers slow for the first seconds. Returns the running load."""
        return Program("slow bodies", [*HTTP_PEER, f"slow-{direction}", str(port), str(size), str(transfers), str(seconds)],
                       self.folder)

    def cut(self, load):
        if load.process.poll() is not None:
            load.fail(f"ended with {load.process.returncode}, before its time")
        load.stop()

    @contextlib.contextmanager
    def idle(self, port, count):
        """Connections that had one gRPC call each, and stay open."""
        with contextlib.ExitStack() as connections:
            for _ in range(count):
                connection = connections.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                one_call(connection)
            yield


def one_call(connection):
    """HTTP/2 by hand: there are thousands of them, and of the answer only its end matters."""
    def frame(kind, flags, stream, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload

    def text(value):
        return bytes((len(value),)) + value

    fields = (b"\x83\x86" + b"\x44" + text(RPC_PATH.encode()) + b"\x41" + text(b"127.0.0.1")
              + b"\x5f" + text(b"application/grpc") + b"\x40" + text(b"te") + text(b"trailers"))
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + frame(1, 4, 1, fields)
                       + frame(0, 1, 1, message(SMALL)))
    with connection.makefile("rb") as answer:
        while True:
            head = answer.read(9)
            if len(head) < 9:
                raise BenchError("a connection that should idle was closed")
            answer.read(int.from_bytes(head[:3], "big"))
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
            if kind == 4 and not flags & 1:
                connection.sendall(frame(4, 1, 0))
            if stream == 1 and kind in (0, 1) and flags & 1:
                return
