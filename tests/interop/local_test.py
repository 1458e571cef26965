"""local_test.py BUILD: what scripts and `fedcarbon-node run` tell a node becomes facts; the traffic meanwhile is of their round.

The Python and the C++ of node/local/README.md are run as they stand there.
"""
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

TESTS = Path(__file__).parents[1]
sys.path[:0] = [f'{sys.argv[1]}/tests/conformance', f'{TESTS}/conformance']

from arms import Programs
from coordinators import Notebook
from fedcarbon.v1 import facts_pb2
from node import Node
from processes import DEADLINE, Process, wait_for

README = (TESTS.parent / 'node/local/README.md').read_text()
SESSION, LOOP = re.findall(r'```python\n(.*?)```', README, re.S)
RUN = 'heart-2026'
COMPLETED, FAILED, ABANDONED = facts_pb2.OUTCOME_COMPLETED, facts_pb2.OUTCOME_FAILED, facts_pb2.OUTCOME_ABANDONED
TRAIN, EVALUATE, OTHER = facts_pb2.SPAN_KIND_TRAIN, facts_pb2.SPAN_KIND_EVALUATE, facts_pb2.SPAN_KIND_OTHER
BURN = 'import time\nwhile time.process_time() < 0.2: pass\n'

# A fact with its texts: run and round are None where they are unknown.
Span = namedtuple('Span', 'kind run round outcome')
Usage = namedtuple('Usage', 'kind run round cpu_us')
Transfer = namedtuple('Transfer', 'method run round')


def outcomes(batches, kind):
    """Of these events, by their time: threads that record them at once do so in no order."""
    events = sorted((batch.wall_time_us + event.time_us, event.outcome) for batch in batches for event in getattr(batch, kind))
    return [outcome for _, outcome in events]


