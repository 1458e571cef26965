"""The `fedcarbon` program against a coordinator that holds a small training."""
import csv
import json
import os
import re
import subprocess
import sys
import unittest

from federation import DEADLINE, Federation, free_port

BIN = None  # the folder of the programs: the first argument


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.federation = cls.enterClassContext(Federation(BIN))
        cls.federation.keep_batches()
        cls.federation.start_all('logistic', 2)
        cls.federation.finish_training()

    @classmethod
    def tearDownClass(cls):
        cls.federation.finish_coordinator()

    def fails(self, status, named, *arguments):
        done = subprocess.run([f'{BIN}/fedcarbon', *map(str, arguments)], capture_output=True, text=True,
                              env=self.federation.environment, timeout=DEADLINE)
        self.assertEqual(done.returncode, status, f'{arguments}: {done.stdout} {done.stderr}')
        self.assertIn(named, done.stderr)

    def test_inspect_reads_a_batch_from_standard_input(self):
        batch = self.federation.kept('cleveland')[0]
        from_file = self.federation.command('inspect', batch)
        self.assertIn(b'/fedcarbon.demo.v1.Training/GetTask', from_file)
        with open(batch, 'rb') as sealed:
            from_input = subprocess.run([f'{BIN}/fedcarbon', 'inspect', '-'], stdin=sealed, capture_output=True,
                                        check=True, timeout=DEADLINE).stdout
        self.assertEqual(from_input, from_file)

    def test_what_is_no_batch_is_named(self):
        file = self.federation.folder / 'no.batch'
        file.write_bytes(b'\xff' * 100)
        self.fails(1, str(file), 'inspect', file)
        self.fails(1, '/nowhere.batch', 'inspect', '/nowhere.batch')

    def test_impact_is_cumulators_statement_with_the_runs_grams(self):
        grams = self.federation.api('')['footprint']['total']['central']
        statement = self.federation.command('impact', '--run', self.federation.run_id(), '--screening', 20, '--weeks',
                                            14, '--data-traffic', 1000).decode()
        amounts = dict(re.findall(r'^(.+): (\S+) gCO2eq$', statement, re.M))
        # Of the others, CUMULATOR's: 20 h/week * 14 weeks and 45 min of meeting per week.
        self.assertEqual(amounts, {'Total carbon emissions for this project': '6.89e+03',
                                   'ML models': f'{grams:.2e}', 'Internet data traffic': '1.00e+03',
                                   'Meetings': '8.81e+02', 'Screening': '5.01e+03'})
        self.assertGreater(grams, 0)

    def test_a_round_of_a_node_as_csv(self):
        text = self.federation.command('footprint', '--round', 0, '--node', 'cleveland', '--format', 'csv').decode()
        rows = list(csv.DictReader(text.splitlines()))
        self.assertEqual([(r['scope'], r['round'], r['node'], r['to']) for r in rows],
                         [('round', '0', '', ''), ('node', '0', 'cleveland', ''),
                          ('edge', '0', 'aggregator', 'cleveland'), ('edge', '0', 'cleveland', 'aggregator')])
        _, node, received, sent = rows
        self.assertEqual((node['sent_bytes'], node['received_bytes']),
                         (sent['counted_bytes'], received['counted_bytes']))
        self.assertEqual((int(sent['counted_bytes']), int(received['counted_bytes'])),
                         self.bytes_of_round_0('countedBytes'))

    def test_a_round_of_a_node_as_json(self):
        answer = json.loads(self.federation.command('footprint', '--round', 0, '--node', 'cleveland', '--format',
                                                    'json'))
        self.assertEqual((answer['run'], answer['summary']['round']), (self.federation.run_id(), '0'))
        self.assertEqual([n['node'] for n in answer['nodes']], ['cleveland'])
        size = {(e['from'], e['to']): int(e['messageBytes']) for e in answer['edges']}
        sent, received = self.bytes_of_round_0('messageBytes')
        self.assertEqual(size, {('cleveland', 'aggregator'): sent, ('aggregator', 'cleveland'): received})

    def bytes_of_round_0(self, count):
        """Sent and received by cleveland, as the page's JSON has it."""
        size = {(e['from'], e['to']): int(e[count]) for e in self.federation.api('/rounds/0')['edges']}
        return size['cleveland', 'aggregator'], size['aggregator', 'cleveland']

    def test_what_is_not_there_is_named(self):
        for command in (['footprint'], ['transfers'], ['impact']):
            self.fails(1, "there is no run 'nope'", *command, '--run', 'nope')
        self.fails(1, 'oslo', 'footprint', '--node', 'oslo')
        self.fails(1, 'oslo', 'footprint', '--node', 'oslo', '--round', 0)
        self.fails(1, '2', 'footprint', '--round', 2)

    def test_an_unreachable_coordinator_is_named(self):
        address = f'127.0.0.1:{free_port()}'
        for command in ('footprint', 'transfers', 'watch', 'impact'):
            self.fails(1, f'no coordinator answers at {address}', command, '--coordinator', address)

    def test_a_wrong_factors_file_is_named_with_line_and_column(self):
        file = self.federation.folder / 'wrong.toml'
        file.write_text('# one comment\nthis is no TOML\n')
        for command in ('footprint', 'impact', 'watch'):
            self.fails(1, f'{file}:2:6: ', command, '--factors', file)
        self.fails(1, '/nowhere.toml', 'footprint', '--factors', '/nowhere.toml')

    def test_wrong_usage_is_named(self):
        self.fails(2, '--frequently', 'footprint', '--frequently')
        self.fails(2, '--format', 'footprint', '--format', 'xml')
        self.fails(2, '--round', 'footprint', '--round', 'x')
        self.fails(2, '--run', 'transfers', '--run', 'x', '--unattributed')
        self.fails(2, 'subcommand')


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
