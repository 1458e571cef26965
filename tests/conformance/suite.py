"""Runs cases in arms, and compares what the peers saw and what observers recorded."""
import itertools
import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from arms import Arm, Programs

PREFIX = 5  # gRPC's, before each message

CLOSE_NOTIFY = 24  # bytes of TLS 1.3's record with this alert


def without_context(pairs):
    """The one thing that interceptors may add."""
    return [pair for pair in pairs if pair[0] != 'fedcarbon-bin']


def shown(seen):
    """An observation without what differs from run to run anyway."""
    seen = {key: without_context(value) if key in ('metadata', 'initial', 'trailing') else value
            for key, value in seen.items()}
    if 'blocks' in seen:
        seen['blocks'] = [[[name, '' if name == 'grpc-timeout' else value] for name, value in without_context(block)]
                          for block in seen['blocks']]
    return seen


def run(case, arm):
    """What the two ends saw: the client's calls in their order, the server's sorted."""
    client, server = [], []
    for line in case.lines:
        if line == 'told':
            server.append(arm.server.hear())
        elif line == 'restart':
            arm.restart_server()
        else:
            arm.client.say(line)
            client += arm.client.hear()
    reported = len(case.scripts) if case.reported is None else case.reported
    server += [arm.server.hear() for _ in range(reported - len(server))]
    server.sort(key=lambda seen: json.dumps(shown(seen)))
    return {'client': [shown(seen) for seen in client], 'server': [shown(seen) for seen in server]}


def comparable(case, observation):
    """Without what the case says may vary."""
    return {end: [{key: value for key, value in seen.items() if f'{end}.{key}' not in case.varies}
                  for seen in observation[end]] for end in observation}


class Crossed:
    """What crossed in one direction: between what one end had sent and what the other had received."""

    def __init__(self, sent, received, key):
        self.low, self.high = sorted(sum(tally.get(key, 0) for tally in tallies) for tallies in (sent, received))

    def __contains__(self, count):
        return count is not None and self.low <= count <= self.high

    def __repr__(self):
        return str(self.low) if self.low == self.high else f'{self.low} to {self.high}'


def compresses(call, direction):
    script = call if direction == 'up' else call.get('server', {})
    steps = call.get('steps', []) if direction == 'up' else script.get('steps', [])
    return script.get('gzip', False) or any(step.get('gzip') for step in steps)


def check_facts(test, case, observation, facts):
    """Every observer's counts against those of the peers."""
    for method in sorted(case.methods):
        calls = [script for script in case.scripts if script['method'] == method]
        client = [seen for script, seen in zip(case.scripts, observation['client']) if script['method'] == method]
        server = [seen for seen in observation['server'] if seen['method'] == method]
        for observer in facts:
            if observer == 'server-interceptor' and not server:
                continue  # which of the calls that it never answered a server hears of is its own affair
            if method in case.unrecorded.get(observer, ()):
                continue
            recorded = facts[observer].calls.get(method)
            with test.subTest(method=method, observer=observer):
                test.assertIsNotNone(recorded, 'no transfer was recorded')
                check_calls(test, case, observer, recorded, calls, client, server)


def check_calls(test, case, observer, recorded, calls, client, server):
    end, kind = observer.split('-')
    test.assertEqual(recorded.calls, len(calls))
    test.assertEqual(recorded.ends, {f'END_{end.upper()}'})
    test.assertEqual(recorded.observers, {f'OBSERVER_{kind.upper()}'})
    if all('status' in seen for seen in client):
        if observer in case.statuses:
            test.assertLessEqual(recorded.statuses, case.statuses[observer])
        else:
            test.assertEqual(recorded.statuses, {seen['status'] for seen in client})
    for direction, sender, receiver in (('up', client, server), ('down', server, client)):
        total = recorded.sent if (direction == 'up') == (end == 'client') else recorded.received
        sent, received = [seen['sent'] for seen in sender], [seen['received'] for seen in receiver]
        compressed = any(compresses(call, direction) for call in calls)
        where = f'{direction}, {total}, sent {sent[:3]}, received {received[:3]}'
        test.assertIn(total['messages'], Crossed(sent, received, 'messages'), where)
        if kind == 'interceptor' or not compressed:
            test.assertIn(total['message_bytes'], Crossed(sent, received, 'bytes'), where)
        if kind == 'proxy':
            framed = [tallies for tallies in (sent, received) if all('encoded' in tally for tally in tallies) and tallies]
            if framed:
                test.assertIn(total['encoded_bytes'], Crossed(framed[0], framed[-1], 'encoded'), where)
            elif not compressed:
                test.assertIn(total['encoded_bytes'] - PREFIX * total['messages'], Crossed(sent, received, 'bytes'), where)


