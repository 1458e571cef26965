"""The demos' scripts, node/demo/run.sh and flower.sh: what they print, and that they leave nothing behind."""
import os
import re
import signal
import subprocess
import sys
import unittest

from federation import DEADLINE, HOSPITALS, TOP, wait_for

BIN = None  # the folder of the programs: the first argument


class ScriptTest(unittest.TestCase):
    """SCRIPT, with programs that are built."""
    def start(self, *arguments):
        script = subprocess.Popen([self.SCRIPT, '--bin', BIN, *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.addCleanup(subprocess.run, ['pkill', '-KILL', '-s', str(script.pid)])  # where a test gave up on it
        return script

    def assert_nothing_left(self, session):
        wait_for(lambda: subprocess.run(['pgrep', '-s', str(session)], capture_output=True).returncode == 1,
                 f'no process left of session {session}')

    def assert_usage(self, *wrong):
        for arguments in wrong:
            done = subprocess.run([self.SCRIPT, *arguments], capture_output=True, text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn('usage: node/demo/', done.stderr)


class RunTest(ScriptTest):
    SCRIPT = str(TOP / 'node/demo/run.sh')

    def test_once_shows_everything_and_ends(self):
        script = self.start('--once', '--model', 'logistic', '--rounds', '4')
        output, _ = script.communicate(timeout=2 * DEADLINE)
        self.assertEqual(script.returncode, 0, output)
        self.assertEqual(len(re.findall(r'^ .* equal$', output, re.M)), 4, output)
        self.assertEqual(len(re.findall(r'\d\.\d{3} \(\d+ of 248\)', output)), 5, output)  # four rounds and pooled
        for text in ('http://127.0.0.1:', 'zurich-basel', 'unattributed', 'cumulator'):
            self.assertIn(text, output.lower())
        self.assertNotIn('DIFFERENT', output)
        self.assert_nothing_left(script.pid)

    def interrupt(self, after, number):
        script = self.start('--model', 'mlp', '--rounds', '10000' if after == 'page:' else '2')
        output = ''
        while after not in output:
            line = script.stdout.readline()
            self.assertTrue(line, output)
            output += line
        os.killpg(script.pid, number)
        script.communicate(timeout=DEADLINE)
        self.assertEqual(script.returncode, 128 + number)
        self.assert_nothing_left(script.pid)

    def test_ctrl_c_while_it_trains_leaves_nothing(self):
        self.interrupt('page:', signal.SIGINT)

    def test_ctrl_c_at_the_end_leaves_nothing(self):
        self.interrupt('until Ctrl-C', signal.SIGINT)

    def test_a_termination_leaves_nothing(self):
        self.interrupt('until Ctrl-C', signal.SIGTERM)

    def test_wrong_options_show_the_usage(self):
        self.assert_usage(['--model', 'tree'], ['--rounds', '0'], ['--rounds', '10001'], ['--rounds', 'x'],
                          ['--rounds'], ['--frequently'], ['--bin', '/nowhere'])


class FlowerTest(ScriptTest):
    SCRIPT = str(TOP / 'node/demo/flower.sh')

    def test_once_shows_everything_and_ends(self):
        script = self.start('--once', '--model', 'logistic', '--rounds', '2')
        output, _ = script.communicate(timeout=600)
        self.assertEqual(script.returncode, 0, output)
        self.assertEqual(re.findall(r'accuracy of round (\d+): 0\.\d{3}', output), ['1', '2'], output)
        table = output[output.index('per round and per node'):]
        self.assertEqual(re.findall(r'^ *(\d+) .*≤', table, re.M), ['1', '2'], table)  # compute time is an upper bound
        for node in (*HOSPITALS, 'aggregator'):
            self.assertRegex(table, rf'(?m)^ *{node} ')
        self.assertIn('unattributed', table)
        self.assert_nothing_left(script.pid)

    def test_wrong_options_show_the_usage(self):
        self.assert_usage(['--model', 'tree'], ['--rounds', '0'], ['--rounds', '1001'], ['--rounds'], ['--frequently'],
                          ['--seed', 'x'], ['--bin', '/nowhere'])


if __name__ == '__main__':
    BIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