class Upstream(ThreadingHTTPServer):
    """Answers every request."""
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers['Content-Length']))
            self.send_response(200)
            self.send_header('Content-Length', '7')
            self.end_headers()
            self.wfile.write(b'updated')

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(('127.0.0.1', 0), self.Handler)
        self.address = f'127.0.0.1:{self.server_address[1]}'
        Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class LocalTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-local-'))
        self.addCleanup(shutil.rmtree, self.folder)
        self.socket = self.folder / 'local.sock'
        self.upstream = Upstream()
        self.addCleanup(self.upstream.close)
        self.notebook = Notebook()
        self.addCleanup(self.notebook.stop)
        self.programs = Programs(sys.argv[1])
        self.node = Node(self.programs, self.folder / 'node', self.upstream.address, self.notebook.address,
                         top=f'[local]\nsocket = "{self.socket}"')
        self.addCleanup(self.node.process.kill)
        self.environment = {**os.environ, 'FEDCARBON_SOCKET': str(self.socket), 'FL': self.node.address}

    def facts(self, kind):
        """Each with its batch, run and round."""
        for batch in self.notebook.known():
            for fact in getattr(batch, kind):
                yield (batch, fact, batch.strings[fact.run - 1] if fact.run else None,
                       fact.round if fact.HasField('round') else None)

    def told(self, count, read):
        """What `read` gives once it is as much: facts come in any order, in batches that are sealed each second."""
        wait_for(lambda: len(read()) >= count, f'{count} facts')
        found = read()
        self.assertEqual(len(found), count)
        return found

    def spans(self, count):
        return self.told(count, lambda: [Span(fact.kind, run, round, fact.outcome)
                                         for _, fact, run, round in self.facts('spans')])

    def usages(self, count):
        """Of the scripts: what the daemon uses itself is fedcarbon's own."""
        return self.told(count, lambda: [Usage(fact.kind, run, round, fact.cpu_us)
                                         for _, fact, run, round in self.facts('usages')
                                         if fact.kind != facts_pb2.SPAN_KIND_FEDCARBON])

    def transfers(self, count):
        return self.told(count, lambda: [Transfer(batch.strings[group.method - 1], run, round)
                                         for batch, group, run, round in self.facts('transfers')
                                         for _ in group.call_id])

    def script(self, text):
        return Process([sys.executable, '-c', text], self.folder / 'script.log', self.environment)

    def command(self, *arguments):
        return [self.programs.node(), 'run', *arguments]

    def run_command(self, *arguments, **environment):
        """`fedcarbon-node run`, with what it said."""
        return subprocess.run([str(part) for part in self.command(*arguments)], capture_output=True, text=True,
                              env={**self.environment, **environment}, timeout=DEADLINE)

    # ---- Scripts

    def test_the_readmes_python_is_metered_round_by_round(self):
        self.assertLessEqual(len([line for line in SESSION.splitlines() if line]), 20)
        train = ('import urllib.request\n'
                 'def train():\n'
                 '    until = time.process_time() + 0.1\n'
                 '    while time.process_time() < until: pass\n'
                 '    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n'
                 '    direct.open(f"http://{os.environ[\'FL\']}/round{round}", b"model").read()\n')
        script = self.script(SESSION + train + LOOP + 'print(time.process_time_ns() // 1000, flush=True)\n')
        used_us = int(script.line())
        script.expect_success()
        self.assertEqual(sorted(self.spans(3)), [(TRAIN, RUN, round, COMPLETED) for round in range(3)])
        usages = sorted(self.usages(3))
        self.assertEqual([usage[:3] for usage in usages], [(TRAIN, RUN, round) for round in range(3)])
        for usage in usages:
            self.assertGreaterEqual(usage.cpu_us, 100_000)
        self.assertLessEqual(sum(usage.cpu_us for usage in usages), used_us)
        self.assertEqual(sorted(self.transfers(3)), [(f'/round{round}', RUN, round) for round in range(3)])
        # It only took part in the run.
        self.assertEqual([event for batch in self.notebook.known() for event in batch.run_events], [])
        self.node.stop()
        self.assertNotIn(RUN, self.node.log())

    def test_the_readmes_cpp_is_metered(self):
        subprocess.run([self.programs.build / 'tests/local_readme'], env=self.environment, check=True, timeout=DEADLINE)
        span, = self.spans(1)
        self.assertEqual(span, (TRAIN, RUN, 7, COMPLETED))

    def begin(self):
        """A script in the middle of a span, in a run that it opened."""
        script = self.script(SESSION + f'say(BEGIN_RUN, field(1, b"{RUN}"), field(2, 1), field(3, b"Heart disease"))\n'
                             'say(BEGIN_ROUND, field(1, 300))\n'
                             'say(BEGIN_SPAN, field(1, TRAIN), cpu())\n'
                             'print("begun", flush=True)\n'
                             'exec(input())\n')
        self.addCleanup(script.kill)
        script.line()
        return script

    def expect_ended(self, outcome):
        span, = self.spans(1)
        self.assertEqual(span, (TRAIN, RUN, 300, outcome))

        def ended():
            batches = self.notebook.known()
            runs, rounds = outcomes(batches, 'run_events'), outcomes(batches, 'round_events')
            return (runs, rounds) if len(runs) == len(rounds) == 2 else None
        self.assertEqual(wait_for(ended, 'the end of run and round'), ([0, outcome], [0, outcome]))

    def test_a_script_that_is_killed_fails_its_spans(self):
        self.begin().process.send_signal(signal.SIGKILL)
        self.expect_ended(FAILED)

    def test_a_script_that_raises_fails_its_spans(self):
        script = self.begin()
        script.process.stdin.write('raise SystemExit(1)\n')
        script.process.stdin.flush()
        script.wait()
        self.expect_ended(FAILED)

    def test_a_script_that_only_says_goodbye_abandons_its_spans(self):
        script = self.begin()
        script.process.stdin.write('events.put(None); session_end = list(answers)\n')
        script.process.stdin.flush()
        script.expect_success()
        self.expect_ended(ABANDONED)

    def test_the_end_of_the_daemon_abandons_what_is_open(self):
        script = self.begin()
        self.node.stop()
        self.assertFalse(self.socket.exists())
        script.kill()
        self.expect_ended(ABANDONED)

    def test_a_refusal_names_what_is_wrong_and_the_session_goes_on(self):
        script = self.script(SESSION + 'try:\n'
                             '    say(END_SPAN)\n'
                             'except ValueError as error:\n'
                             '    print(error, flush=True)\n'
                             'say(BEGIN_SPAN)\n'
                             'say(END_SPAN)\n')
        self.assertIn('send BeginSpan before EndSpan', script.line())
        script.expect_success()
        self.assertEqual(self.spans(1)[0], (OTHER, None, None, COMPLETED))

    # ---- fedcarbon-node run

    def test_a_command_is_a_span_with_its_children(self):
        child = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {BURN!r}]); sys.exit(3)'
        done = self.run_command('--run', RUN, '--round', '4', '--kind', 'evaluate', '--', sys.executable, '-c', child)
        self.assertEqual((done.returncode, done.stderr), (3, ''))
        span, = self.spans(1)
        self.assertEqual(span, (EVALUATE, RUN, 4, FAILED))
        usage, = self.usages(1)
        self.assertEqual(usage[:3], (EVALUATE, RUN, 4))
        self.assertGreaterEqual(usage.cpu_us, 200_000)

    def test_a_commands_traffic_is_of_its_round(self):
        call = ('import http.client, os; fl = http.client.HTTPConnection(os.environ["FL"]);'
                'fl.request("POST", "/train", b"model"); print(fl.getresponse().status)')
        done = self.run_command('--run', RUN, '--round', '0', '--', sys.executable, '-c', call)
        self.assertEqual((done.returncode, done.stdout), (0, '200\n'))
        self.assertEqual(self.spans(1)[0], (OTHER, RUN, 0, COMPLETED))
        self.assertEqual(self.transfers(1), [('/train', RUN, 0)])

    def test_a_command_that_a_signal_ends(self):
        done = self.run_command('--run', RUN, '--', 'sh', '-c', 'kill -9 $$')
        self.assertEqual(done.returncode, 128 + signal.SIGKILL)
        self.assertEqual(self.spans(1)[0], (OTHER, RUN, None, FAILED))

    def test_a_command_that_cannot_be_run(self):
        done = self.run_command('--run', RUN, '--', self.folder / 'nothing')
        self.assertEqual(done.returncode, 127)
        self.assertIn('No such file', done.stderr)
        self.assertEqual(self.run_command('--run', RUN, '--', self.folder).returncode, 126)

    def test_signals_are_passed_on(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            command = Process(self.command('--run', RUN, '--', sys.executable, '-c',
                                           'import signal, sys\n'
                                           f'signal.signal({int(number)}, lambda *_: sys.exit(40))\n'
                                           'print("begun", flush=True)\n'
                                           'while True: signal.pause()\n'), self.folder / 'run.log', self.environment)
            self.addCleanup(command.kill)
            command.line()
            command.process.send_signal(number)
            command.wait()
            self.assertEqual(command.process.returncode, 40, number)

    def test_a_terminals_interrupt_reaches_the_command_once(self):
        text = ('import signal, sys\n'
                'heard = []\n'
                'signal.signal(signal.SIGINT, lambda *_: (heard.append(1), print("heard", flush=True)))\n'
                'signal.signal(signal.SIGUSR1, lambda *_: sys.exit(len(heard)))\n'
                'print("begun", flush=True)\n'
                'while True: signal.pause()\n')
        process, terminal = pty.fork()
        if process == 0:
            os.execve(self.programs.node(), ['fedcarbon-node', *map(str, self.command(
                '--run', RUN, '--', sys.executable, '-c', text)[1:])], self.environment)
        said = b''

        def read_until(word):
            nonlocal said
            while word not in said:
                said += os.read(terminal, 1024)
        read_until(b'begun')
        os.kill(process, signal.SIGSTOP)  # so that an interrupt that is passed on comes later, and is another one
        os.write(terminal, b'\x03')
        read_until(b'heard')
        os.kill(process, signal.SIGUSR1)  # is taken after an interrupt, which has the lower number
        os.kill(process, signal.SIGCONT)
        _, status = os.waitpid(process, 0)
        os.close(terminal)
        self.assertEqual(os.waitstatus_to_exitcode(status), 1)

    def test_without_a_daemon_a_command_runs_all_the_same(self):
        for socket in (str(self.folder / 'nothing.sock'), ''):
            done = self.run_command('--run', RUN, '--', 'sh', '-c', 'echo done; exit 5', FEDCARBON_SOCKET=socket)
            self.assertEqual((done.returncode, done.stdout), (5, 'done\n'))
            self.assertRegex(done.stderr, r'\Afedcarbon-node run: .*not metered.*\n\Z')

    def test_a_daemon_that_stops_does_not_disturb_a_command(self):
        command = Process(self.command('--run', RUN, '--', 'sh', '-c', 'echo begun; read line; exit 6'),
                          self.folder / 'run.log', self.environment)
        self.addCleanup(command.kill)
        command.line()
        self.node.stop()
        command.process.stdin.close()
        command.wait()
        self.assertEqual(command.process.returncode, 6)
        self.assertEqual(len((self.folder / 'run.log').read_text().splitlines()), 1)
        self.assertEqual(self.spans(1)[0].outcome, ABANDONED)

    def test_a_daemon_that_hangs_does_not_stop_a_command(self):
        self.node.process.process.send_signal(signal.SIGSTOP)
        try:
            done = self.run_command('--run', RUN, '--', 'sh', '-c', 'exit 7')
        finally:
            self.node.process.process.send_signal(signal.SIGCONT)
        self.assertEqual(done.returncode, 7)
        self.assertIn('does not answer', done.stderr)

    def test_wrong_usage_is_named_and_the_command_not_run(self):
        for arguments, name in ((('--run', 'a b'), '--run'), (('--run', RUN, '--round', '-1'), '--round'),
                                (('--run', RUN, '--round', str(2**63)), '--round'),
                                (('--run', RUN, '--kind', 'serve'), '--kind'), ((), '--run')):
            done = self.run_command(*arguments, '--', 'touch', self.folder / 'ran')
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(name, done.stderr)
        self.assertFalse((self.folder / 'ran').exists())


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
