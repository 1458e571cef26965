"""The demo's programs as processes, for tests: coordinator, aggregator and four hospitals on free ports."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.append(f'{TOP}/tests/conformance')

from ends import free_port
from processes import DEADLINE, wait_for

DATA = TOP / 'node/demo/data'
# Node, country and file of each hospital.
HOSPITALS = {'cleveland': ('USA', 'cleveland.csv'), 'long-beach': ('USA', 'va_long_beach.csv'),
             'budapest': ('HUN', 'hungarian.csv'), 'zurich-basel': ('CHE', 'switzerland.csv')}


class Federation:
    """Use as a context: leaving it kills what still runs. All files lie in `folder`."""
    deadline = DEADLINE  # for a program to end

    def __init__(self, bin_folder, environment=None):
        self.bin = Path(bin_folder)
        self.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-demo-'))
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith('FEDCARBON_')}
        self.environment.update(environment or {})
        self.processes = {}
        self.grpc = self.http = self.aggregator = None

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children too
            process.wait()
        # Some of Flower's programs have sessions of their own, and end a moment after those that started them.
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, name):
        return (self.folder / f'{name}.log').read_text()

    def start(self, name, program, *arguments):
        with open(self.folder / f'{name}.log', 'w') as log:
            self.processes[name] = subprocess.Popen([self.bin / program, *map(str, arguments)], stdout=log, stderr=log,
                                                    env=self.environment, start_new_session=True)

    def said(self, name, pattern):
        def found():
            match = re.search(pattern, self.log(name), re.M)
            if match is None and self.processes[name].poll() is not None:
                raise AssertionError(f'{name} ended: {self.log(name)}')
            return match
        return wait_for(found, f'{name} saying {pattern}')

    def start_coordinator(self):
        """Again on the same ports and data, if it ran before."""
        self.start('coordinator', 'fedcarbon-coordinator', '--data', self.folder / 'data', '--grpc',
                   self.grpc or '127.0.0.1:0', '--http', self.http or '127.0.0.1:0')
        self.grpc = self.said('coordinator', r'^grpc (\S+)')[1]
        self.http = self.said('coordinator', r'^http (\S+)')[1]
        self.environment['FEDCARBON_COORDINATOR'] = self.grpc

    def start_aggregator(self, model='logistic', rounds=15):
        self.start('aggregator', 'fedcarbon-demo-aggregator', '--listen', '127.0.0.1:0', '--country', 'DEU', '--model',
                   model, '--rounds', rounds, '--record', self.folder / 'aggregator.record')
        self.aggregator = self.said('aggregator', r'listening on (\S+)')[1]

    def start_hospital(self, node, process=None, data=None, aggregator=None):
        country, file = HOSPITALS[node]
        process = process or node
        self.start(process, 'fedcarbon-demo-hospital', '--node', node, '--country', country, '--data',
                   data or DATA / file, '--aggregator', aggregator or self.aggregator, '--record',
                   self.folder / f'{process}.record')

    def start_all(self, model='logistic', rounds=15):
        self.start_coordinator()
        self.start_aggregator(model, rounds)
        for node in HOSPITALS:
            self.start_hospital(node)

    def kill(self, name, number=signal.SIGKILL):
        self.processes[name].send_signal(number)
        return self.finish(name)

    def finish(self, name):
        """The exit status of a process that ends by itself."""
        try:
            return self.processes[name].wait(self.deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'{name} does not end: {self.log(name)}') from None

    def keep_batches(self):
        """Of the programs that start from now on."""
        (self.folder / 'kept').mkdir()
        self.environment['FEDCARBON_KEEP'] = str(self.folder / 'kept')

    def kept(self, node='*'):
        """In the order in which they were sealed, of each epoch."""
        def number(path):
            epoch, sequence = path.stem.rsplit('-', 1)
            return epoch, int(sequence)
        return sorted((self.folder / 'kept').glob(f'{node}-*.batch'), key=number)

    def maintain(self, *arguments):
        """What `fedcarbon-coordinator rebuild` or `export` prints."""
        command = [self.bin / 'fedcarbon-coordinator', *map(str, arguments), '--data', self.folder / 'data']
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=DEADLINE)
        assert done.returncode == 0, f'{arguments}: {done.stdout} {done.stderr}'
        return done.stdout

    def finish_coordinator(self):
        """Ends it, and checks that its rounds and unattributed are everything that was recorded."""
        status = self.kill('coordinator', signal.SIGTERM)
        assert status == 0, f'the coordinator ended with {status}: {self.log("coordinator")}'
        said = self.maintain('rebuild')
        assert said == 'equal\nrounds and unattributed hold everything that was recorded\n', said

    def finish_training(self, hospitals=tuple(HOSPITALS)):
        """Waits for the aggregator and the hospitals; each must end with 0."""
        for name in ('aggregator', *hospitals):
            status = self.finish(name)
            assert status == 0, f'{name} ended with {status}: {self.log(name)}'

    def own_counts(self):
        """By hospital: bytes sent and received, as its processes counted them for themselves."""
        counts = {}
        for path in self.folder.glob('*.record'):
            for node, sent, received in re.findall(r'^bytes (\S+) (\d+) (\d+)$', path.read_text(), re.M):
                before = counts.get(node, (0, 0))
                counts[node] = (before[0] + int(sent), before[1] + int(received))
        return counts

    def run_id(self):
        return re.search(r'^run (\S+)', (self.folder / 'aggregator.record').read_text())[1]

    def accuracies(self):
        """Of each round."""
        lines = re.findall(r'^round (\d+) (\d+) (\d+)$', (self.folder / 'aggregator.record').read_text(), re.M)
        assert [int(line[0]) for line in lines] == list(range(len(lines)))
        return [int(correct) / int(rows) for _, correct, rows in lines]

    def get(self, path, http=None):
        """From the coordinator, or another program's port."""
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f'http://{http or self.http}{path}', timeout=DEADLINE) as answer:
            return answer.read()

    def api(self, path):
        return json.loads(self.get(f'/api/v1/runs/{self.run_id()}{path}'))

    def command(self, *arguments):
        """What `fedcarbon` prints."""
        done = subprocess.run([self.bin / 'fedcarbon', *map(str, arguments)], capture_output=True,
                              env=self.environment, timeout=DEADLINE)
        assert done.returncode == 0, f'{arguments}: {done.stderr}'
        return done.stdout
