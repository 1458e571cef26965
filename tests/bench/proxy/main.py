"""Compares fedcarbon-node with other proxies, interleaved: each round measures every arm under every load, in an order of
its own. Prints medians and ranges over the rounds.
  main.py [--quick] BINARIES      the folder of fedcarbon-node, fedcarbon-coordinator and grpc_bulk"""

import argparse
import os
import random
import resource
import sys
import tempfile
import time

import memory
import tables
from arms import ARMS, Place
from loads import Loads
from processes import BenchError, Program, stop_with_this_process

CALLS = {1: 5_000, 8: 12_000, 64: 16_000}                  # connections: how many small RPCs
TRANSFERS = {1_000_000: 40, 5_000_000: 16, 100_000_000: 2}  # bytes: how many each way
PROCESSORS = sorted(os.sched_getaffinity(0))
SITE, ELSEWHERE = 0, 1  # processors
SETTLE_SECONDS = 3  # until a reporter has sent the last second's facts


class Bench:
    """Runs loads on arms. `samples`: of each (protocol, arm, load) the tables.Sample of each round."""

    def __init__(self, loads, share):
        self.loads = loads
        self.share = share  # of CALLS
        self.started = []       # arm, its program, its ports
        self.measured = {}      # arm: the sample whose CPU time still counts, and the reading at its begin
        self.samples = {}

    def start(self, place, folder):
        for arm in ARMS:
            own = os.path.join(folder, arm.name.replace(" ", "-").replace(",", ""))
            os.makedirs(own)
            self.started.append((arm, *arm.start(arm, place, own)))

    def jobs(self):
        for arm, program, ports in self.started:
            for protocol, small, bulk in (("gRPC", "rpc", "bulk"), ("HTTP/1.1", "web", "body")):
                if arm.tls and protocol != "gRPC":
                    continue
                for connections in CALLS:
                    yield self.small, arm, program, ports[small], protocol, connections
                if not (arm.tls and program is None):  # the peers of bulk do not speak TLS themselves
                    for size in TRANSFERS:
                        yield self.bulk, arm, program, ports[bulk], protocol, size

    def round(self):
        jobs = list(self.jobs())
        random.shuffle(jobs)
        for run, arm, program, port, protocol, load in jobs:
            self.settle(arm, program)
            sample = tables.Sample()
            self.samples.setdefault((protocol, arm, load), []).append(sample)
            self.measured[arm] = sample, program and program.cpu_seconds()
            try:
                run(arm, port, protocol, load, sample)
            except BenchError as error:
                raise BenchError(f"{arm.name}, {protocol}, {load}: {error}") from error

    def settle(self, arm, program):
        """What a program uses until its next load belongs to the one before: facts are sent later than measured."""
        if program is not None and arm in self.measured:
            sample, begin = self.measured.pop(arm)
            sample.cpu_seconds = program.cpu_seconds() - begin

    def end(self):
        time.sleep(SETTLE_SECONDS)
        for arm, program, _ in self.started:
            self.settle(arm, program)
            if program is not None:
                program.stop()

    def small(self, arm, port, protocol, connections, sample):
        sample.units = int(CALLS[connections] * self.share)
        sample.seconds, sample.latency = self.loads.small(
            protocol, port, arm.tls and arm.is_direct, connections, sample.units)

    def bulk(self, _, port, protocol, size, sample):
        sample.units = 2 * size * TRANSFERS[size]
        sample.seconds = sum(self.loads.bulk(protocol, port, direction, size, TRANSFERS[size])
                             for direction in ("up", "down"))


def pin(processor):
    """This process and what it starts. Who shares a processor with whom decides what a small RPC costs, and the
    scheduler's choice changes from second to second: so the site's programs (clients and proxies) have one, and the
    others (upstreams and coordinator) another, as if elsewhere."""
    os.sched_setaffinity(0, {PROCESSORS[processor % len(PROCESSORS)]})


def start_coordinator(binaries, folder):
    command = [os.path.join(binaries, "fedcarbon-coordinator"), "--data", os.path.join(folder, "coordinator"),
               "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    return Program("coordinator", command, folder, read_output=True).read_ports(["grpc", "http"])[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binaries")
    parser.add_argument("--quick", action="store_true", help="for trying out: two short rounds, no memory")
    options = parser.parse_args()
    binaries = os.path.abspath(options.binaries)
    stop_with_this_process()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="fedcarbon-bench-") as folder:
        os.chmod(folder, 0o755)  # nginx's worker is another user
        loads = Loads(folder, binaries)
        pin(ELSEWHERE)
        loads.start()
        place = Place(binaries, loads.services, loads.tls_services, loads.ca, start_coordinator(binaries, folder))
        pin(SITE)
        bench = Bench(loads, 0.25 if options.quick else 1)
        bench.start(place, folder)
        rounds = 2 if options.quick else 7
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            bench.round()
        bench.end()
        tables.print_speed(bench.samples, tuple(CALLS), tuple(TRANSFERS))
        if not options.quick:
            tables.print_memory(memory.measure(loads, place, folder), memory.LOADS)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"tests/bench/proxy: {error}")
