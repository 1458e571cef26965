"""undisturbed_test.py BUILD: what is wrong with fedcarbon's own affairs never reaches the training.

Its coordinator is dead, mute or mad, its queue is full, its disk is full, its decoder is lost: the traffic is forwarded
byte for byte, and what could not be metered shows as a Gap.
"""
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, sys.argv[1] + '/tests/conformance')  # the schema of facts

import frames
from arms import Programs
from attacks import noise, talk
from coordinators import Notebook
from ends import Listener, connect_through, free_port, run
from node import Lost, Node
from processes import wait_for

CALLS = 200
METHOD = '/training.Round/Submit'
QUEUE = 64_000_000  # bytes of batches that wait for their acknowledgement
BATCH = 60_000
QUEUE_FULL = 'the queue of batches was full'
READ = 1 << 20  # what the node reads at once, and its decoder with it
LOG_LINES = 3
MEMORY = 32 << 20  # that a full queue may cost beside what it holds


def training(client, server):
    """Calls one after the other, as gRPC makes them, and half a megabyte back and forth."""
    talk(client, server, frames.begin(), frames.settings() + frames.settings_ack())
    for number in range(CALLS):
        stream = 2 * number + 1
        model = frames.message(noise(number, 2_500))
        talk(client, server, frames.headers(stream, frames.request(METHOD)) +
             frames.frame(frames.DATA, frames.END_STREAM, stream, model), frames.answer(stream, noise(-number, 2_500)))


