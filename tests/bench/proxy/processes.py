"""Programs under measurement: started, waited for, measured with their children, and ended whatever happens."""

import atexit
import os
import random
import signal
import socket
import subprocess
import sys
import time

STARTED = []


class BenchError(Exception):
    """The bench cannot go on; the message says why."""


def free_port():
    """Below the ephemeral ports, with which a listener could collide."""
    while True:
        port = random.SystemRandom().randrange(20000, 32768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Program:
    """One program and its children, in a folder where its log is its standard error, and output unless that is read."""

    def __init__(self, name, command, folder, read_output=False):
        self.name = name
        self.log = os.path.join(folder, "log")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stderr=log,
                                            stdout=subprocess.PIPE if read_output else log, text=read_output,
                                            start_new_session=True)
        STARTED.append(self)

    def fail(self, what):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise BenchError(f"{self.name}: {what}\n{log.read()[-2000:]}")

    def wait_for_port(self, port):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.fail(f"ended with {self.process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.fail(f"does not listen on port {port}")

    def read_ports(self, names):
        """The ports of lines such as `listen 127.0.0.1:4711`, which must come in this order."""
        ports = []
        for name in names:
            line = self.process.stdout.readline().split()
            if len(line) != 2 or line[0] != name:
                self.process.wait(20)
                self.fail(f"said {line}, not `{name} HOST:PORT`; it ended with {self.process.returncode}")
            ports.append(int(line[1].rsplit(":", 1)[1]))
        return ports

    def pids(self):
        pids = [self.process.pid]
        for pid in pids:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children:
                    pids += map(int, children.read().split())
        return pids

    def cpu_seconds(self):
        """User and system time of all threads. The kernel's clock of a process, for /proc/PID/stat has 10 ms."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def memory(self, field):
        """VmRSS or VmHWM, the peak of it, in bytes."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                total += next(int(line.split()[1]) * 1024 for line in status if line.startswith(field + ":"))
        return total

    def forget_peak(self):
        """VmHWM begins anew."""
        for pid in self.pids():
            with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as command:
                command.write("5")

    def stop(self):
        """Ends the whole group: a worker does not outlive its master here."""
        STARTED.remove(self)
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(3)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass


def stop_all():
    for program in reversed(STARTED[:]):
        program.stop()


def stop_with_this_process():
    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))


def run(command, folder):
    """Standard output of a load generator; anything but success ends the bench."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout
