"""Programs that speak in lines, the peers and the proxy; and how long a test waits for them."""
import json
import os
import queue
import signal
import subprocess
import threading
import time

DEADLINE = 120  # seconds; generous: what does not come within it is a failure


def wait_for(condition, what, deadline=DEADLINE):
    """Waits until `condition` gives something true, and returns that."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f'not within {deadline} s: {what}')


class Process:
    """Started at once; lines of its standard output are read as they come, its standard error goes to `log`."""

    def __init__(self, command, log, environment=None):
        self.log = log
        with open(log, 'a') as errors:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, text=True,
                                            env={**os.environ, **(environment or {})})
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def line(self):
        try:
            line = self.lines.get(timeout=DEADLINE)
        except queue.Empty:
            raise AssertionError(f'{self.name()} says nothing for {DEADLINE} s') from None
        if line is None:
            raise AssertionError(f'{self.name()} has ended: {self.log.read_text()[-2000:]}')
        return line

    def name(self):
        return f'{os.path.basename(self.process.args[0])} ({self.log.stem})'

    def hear(self):
        return json.loads(self.line())

    def say(self, what):
        self.process.stdin.write(json.dumps(what) + '\n')
        self.process.stdin.flush()

    def wait(self):
        self.process.wait(DEADLINE)

    def finish(self):
        """By the end of its input. What it still says is left in `lines`."""
        self.process.stdin.close()
        self.expect_success()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def expect_success(self):
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'{self.name()} does not end') from None
        assert status == 0, f'{self.name()} ended with {status}: {self.log.read_text()[-2000:]}'

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()