class UndisturbedTest(unittest.TestCase):
    def setUp(self):
        self.programs = Programs(BUILD)
        self.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-undisturbed-'))
        self.addCleanup(shutil.rmtree, self.folder)
        self.listener = Listener()
        self.addCleanup(self.listener.close)
        self.trainings = 0

    def start_node(self, coordinator, toml='', **options):
        self.node = Node(self.programs, self.folder, self.listener.address, coordinator, toml, **options)
        self.addCleanup(self.node.process.kill)

    def train(self):
        self.trainings += 1
        through = run(training, *connect_through(self.node.address, self.listener))
        direct = run(training, *connect_through(self.listener.address, self.listener))
        self.assertTrue(through == direct, 'what passed was changed')

    def start_notebook(self, *place):
        notebook = Notebook(*place)
        self.addCleanup(notebook.stop)
        return notebook

    def check_told(self, notebook):
        """All of the trainings, to the byte."""
        wait_for(lambda: notebook.facts().calls[METHOD].calls >= CALLS * self.trainings, 'all calls')
        seen = notebook.facts().calls[METHOD]
        self.assertEqual((seen.calls, seen.unanswered, seen.statuses), (CALLS * self.trainings, 0, {0}))
        for direction in (seen.sent, seen.received):
            self.assertEqual(direction['encoded_bytes'], 2_505 * CALLS * self.trainings)

    def test_a_dead_coordinator(self):
        dead = f'127.0.0.1:{free_port()}'
        self.start_node(dead)
        self.train()
        notebook = self.start_notebook(dead)
        self.train()
        self.check_told(notebook)
        self.assertEqual(notebook.lost(), {})
        self.node.stop()

    def test_a_coordinator_that_dies(self):
        first = self.start_notebook(f'127.0.0.1:{free_port()}')
        self.start_node(first.address)
        self.train()
        self.check_told(first)
        first.stop()
        self.train()
        second = self.start_notebook(first.address, first.batches)
        self.check_told(second)
        self.assertEqual(second.lost(), {})
        self.node.stop()

    def test_a_coordinator_that_speaks_nonsense(self):
        mad = Listener(free_port())
        self.start_node(mad.address)
        connection = mad.accept()
        connection.send(noise(1))
        self.train()
        mad.close()
        notebook = self.start_notebook(mad.address)
        self.check_told(notebook)
        connection.close()
        self.node.stop()

    def test_a_coordinator_that_never_answers(self):
        """Until the queue is full: then the rest is lost, and counted."""
        mute = Listener(free_port())
        self.start_node(mute.address, 'run_header = "run"')
        hearing = mute.accept()
        self.train()
        memory = self.node.memory()
        client, server = connect_through(self.node.address, self.listener)
        talk(client, server, frames.begin(), frames.settings())
        calls = 0
        while sum(path.stat().st_size for path in self.node.kept.glob('*.batch')) < QUEUE - BATCH:
            flood = range(calls, calls + 5_000)
            # Each in a run of its own, with the longest name that one may have: nothing is large, and all is told.
            talk(client, server, b''.join(
                frames.headers(2 * call + 1, frames.request('/flood.Run/Call', (b'run', b'r%063d' % call))) +
                frames.frame(frames.RST_STREAM, 0, 2 * call + 1, bytes(4)) for call in flood))
            calls = flood.stop
        self.train()
        self.assertLess(self.node.memory('VmHWM') - memory, QUEUE + MEMORY)
        for end in (client, server, hearing):
            end.close()
        mute.close()
        notebook = self.start_notebook(mute.address)
        wait_for(lambda: QUEUE_FULL in notebook.lost(), 'a gap')
        self.train()
        wait_for(lambda: self.node.metrics()['connections_open'] == 0, 'all have ended')
        self.node.stop()
        told = sum(seen.calls for seen in notebook.facts().calls.values())
        lost = sum(gap.facts for gap in notebook.lost().values())
        calls += CALLS * self.trainings
        self.assertLess(told, calls)
        self.assertGreaterEqual(told + lost, calls)  # what was lost were not calls alone

    def train_unkept(self, spoil=lambda: None, **options):
        """Batches cannot be kept as files: they are reported all the same, and the log tells once."""
        notebook = self.start_notebook()
        self.start_node(notebook.address, **options)
        spoil()
        for _ in range(3):
            self.train()
            self.check_told(notebook)
        self.assertEqual(notebook.lost(), {})
        self.node.stop()
        self.assertLess(sum(1 for _ in self.node.batches()), len(notebook.known()))
        self.assertEqual(list(self.node.folder.rglob('*.tmp')), [])

    def test_a_disk_that_is_full(self):
        self.train_unkept(shell='ulimit -f 4')  # no file grows beyond 2 KiB
        self.check_log('not kept as files')

    def test_a_folder_that_is_gone(self):
        self.train_unkept(lambda: self.node.kept.rename(self.folder / 'elsewhere'))
        self.check_log('not kept as files')

    def test_a_log_that_cannot_be_written(self):
        self.train_unkept(lambda: self.node.kept.rename(self.folder / 'elsewhere'), shell='exec 2> /dev/full')
        self.check_log()

    def check_log(self, *said):
        lines = self.node.log().splitlines()
        self.assertEqual(len(lines), LOG_LINES * bool(said), lines)
        for text in said:
            self.assertEqual(sum(text in line for line in lines), 1, lines)

    def test_a_decoder_that_is_lost(self):
        """At a protocol that is none, and within one: all that passes from there on is in the gap."""
        notebook = self.start_notebook()
        self.start_node(notebook.address)
        model = noise(1, 1 << 20) * 16
        begun = frames.begin() + frames.headers(1, frames.request(METHOD))
        for said in (b'\0' + model, begun + frames.frame(frames.CONTINUATION, 0, 1, b'astray') + model):
            script = lambda client, server: talk(client, server, said, model)
            through = run(script, *connect_through(self.node.address, self.listener))
            self.assertTrue(through == run(script, *connect_through(self.listener.address, self.listener)))
        self.node.stop()
        lost = notebook.lost()
        self.assertEqual(len(lost), 2, lost)
        unknown = lost.pop('protocol not recognised')
        self.assertEqual(unknown, Lost(1, 2 * len(model) + 1))
        (astray,) = lost.values()
        self.assertEqual(astray.facts, 1)
        self.assertGreaterEqual(astray.bytes, 2 * len(model) - READ)
        self.assertLessEqual(astray.bytes, 2 * len(model) + len(begun) + 15)


if __name__ == '__main__':
    BUILD = sys.argv.pop(1)
    unittest.main()
