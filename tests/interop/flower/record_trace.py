"""record_trace.py PACKAGES STRATEGY: writes what crosses between Flower's own programs, for the tests of our rules.

Two nodes train for two rounds. Of what they say, long values are left out but for their beginning and size. Beside each call
stands what it belongs to: by what the nodes themselves said of their messages, and by ids that are unique on the wire.
tests/unit/node/frameworks/flower_traces/README.md is the format. Runs with the packages of tests/conformance.
"""
import argparse
import re
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from deployment import NODES, Deployment
from fleet import method_of
from recorder import Recorder

SHOWN = 64  # bytes of a value that is longer than any id


def fields(message):
    """(number, value) of a protobuf message: int, or bytes."""
    at, found = 0, []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(message):
        tag = varint()
        if tag & 7 == 0:
            found.append((tag >> 3, varint()))
        else:
            size = varint() if tag & 7 == 2 else 8
            found.append((tag >> 3, message[at:at + size]))
            at += size
    return found


def get(message, *path):
    """The first value there; empty if there is none."""
    for number in path:
        message = next((value for field, value in fields(message) if field == number), b'')
    return message


def text(message, *path):
    return (get(message, *path) or b'').decode()


class Oracle:
    """What each call belongs to. Calls come in the order of their answers."""

    def __init__(self, rounds):
        self.rounds = rounds  # by message id, as the nodes said them
        self.trees, self.sessions, self.moved = {}, {}, set()  # by node; by session; (node, way, object)
        self.confirmed = {}  # by message: when

    def objects(self, tree):
        return {text(tree, 1)}.union(*(self.objects(child) for number, child in fields(tree) if number == 2))

    def move(self, *what):
        is_again = what in self.moved
        self.moved.add(what)
        return 'repeated' if is_again else '-'

    def judge(self, call):
        """Run, round, waste, and a span as (kind, microseconds); "-" is none."""
        method = method_of(call.path)
        if method == 'PullMessages':
            if not call.answer:
                return '-', '-', 'poll', None
            message = get(call.answer, 2, 1)
            self.trees[call.node] = (text(message, 2), self.objects(get(call.answer, 3)))
            return get(message, 1), self.rounds[text(message, 2)], '-', None
        if method == 'PullObject':
            message, objects = self.trees[call.node]
            assert text(call.request, 3) in objects
            waste = 'poll' if not get(call.answer, 2) else self.move(call.node, 'down', text(call.request, 3))
            return get(call.request, 2), self.rounds[message], waste, None
        if method == 'ConfirmMessageReceived':
            self.confirmed[text(call.request, 3)] = call.answered
            return get(call.request, 2), self.rounds[text(call.request, 3)], '-', None
        if method == 'PushMessages':
            metadata = get(call.request, 2, 1)
            message = text(metadata, 5)
            self.sessions[text(call.answer, 4)] = message
            runtime = struct.unpack('<d', get(call.request, 4)[:8])[0]
            wall = min(runtime, call.asked - self.confirmed[message])
            kind = text(metadata, 8)
            span = (kind if kind in ('train', 'evaluate') else 'other', int(wall * 1e6))
            return get(metadata, 1), self.rounds[message], '-', span
        if method == 'PushObject':
            waste = self.move(call.node, 'up', text(call.request, 3))
            return get(call.request, 2), self.rounds[self.sessions[text(call.request, 5)]], waste, None
        if method == 'GetRun':
            return get(call.request, 2), '-', '-', None
        if method == 'GetFab':
            return get(call.request, 3), '-', '-', None
        return '-', '-', 'heartbeat' if method == 'SendNodeHeartbeat' else '-', None


def skeleton(message, *path):
    """In hexadecimal, but for the rest of a value at `path` that is long: that is "+" and its size."""
    value = get(message, *path) if path else b''
    is_config = isinstance(value, bytes) and value.startswith(b'ConfigRecord')
    if not isinstance(value, bytes) or len(value) <= 2 * SHOWN or is_config:
        return message.hex() or '-'
    begin = message.index(value)
    shown, rest = message[:begin + SHOWN], message[begin + len(value):]
    return ' '.join(filter(None, (shown.hex(), f'+{len(value) - SHOWN}', rest.hex())))


LONG_VALUES = {'PullObject': ((), (3,)), 'PushObject': ((4,), ()), 'RegisterNode': ((1,), ()),
               'ActivateNode': ((1,), ()), 'GetFab': ((), (1, 2))}


def trace(calls, rounds):
    oracle, began = Oracle(rounds), min(call.asked for call in calls)
    lines = []
    for number, call in enumerate(sorted(calls, key=lambda call: call.answered)):
        run, round_number, waste, span = oracle.judge(call)
        asked, answered = (skeleton(message, *path) for message, path in
                           zip((call.request, call.answer), LONG_VALUES.get(method_of(call.path), ((), ()))))
        at = int((call.asked - began) * 1e6)
        lines.append((call.asked, f'{at} > {number} {call.path} {run} {round_number} {waste} {asked}'))
        if span is not None:
            lines.append((call.asked, f'{at} = {span[0]} {run} {round_number} {span[1]}'))
        lines.append((call.answered, f'{int((call.answered - began) * 1e6)} < {number} {answered}'))
    return [line for _, line in sorted(lines, key=lambda line: line[0])]


def record(packages, strategy):
    with Deployment('/nowhere', packages, strategy) as deployment:
        deployment.start_superlink()
        recorders = [Recorder(node, deployment.superlink) for node in NODES[:2]]
        deployment.start_supernodes([recorder.address for recorder in recorders])
        deployment.start_training(rounds=2, nodes=2)
        deployment.finish_training()
        deployment.stop(*NODES[:2])
        said = '\n'.join(deployment.log(node) for node in NODES[:2])
        rounds = {message: int(number) for message, number in re.findall(r'message: (\S+) (\d+)', said)}
        calls = [call for recorder in recorders for call in recorder.calls()]
        return trace(calls, rounds)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('packages', type=Path)
    parser.add_argument('strategy', choices=('message', 'legacy'))
    arguments = parser.parse_args()
    print(f'# Flower {arguments.packages.name}, {arguments.strategy}: by tests/interop/flower/record_trace.py')
    print('\n'.join(record(arguments.packages, arguments.strategy)))