def arms_of(client, server):
    pair = (client, server)
    return (['direct', 'proxy'] + ['interceptors'] * ('cpp' in pair) +
            ['sealed'] * (pair in (('cpp', 'cpp'), ('h2', 'h2'))))


class Runs:
    """All cases of a pair of peers in all arms, run once. `seen` and `facts` are by case and arm."""

    def __init__(self, programs, client, server, cases, folder):
        self.arms = arms_of(client, server)
        self.seen, self.facts, self.arm_facts = {}, {}, {}
        kind_of_server = lambda c: (c.cuts, json.dumps(c.server_arguments, sort_keys=True))
        for (cuts, arguments), group in itertools.groupby(sorted(cases, key=kind_of_server), kind_of_server):
            group = list(group)
            for kind in self.arms:
                name = f'{len(self.arm_facts)}-{kind}' + '-cut' * cuts
                self.run(Arm(kind, programs, server, client, folder / name, arguments), group)

    def run(self, arm, cases):
        failure = None
        try:
            with arm:
                for case in cases:
                    if failure is None:
                        try:
                            self.seen[case.name, arm.kind] = run(case, arm)
                            continue
                        except AssertionError as error:
                            failure = error
                    self.seen[case.name, arm.kind] = failure
                if failure is not None:
                    raise failure
        except AssertionError as error:
            failure = error
        self.arm_facts[arm.folder.name] = failure or arm.facts
        for case in cases:
            self.facts[case.name, arm.kind] = failure or arm.facts


def tests_of(programs, client, server, cases):
    """A test per case and arm, and one per observer of connections."""
    cases = [case for case in cases if (client, server) in case.pairs]

    class Pair(unittest.TestCase):
        maxDiff = 4000

        @classmethod
        def setUpClass(cls):
            cls.folder = Path(tempfile.mkdtemp(prefix='fedcarbon-conformance-'))
            cls.runs = Runs(programs, client, server, cases, cls.folder)

        @classmethod
        def tearDownClass(cls):
            shutil.rmtree(cls.folder)

        def known(self, value):
            if isinstance(value, Exception):
                raise value
            return value

        def transparent(self, case, arm):
            direct = self.known(self.runs.seen[case.name, 'direct'])
            seen = self.known(self.runs.seen[case.name, arm])
            self.assertEqual(comparable(case, seen), comparable(case, direct))

        def exact(self, case, arm):
            seen = self.known(self.runs.seen[case.name, arm])
            check_facts(self, case, seen, self.known(self.runs.facts[case.name, arm]))

        def assert_reached(self, arm, sent, received):
            """Between nodes that speak TLS, one that has closed already receives the other's farewell no more."""
            lost = sent - received
            farewells = lost // CLOSE_NOTIFY if 'sealed' in arm else 0
            self.assertEqual(lost, farewells * CLOSE_NOTIFY)
            self.assertIn(farewells, range(3))

        def test_connections(self):
            """What left the node at the client's side reached the one at the server's."""
            for name, facts in self.runs.arm_facts.items():
                if 'client-proxy' in self.known(facts) and not name.endswith('cut'):
                    near, far = facts['client-proxy'], facts['server-proxy']
                    with self.subTest(arm=name):
                        self.assert_reached(name, near.sent_transport_bytes, far.received_transport_bytes)
                        self.assert_reached(name, far.sent_transport_bytes, near.received_transport_bytes)
                        self.assertEqual((near.protocols, far.protocols), ({'h2'}, {'h2'}))
                        self.assertEqual((near.gaps, far.gaps), ([], []))

    def test(check, case, arm):
        return lambda self: check(self, case, arm)

    for case in cases:
        for arm in arms_of(client, server)[1:]:
            for check in (Pair.transparent, Pair.exact):
                setattr(Pair, f'test {check.__name__} {case.name} {arm}', test(check, case, arm))
    return Pair
