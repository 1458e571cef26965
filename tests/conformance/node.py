"""fedcarbon-node as the tests of its manners need it: what it holds, says and counts."""
import os
import re
import urllib.request
from collections import Counter, namedtuple
from pathlib import Path

from facts import Facts
from fedcarbon.v1 import facts_pb2
from processes import DEADLINE, Process

Lost = namedtuple('Lost', 'facts bytes')
# AddressSanitizer keeps what was freed, and would look like a leak.
QUARANTINE = {'ASAN_OPTIONS': 'quarantine_size_mb=0:thread_local_quarantine_size_kb=0'}


class Node:
    """In front of `upstream`. `toml` completes its listener, or adds others, below keys of the `top`; `shell` runs first,
    in the shell that becomes the node."""

    def __init__(self, programs, folder, upstream, coordinator, toml='', top='', shell='', name='node'):
        self.folder, self.kept = folder, folder / 'kept'
        self.kept.mkdir(parents=True)
        (folder / 'node.toml').write_text(
            f'{top}\n[[listener]]\nlisten = "127.0.0.1:0"\nupstream = "{upstream}"\n{toml}\n')
        self.process = Process(['sh', '-c', shell + '\nexec "$@"', 'sh', programs.node(), '--node', name, '--http',
                                '127.0.0.1:0', '--coordinator', coordinator, '--keep', self.kept, '--config',
                                folder / 'node.toml'], folder / 'node.log', QUARANTINE)
        self.addresses, self.http = [], None
        while self.http is None:
            what, address = self.process.line().split()
            if what == 'listen':
                self.addresses.append(address)
            elif what == 'http':
                self.http = address
        self.address = self.addresses[0]
        self.proc = Path('/proc') / str(self.process.process.pid)

    def get(self, path):
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f'http://{self.http}{path}', timeout=DEADLINE) as answer:
            return answer.read().decode()

    def metrics(self):
        """By name, without fedcarbon_node_, labels in the name's braces."""
        lines = re.findall(r'^fedcarbon_node_(\S+) (\S+)$', self.get('/metrics'), re.M)
        return {name: int(float(value)) for name, value in lines}

    def memory(self, name='VmRSS'):
        """In bytes."""
        return int(re.search(rf'^{name}:\s+(\d+) kB', (self.proc / 'status').read_text(), re.M)[1]) * 1024

    def forget_peak(self):
        (self.proc / 'clear_refs').write_text('5')

    def descriptors(self):
        return len(os.listdir(self.proc / 'fd'))

    def log(self):
        return (self.folder / 'node.log').read_text()

    def stop(self):
        self.process.terminate()
        self.process.expect_success()

    def batches(self):
        """That it kept, in their order."""
        sealed = sorted(self.kept.glob('*.batch'), key=lambda path: int(path.stem.rsplit('-', 1)[1]))
        for path in sealed:
            yield facts_pb2.Batch.FromString(facts_pb2.SealedBatch.FromString(path.read_bytes()).batch)

    def facts(self):
        facts = Facts()
        for batch in self.batches():
            facts.add(batch)
        return facts

    def lost(self):
        return lost_in(self.batches())


def lost_in(batches):
    """What gaps tell of, by their detail."""
    facts, size = Counter(), Counter()
    for batch in batches:
        for gap in batch.gaps:
            facts[gap.detail] += gap.facts
            size[gap.detail] += gap.bytes
    return {detail: Lost(facts[detail], size[detail]) for detail in facts}
