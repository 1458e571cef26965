"""flower_test.py BUILD PACKAGES STRATEGY [--rounds N] [--mib N]: what is measured of a training with real Flower.

PACKAGES is the virtual environment of a release, STRATEGY "message" or "legacy". README.md says what is compared with what.
"""
import argparse
import contextlib
import socket
import struct
import sys
import threading
import time
import unittest
from collections import Counter
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from deployment import NODES, Deployment
from federation import Relay, wait_for

OVERHEAD = {  # calls that may be of no round
    'RegisterNode', 'ActivateNode', 'DeactivateNode', 'UnregisterNode', 'SendNodeHeartbeat', 'GetRun', 'GetFab',
    'PullMessages'}
ID, SESSION = 64, 36  # letters
OK = 1  # gRPC's 0; 0 is a call that goes on


def method_of(transfer):
    """`/v1/fleet/pull-messages` and `/flwr.proto.Fleet/PullMessages` are the same."""
    name = transfer['method'].rsplit('/', 1)[1]
    return name if name[0].isupper() else ''.join(part.capitalize() for part in name.split('-'))


def sizes(transfer):
    """Message bytes sent and received by the hospital."""
    entry = transfer['clientEntry']
    return int(entry.get('sentMessageBytes', 0)), int(entry.get('receivedMessageBytes', 0))


