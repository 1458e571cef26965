"""What Flower's rules cost in the proxy: the calls of a recorded training, under their own path and under one that no rule
takes, through one fedcarbon-node, in turn. Prints CPU time per 100,000 small calls and per GB.
  rules.py [--quick] BINARIES      the folder of fedcarbon-node and fedcarbon-coordinator"""

import argparse
import os
import random
import socket
import statistics
import sys
import tempfile
import threading

import configs
import tables
from main import ELSEWHERE, SITE, pin, start_coordinator
from processes import BenchError, Program, stop_with_this_process

HERE = os.path.dirname(os.path.abspath(__file__))
TRACE = os.path.join(HERE, "../../unit/node/frameworks/flower_traces/1.41.0-message.txt")
SMALL = 2_000          # bytes of a call, both ways, at most
CHUNK = 5 << 20        # Flower moves arrays in pieces of this size
SMALL_CALLS, CHUNKS = 2_000, 8  # in one turn: short ones, so that both kinds meet the same weather
RULE, NONE = "/v1/fleet/", "/v1/other/"
AIM = 1.05


def recorded():
    """(method, request, answer) of each call, in the order of their requests."""
    def message(words):
        return b"".join(bytes(int(word)) if word[0] == "+" else bytes.fromhex(word) for word in words if word != "-")
    calls, answers = [], {}
    with open(TRACE, encoding="ascii") as trace:
        for line in trace:
            _, kind, number, *rest = line.split()
            if kind == ">":
                calls.append((number, rest[0].removeprefix(RULE), message(rest[4:])))
            elif kind == "<":
                answers[number] = message(rest)
    return [(method, request, answers[number]) for number, method, request in calls]


def small_calls():
    few = [call for call in recorded() if len(call[1]) + len(call[2]) <= SMALL]
    return (few * (SMALL_CALLS // len(few) + 1))[:SMALL_CALLS]


def bulk_calls():
    """The first chunk that the training pulls and pushes, as long as chunks of a large model are."""
    def field(number, value):
        size, head = len(value), bytes([number << 3 | 2])
        while size >= 0x80:
            head, size = head + bytes([size & 0x7F | 0x80]), size >> 7
        return head + bytes([size]) + value
    content = b"ArrayChunk  %d\0" % CHUNK + bytes(CHUNK)
    node_run_id = next(request for method, request, _ in recorded() if method == "pull-object")
    return [("pull-object", node_run_id, b"\x08\x01\x10\x01" + field(3, content)),
            ("push-object", node_run_id + field(4, content), b"\x08\x01")] * (CHUNKS // 2)


def read(connection, held):
    """A message with a content-length. What came after it."""
    while b"\r\n\r\n" not in held:
        held += receive(connection)
    head, held = held.split(b"\r\n\r\n", 1)
    left = int(head.rsplit(b"content-length: ", 1)[1]) - len(held)
    if left < 0:
        return held[left:]
    while left > 0:
        left -= len(receive(connection))
    return b""


def receive(connection):
    data = connection.recv(1 << 20)
    if not data:
        raise BenchError("a connection ended too early")
    return data


def answer(listener, calls):
    pin(ELSEWHERE)
    connection, _ = listener.accept()
    held = b""
    with connection:
        for _, _, content in calls:
            held = read(connection, held)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/protobuf\r\ncontent-length: %d\r\n\r\n"
                               % len(content) + content)


def ask(port, service, calls):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        held = b""
        for method, content, _ in calls:
            head = f"POST {service}{method} HTTP/1.1\r\nhost: flower\r\ncontent-type: application/protobuf\r\n" \
                   f"content-length: {len(content)}\r\n\r\n"
            connection.sendall(head.encode() + content)
            held = read(connection, held)


class Node:
    """Both kinds of calls pass the same one, so that nothing else differs."""

    def __init__(self, binaries, coordinator, folder):
        self.listener = socket.create_server(("127.0.0.1", 0))
        conf = os.path.join(folder, "conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(configs.fedcarbon_node({"body": self.listener.getsockname()[1]}, coordinator, True))
        command = [os.path.join(binaries, "fedcarbon-node"), "--config", conf]
        self.program = Program("fedcarbon-node", command, folder, read_output=True)
        self.port, _ = self.program.read_ports(["listen", "http"])

    def cpu_seconds(self, service, calls):
        """Of the node for these calls. Facts are reported once a second, in whichever turn that falls: turns are shuffled,
        so it hits both kinds alike."""
        upstream = threading.Thread(target=answer, args=(self.listener, calls), daemon=True)
        upstream.start()
        begin = self.program.cpu_seconds()
        ask(self.port, service, calls)
        upstream.join()
        return self.program.cpu_seconds() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--quick", action="store_true", help="for trying out: a tenth of the rounds")
    options = parser.parse_args()
    binaries = os.path.abspath(options.binaries)
    stop_with_this_process()
    small, bulk = small_calls(), bulk_calls()
    loads = {"CPU s per 100,000 small": (small, 1e5 / len(small)),
             "CPU s per GB": (bulk, 1e9 / sum(len(request) + len(content) for _, request, content in bulk))}
    services = {"with rules": RULE, "without": NONE}
    measured = {}  # load and service: of each round
    with tempfile.TemporaryDirectory(prefix="fedcarbon-bench-") as folder:
        pin(ELSEWHERE)
        coordinator = start_coordinator(binaries, folder)
        pin(SITE)
        node = Node(binaries, coordinator, folder)
        rounds = 20 if options.quick else 200
        for number in range(rounds):
            if number % 20 == 0:
                print(f"round {number + 1} of {rounds}", file=sys.stderr)
            jobs = [(load, name) for load in loads for name in services]
            random.shuffle(jobs)
            for load, name in jobs:
                calls, scale = loads[load]
                measured.setdefault((load, name), []).append(node.cpu_seconds(services[name], calls) * scale)
    rows = [(name, [tables.figures(measured[load, name], 3) for load in loads]) for name in services]
    ratios = [statistics.median(measured[load, "with rules"]) / statistics.median(measured[load, "without"]) for load in loads]
    rows.append(("ratio of the medians", [f"{ratio:.3f}" + tables.verdict(ratio, AIM, AIM) for ratio in ratios]))
    tables.print_table("Flower's rules in fedcarbon-node", list(loads), rows)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"tests/bench/proxy: {error}")
