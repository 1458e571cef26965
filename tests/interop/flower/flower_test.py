"""flower_test.py BUILD PACKAGES STRATEGY [--rounds N] [--mib N]: what is measured of a training with real Flower.

PACKAGES is the virtual environment of a release, STRATEGY "message" or "legacy". README.md says what is compared with what.
"""
import argparse
import sys
import unittest
from collections import Counter
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from deployment import NODES, Deployment
from federation import wait_for
from fleet import counted_by_flower, method_of, sizes
from link import Link

OVERHEAD = {  # calls that may be of no round
    'RegisterNode', 'ActivateNode', 'DeactivateNode', 'UnregisterNode', 'SendNodeHeartbeat', 'GetRun', 'GetFab',
    'PullMessages'}
OK = 1  # gRPC's 0; 0 is a call that goes on


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
            method, (sent, received) = method_of(transfer['method']), sizes(transfer)
            total += sent + received
            if 'round' not in transfer:
                of_no_round[method] += sent + received
                self.assertFalse(method == 'PullMessages' and received > 0, 'a message without its round')
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