def varint(number):
    return max(1, -(-number.bit_length() // 7))


def without_prefix(size):
    """Of a field that is a tag, a length and so many bytes."""
    for prefix in range(2, 8):
        if 1 + varint(size - prefix) == prefix:
            return size - prefix
    raise AssertionError(f'no field is {size} bytes long')


def counted_by_flower(transfers, run, ids):
    """What Flower's own counters hold of these calls, by the rule in README.md: sent and received by the SuperLink."""
    down = up = 0
    for transfer in transfers:
        method, (sent, received) = method_of(transfer), sizes(transfer)
        if method == 'PullMessages' and received > 0 or method == 'PushMessages':
            down, up = down + received, up + sent
        elif method == 'PullObject' and received > 4:  # found (2 bytes), available (2), and the object
            down += without_prefix(received - 4)
        elif method == 'PushObject' and received > 0:  # stored
            node = 1 + varint(ids[transfer['client']])
            up += without_prefix(sent - (2 + node) - (1 + varint(run)) - (2 + ID) - (2 + SESSION))
    return down, up


@cache
def direct_result():
    """Of the same training without fedcarbon."""
    with Deployment(f'{ARGUMENTS.build}/bin', ARGUMENTS.packages, ARGUMENTS.strategy) as deployment:
        deployment.start_superlink()
        deployment.start_supernodes([deployment.superlink] * len(NODES))
        deployment.start_training(rounds=ARGUMENTS.rounds, mib=ARGUMENTS.mib)
        return deployment.finish_training()


class FlowerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.direct = direct_result()
        deployment = cls.deployment = cls.enterClassContext(
            Deployment(f'{ARGUMENTS.build}/bin', ARGUMENTS.packages, ARGUMENTS.strategy))
        deployment.start_coordinator()
        deployment.start_superlink()
        deployment.start_supernodes(deployment.start_nodes(cls.upstreams()))
        deployment.start_training(rounds=ARGUMENTS.rounds, mib=ARGUMENTS.mib)
        cls.meanwhile()
        cls.result = deployment.finish_training()
        cls.own_sent, cls.own_received, cls.own_runtime = deployment.own_counters()
        deployment.stop_nodes()
        cls.run_footprint = deployment.api('')
        cls.transfers = deployment.transfers()
        cls.without_run = deployment.transfers('--unattributed')
        numbers = [int(summary['round']) for summary in deployment.api('/rounds')['rounds']]
        cls.rounds = {number: deployment.api(f'/rounds/{number}') for number in numbers}
        deployment.finish_coordinator()
        cls.ids = {node: int(deployment.said(node, r'SuperNode ID: (\d+)')[1]) for node in NODES}

    @classmethod
    def upstreams(cls):
        """Where each node sends to."""
        return [cls.deployment.superlink] * len(NODES)

    @classmethod
    def meanwhile(cls):
        """While it trains."""

    def spans(self):
        """By (node, kind, round): seconds."""
        found = {}
        for number, footprint in self.rounds.items():
            for node in footprint['nodes']:
                for usage in node['kinds']:
                    kind = usage['kind'].removeprefix('SPAN_KIND_').lower()
                    if int(usage.get('spans', 0)) > 0:
                        self.assertEqual(int(usage['spans']), 1, (node['node'], number))
                        self.assertTrue(usage['wallIsUpperBound'])
                        found[node['node'], kind, number] = int(usage['wallUs']) / 1e6
        return found

    def own_clocks(self):
        return {(node, *span): seconds for node in NODES
                for span, seconds in self.deployment.own_clock(node).items()}

    def check_trained_rounds(self):
        """Every round has every node's bytes of both directions, and its spans."""
        first = 0 if ARGUMENTS.strategy == 'legacy' else 1  # of old the first weights come from a node, in round 0
        trained = range(1, ARGUMENTS.rounds + 1)
        self.assertEqual(list(self.rounds), list(range(first, ARGUMENTS.rounds + 1)))
        for number in trained:
            edges = {(edge['from'], edge['to']): int(edge['messageBytes']) for edge in self.rounds[number]['edges']}
            self.assertEqual(set(edges), {pair for node in NODES for pair in ((node, 'aggregator'), ('aggregator', node))})
            # The model goes down twice and comes back once.
            model = ARGUMENTS.mib << 20
            for (source, _), size in edges.items():
                self.assertGreaterEqual(size, 2 * model if source == 'aggregator' else model)
        spans = set(self.spans())
        computed = {(node, kind, number) for node in NODES for kind in ('train', 'evaluate') for number in trained}
        self.assertLessEqual(computed, spans)
        self.assertEqual([(kind, number) for _, kind, number in spans - computed], [('other', 0)] * (1 - first))

    def check_own_clocks(self):
        clocks, spans = self.own_clocks(), self.spans()
        self.assertLessEqual(set(clocks), set(spans))
        self.assertEqual(len(clocks), 2 * len(NODES) * ARGUMENTS.rounds)
        for span, seconds in clocks.items():
            self.assertGreaterEqual(spans[span], seconds, span)


class MeteredTest(FlowerTest):
    def test_the_result_is_that_of_a_training_without_fedcarbon(self):
        self.assertEqual(self.result, self.direct)

    def test_every_round_has_every_node_both_directions_and_its_spans(self):
        self.check_trained_rounds()

    def test_bytes_and_runtime_are_flowers_own(self):
        run = self.deployment.run
        self.assertEqual(counted_by_flower(self.transfers, run, self.ids), (self.own_sent, self.own_received))
        # Here nothing is slow, so that the runtime that a node tells is the smaller bound; each is cut to microseconds.
        spans = self.spans()
        self.assertAlmostEqual(sum(spans.values()), self.own_runtime, delta=1e-6 * len(spans))

    def test_spans_are_never_below_the_nodes_own_clock(self):
        self.check_own_clocks()

    def test_what_is_of_no_round_is_little_and_stands_under_its_method(self):
        of_no_round, total = Counter(), 0
        for transfer in self.transfers + self.without_run:
            total += sum(sizes(transfer))
            if 'round' not in transfer:
                of_no_round[method_of(transfer)] += sum(sizes(transfer))
        for method, size in of_no_round.most_common():
            print(f'of no round: {method} {size:,} B, {size / total:.4%}', flush=True)
        print(f'of no round: {sum(of_no_round.values()) / total:.4%} of {total:,} B', flush=True)
        self.assertLessEqual(set(of_no_round), OVERHEAD)
        self.assertLessEqual(sum(of_no_round.values()) / total, 0.002 / ARGUMENTS.mib)
        self.assertEqual({transfer['client'] for transfer in self.transfers + self.without_run}, set(NODES))

    def test_evaluation_pulls_what_training_pulls_again(self):
        waste = {entry['waste']: entry for entry in self.run_footprint['waste']}
        # evaluate of a round and train of the next one have the same arrays.
        repeated = int(waste['WASTE_REPEATED']['countedBytes'])
        self.assertGreaterEqual(repeated, (ARGUMENTS.rounds - 1) * len(NODES) * (ARGUMENTS.mib << 20))
        self.assertNotIn('WASTE_RETRY', waste)

    def test_nothing_is_lost(self):
        self.assertEqual(self.run_footprint.get('gaps', []), [])
        self.assertTrue(all(transfer['clientEntry']['status'] == OK for transfer in self.transfers))


class Link(Relay):
    """Between a node and the SuperLink. Is cut in the middle of the object that passes after `size` bytes of answers: for
    `PAUSE` seconds, and until the node has found that it is."""
    PAUSE = 5

    def __init__(self, upstream, size):
        self.lock = threading.Lock()
        self.left, self.is_cut, self.sockets = size, False, set()
        self.node_has_noticed, self.is_mended = threading.Event(), threading.Event()
        super().__init__(upstream)

    def opened(self, *sockets):
        with self.lock:
            if not self.is_cut:
                self.sockets |= set(sockets)
                return
        for end in sockets:
            end.close()

    def passes(self, downstream, is_client, data):
        if is_client:
            return
        with self.lock:
            before, self.left = self.left, self.left - len(data)
            if not before >= 0 > self.left:
                return
            self.is_cut = True
        downstream.sendall(data[:len(data) // 2])
        self.cut()

    def cut(self):
        port = self.listener.getsockname()[1]
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.sockets:
            # By a reset; a reader that sits in another thread is woken by the shutdown.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            with contextlib.suppress(OSError):  # the other end has gone
                end.shutdown(socket.SHUT_RD)
            end.close()
        threading.Thread(target=self.mend, args=(port,), daemon=True).start()

    def mend(self, port):
        time.sleep(self.PAUSE)  # how long the link is gone is the case itself
        self.node_has_noticed.wait()
        with self.lock:
            self.is_cut = False
        self.listener = socket.create_server(('127.0.0.1', port))
        self.is_mended.set()
        self.accept(self.listener)


class CutTest(FlowerTest):
    """The link of one hospital is gone for five seconds, in the middle of an object of round 2."""
    @classmethod
    def upstreams(cls):
        # A round brings the model twice.
        cls.link = Link(cls.deployment.superlink, 3 * (ARGUMENTS.mib << 20) + (ARGUMENTS.mib << 19))
        return [cls.link.address, *super().upstreams()[1:]]

    @classmethod
    def meanwhile(cls):
        wait_for(lambda: cls.deployment.metric(NODES[0], 'upstream_failures_total') > 0, 'the cut',
                 cls.deployment.deadline)
        cls.link.node_has_noticed.set()

    def test_the_result_is_that_of_a_training_without_fedcarbon(self):
        self.assertTrue(self.link.is_mended.is_set())
        self.assertEqual(self.result, self.direct)

    def test_every_round_has_every_node_both_directions_and_its_spans(self):
        self.check_trained_rounds()

    def test_spans_are_never_below_the_nodes_own_clock(self):
        self.check_own_clocks()

    def test_the_cut_is_a_gap_and_what_is_repeated_is_a_retry(self):
        gaps = {(gap['node'], gap['gap']['reason']) for gap in self.run_footprint['gaps']}
        self.assertEqual(gaps, {(NODES[0], 'REASON_UNREACHABLE')})
        waste = {entry['waste']: int(entry['calls']) for entry in self.run_footprint['waste']}
        self.assertGreaterEqual(waste.get('WASTE_RETRY', 0), 1)
        self.assertGreaterEqual(waste.get('WASTE_FAILED', 0), 1)

    def test_the_superlink_counts_what_never_arrived(self):
        """Its own counters hold the objects that it answered into the cut; the nodes' hold what came."""
        down, up = counted_by_flower([transfer for transfer in self.transfers if transfer['clientEntry']['status'] == OK],
                                     self.deployment.run, self.ids)
        self.assertLess(down, self.own_sent)
        self.assertEqual(up, self.own_received)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('build', type=Path)
    parser.add_argument('packages', type=Path)
    parser.add_argument('strategy', choices=('message', 'legacy'))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--mib', type=int, default=1, help='size of the model (default 1)')
    ARGUMENTS, others = parser.parse_known_args()
    if not (ARGUMENTS.packages / 'bin/flwr').exists():
        print('SKIPPED: Flower could not be installed, so nothing was tested')
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *others])
