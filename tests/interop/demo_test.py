"""The demo end to end: its processes, what they count for themselves, and what the coordinator then holds."""
import os
import re
import shutil
import signal
import subprocess
import sys
import unittest

from federation import DATA, DEADLINE, HOSPITALS, Federation, free_port, wait_for
from relay import Relay

BIN = None  # the folder of the programs: the first argument


def edges(footprint):
    """Message bytes by (from, to)."""
    return {(e['from'], e['to']): int(e['messageBytes']) for e in footprint['edges']}


def counted(footprint):
    return int(footprint['countedBytes'])


class Wiretap(Relay):
    """Keeps all bytes."""

    def __init__(self, upstream):
        self.bytes = bytearray()
        super().__init__(upstream)

    def passes(self, data, **_):
        self.bytes += data


class DemoTest(unittest.TestCase):
    def assert_whole(self, federation, rounds):
        """Rounds and unattributed are everything, and everything is reported."""
        run = federation.api('')
        listed = federation.api('/rounds')['rounds']
        self.assertEqual([int(r['round']) for r in listed], list(range(rounds)))
        in_rounds = sum(counted(r['footprint']) for r in listed)
        self.assertEqual(counted(run['inRounds']), in_rounds)
        self.assertEqual(counted(run['footprint']), in_rounds + counted(run['unattributed']))
        self.assertEqual(counted(run['unattributedFederation']), 0)
        by_edge = {}
        for number in range(rounds):
            for edge, size in edges(federation.api(f'/rounds/{number}')).items():
                by_edge[edge] = by_edge.get(edge, 0) + size
        for edge, size in edges(run).items():
            self.assertLessEqual(by_edge[edge], size)
        return run

    def assert_own_counts(self, federation, run):
        own = federation.own_counts()
        self.assertEqual(set(own), set(HOSPITALS))
        expected = {}
        for node, (sent, received) in own.items():
            expected[node, 'aggregator'] = sent
            expected['aggregator', node] = received
        self.assertEqual(edges(run), expected)
        for edge in run['edges']:
            self.assertEqual(edge.get('disagreementBytes', '0'), '0', edge)
            self.assertEqual(edge['unconfirmedBytes'], '0', edge)

    def assert_summary_holds_every_byte(self, federation):
        command = [f'{BIN}/fedcarbon-demo-summary', '--coordinator', federation.grpc,
                   *federation.folder.glob('*.record')]
        self.assertEqual(subprocess.run(command, capture_output=True).returncode, 0)
        record = federation.folder / 'budapest.record'
        text = record.read_text()
        record.write_text(re.sub(r'\d+$', lambda count: str(int(count[0]) + 1), text.strip()))
        off_by_one = subprocess.run(command, capture_output=True, text=True)
        record.write_text(text)
        self.assertEqual(off_by_one.returncode, 1)
        self.assertEqual(len(re.findall(r'^ +budapest .* DIFFERENT$', off_by_one.stdout, re.M)), 1)

    def train(self, model):
        with Federation(BIN) as federation:
            federation.start_all(model)
            federation.finish_training()
            self.assert_own_counts(federation, self.assert_whole(federation, 15))
            self.assert_summary_holds_every_byte(federation)
            accuracy = federation.accuracies()[-1]
            self.assertGreater(accuracy, 0.75)
            pooled = subprocess.run(
                [f'{BIN}/fedcarbon-demo-pooled', '--model', model, *(DATA / file for _, file in HOSPITALS.values())],
                capture_output=True, text=True, check=True).stdout
            self.assertLessEqual(abs(accuracy - float(re.search(r'accuracy ([0-9.]+)', pooled)[1])), 0.05)
            federation.finish_coordinator()

    def test_logistic_totals_are_the_hospitals_own_counts(self):
        self.train('logistic')

    def test_mlp_totals_are_the_hospitals_own_counts(self):
        self.train('mlp')

    def test_canaries_stay_where_they_are(self):
        canary = 'CANARY-7f3a91c2'
        with Federation(BIN, {'FEDCARBON_DEMO_CANARY': canary}) as federation:
            federation.keep_batches()
            federation.start_coordinator()
            federation.start_aggregator()
            relay = Wiretap(federation.aggregator)
            for node, (_, file) in HOSPITALS.items():
                data = federation.folder / f'{canary}-{file}'
                shutil.copy(DATA / file, data)
                federation.start_hospital(node, data=data,
                                          aggregator=relay.address if node == 'cleveland' else None)
            federation.finish_training()
            # The canary was there to be found: in messages, and in metadata of both directions.
            wire = bytes(relay.bytes)
            self.assertGreater(wire.count(canary.encode()), 2 * 15)
            self.assertIn(b'demo-note', wire)

            shown = {path: federation.get(path) for path in ('/', '/metrics', '/api/v1/runs', '/api/v1/factors')}
            run = federation.run_id()
            for path in ('', '/rounds', '/rounds/0', '/nodes/cleveland', '/nodes/aggregator'):
                shown[path] = federation.get(f'/api/v1/runs/{run}{path}')
            for form in ('table', 'json', 'csv'):
                shown['footprint ' + form] = federation.command('footprint', '--format', form)
                shown['transfers ' + form] = federation.command('transfers', '--format', form)
            batches = federation.kept()
            self.assertGreaterEqual({path.name.split('-')[0] for path in batches}, {'aggregator', 'cleveland'})
            for path in batches:
                shown[f'inspect {path}'] = federation.command('inspect', path)
            self.assertIn(b'/fedcarbon.demo.v1.Training/GetTask', shown['transfers csv'])
            federation.finish_coordinator()
            stored = [p for p in (federation.folder / 'data').rglob('*') if p.is_file()]
            self.assertTrue(stored)
            for path in batches + stored + list(federation.folder.glob('*.log')):
                shown[path] = path.read_bytes()
            for where, text in shown.items():
                self.assertTrue(text or str(where).endswith(('-wal', '-shm', '.log', '.lock')), f'{where} is empty')
                self.assertNotIn(canary.encode(), text, where)

    def test_a_killed_hospital_comes_back(self):
        with Federation(BIN) as federation:
            federation.keep_batches()
            federation.start_all('mlp', 40)
            wait_for(lambda: federation.kept('budapest'), 'a batch of budapest')
            self.assertIsNone(federation.processes['aggregator'].poll(), 'too late: the training is over')
            federation.kill('budapest')
            federation.start_hospital('budapest', process='budapest again')
            federation.finish_training([n for n in HOSPITALS if n != 'budapest'] + ['budapest again'])
            run = self.assert_whole(federation, 40)
            self.assertGreater(federation.accuracies()[-1], 0.75)
            # Each life reports under an epoch of its own.
            epochs = {path.name.rsplit('-', 2)[1] for path in federation.kept('budapest')}
            self.assertEqual(len(epochs), 2)
            held = edges(run)
            for node, (sent, received) in federation.own_counts().items():
                if node != 'budapest':
                    self.assertEqual((held[node, 'aggregator'], held['aggregator', node]), (sent, received), node)
            # The killed process knows only of the calls that it had finished; the aggregator knows the rest.
            sent, received = federation.own_counts()['budapest']
            self.assertGreaterEqual(held['budapest', 'aggregator'], sent)
            self.assertGreaterEqual(held['aggregator', 'budapest'], received)
            federation.finish_coordinator()

    def inspected(self, federation, node):
        """All batches that the node kept, as text."""
        return ''.join(federation.command('inspect', path).decode() for path in federation.kept(node))

    def waits_for_a_task(self, federation, node):
        """As many tasks as results are reported, and of bytes what it counted for itself."""
        text = self.inspected(federation, node)
        if text.count('/GetTask\n  client') != text.count('/SubmitResult\n  client'):
            return False
        kept = tuple(sum(int(size.replace(',', '')) for size in
                         re.findall(rf'^  {direction}: messages \S+, message bytes ([0-9,]+) ', text, re.M))
                     for direction in ('sent', 'received'))
        return kept == federation.own_counts()[node]

    def test_the_last_facts_of_a_terminated_hospital_arrive(self):
        with Federation(BIN) as federation:
            federation.keep_batches()
            federation.start_all('mlp', 10000)
            federation.said('aggregator', r'^round +3 ')
            # Without budapest no round ends: cleveland comes to wait for its next task, all that was before reported.
            federation.processes['budapest'].send_signal(signal.SIGSTOP)
            wait_for(lambda: self.waits_for_a_task(federation, 'cleveland'), 'cleveland waiting for a task')
            self.assertEqual(federation.kill('cleveland', signal.SIGTERM), 128 + signal.SIGTERM)
            # The call that it waited in ended as the process did.
            ends = re.findall(r'/GetTask\n.*\n.*, status (\d+)', self.inspected(federation, 'cleveland'))
            self.assertEqual(ends, ['0'] * (len(ends) - 1) + ['1'])
            # What it kept is what the coordinator has.
            stored = federation.folder / 'stored'
            federation.maintain('export', stored, '--node', 'cleveland')
            self.assertEqual({path.name: path.read_bytes() for path in stored.iterdir()},
                             {path.name: path.read_bytes() for path in federation.kept('cleveland')})
            federation.finish_coordinator()

    def restart_coordinator(self, number):
        with Federation(BIN) as federation:
            federation.start_all('mlp', 20)
            federation.said('aggregator', r'^round +3 ')
            federation.kill('coordinator', number)
            federation.said('aggregator', r'^round +5 ')
            federation.start_coordinator()
            federation.finish_training()
            self.assertEqual(len(federation.accuracies()), 20)
            self.assert_own_counts(federation, self.assert_whole(federation, 20))
            federation.finish_coordinator()

    def test_a_coordinator_restarted_mid_run_has_everything(self):
        self.restart_coordinator(signal.SIGTERM)

    def test_a_coordinator_killed_mid_run_has_everything(self):
        self.restart_coordinator(signal.SIGKILL)

    def test_training_does_not_need_the_coordinator(self):
        with Federation(BIN, {'FEDCARBON_COORDINATOR': f'127.0.0.1:{free_port()}'}) as federation:
            federation.start_aggregator()
            for node in HOSPITALS:
                federation.start_hospital(node)
            federation.finish_training()
            self.assertGreater(federation.accuracies()[-1], 0.75)

    def test_a_hospital_waits_for_its_aggregator(self):
        with Federation(BIN, {'FEDCARBON_DISABLED': '1'}) as federation:
            address = f'127.0.0.1:{free_port()}'
            federation.start_hospital('cleveland', aggregator=address)
            federation.said('cleveland', 'the aggregator is away')
            self.assertEqual(federation.kill('cleveland', signal.SIGTERM), 128 + signal.SIGTERM)

    def test_a_terminated_aggregator_says_that_it_did_not_finish(self):
        with Federation(BIN, {'FEDCARBON_DISABLED': '1'}) as federation:
            federation.start_aggregator()
            self.assertEqual(federation.kill('aggregator', signal.SIGTERM), 128 + signal.SIGTERM)
            self.assertIn('before the last round', federation.log('aggregator'))

    def test_what_is_wrong_is_named(self):
        with Federation(BIN, {'FEDCARBON_DISABLED': '1'}) as federation:
            federation.start_aggregator()
            cases = [
                ('fedcarbon-demo-aggregator', ['--rounds', '0'], 2, '--rounds'),
                ('fedcarbon-demo-aggregator', ['--rounds', '10001'], 2, '--rounds'),
                ('fedcarbon-demo-aggregator', ['--model', 'tree'], 2, '--model'),
                ('fedcarbon-demo-aggregator', ['--listen', federation.aggregator], 1, federation.aggregator),
                ('fedcarbon-demo-hospital', [], 2, '--node'),
                ('fedcarbon-demo-hospital', ['--node', 'x', '--data', '/nowhere.csv'], 1, '/nowhere.csv'),
                ('fedcarbon-demo-hospital', ['--node', 'oslo', '--data', DATA / 'cleveland.csv', '--aggregator',
                                             federation.aggregator], 1, '--hospital oslo'),
                ('fedcarbon-demo-summary', ['/nowhere.record'], 1, '/nowhere.record'),
            ]
            for program, arguments, status, named in cases:
                done = subprocess.run([f'{BIN}/{program}', *map(str, arguments)], capture_output=True, text=True,
                                      env=federation.environment, timeout=DEADLINE)
                self.assertEqual(done.returncode, status, f'{program} {arguments}: {done.stderr}')
                self.assertIn(named, done.stderr)


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
