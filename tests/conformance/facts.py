"""The facts that an observer recorded, read from the batches that it sealed."""
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from fedcarbon.v1 import facts_pb2

COLUMNS = ('messages', 'message_bytes', 'encoded_bytes')


@dataclass
class Calls:
    """All calls of one method, added up. A column that was unknown once is None."""
    calls: int = 0
    ends: set = field(default_factory=set)
    observers: set = field(default_factory=set)
    statuses: set = field(default_factory=set)
    unanswered: int = 0
    sent: dict = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    received: dict = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))


class Facts:
    """Of one node."""

    def __init__(self):
        self.calls = defaultdict(Calls)  # by method
        self.gaps = []
        self.sent_transport_bytes = self.received_transport_bytes = 0
        self.protocols = set()

    @staticmethod
    def of_folder(folder):
        nodes = defaultdict(Facts)
        for path in Path(folder).iterdir():
            sealed = facts_pb2.SealedBatch.FromString(path.read_bytes())
            batch = facts_pb2.Batch.FromString(sealed.batch)
            nodes[batch.node].add(batch)
        return dict(nodes)

    def add(self, batch):
        for group in batch.transfers:
            calls = self.calls[batch.strings[group.method - 1]]
            calls.ends.add(facts_pb2.End.Name(group.end))
            calls.observers.add(facts_pb2.Observer.Name(group.observer))
            calls.calls += sum(1 for part in group.part or [0] * len(group.call_id) if part == 0)
            calls.unanswered += len(group.call_id) * group.unanswered
            calls.statuses |= {status - 1 for status in group.status if status > 0}
            for direction in ('sent', 'received'):
                total = getattr(calls, direction)
                nothing = sum(getattr(group, f'{direction}_messages')) == 0
                for column in COLUMNS:
                    values = getattr(group, f'{direction}_{column}')
                    if not values and not nothing:
                        total[column] = None  # unknown, where something was carried
                    elif total[column] is not None:
                        total[column] += sum(values)
        for connection in batch.connections:
            self.sent_transport_bytes += connection.sent_transport_bytes
            self.received_transport_bytes += connection.received_transport_bytes
            self.protocols.add(connection.protocol)
        self.gaps += [(facts_pb2.Gap.Reason.Name(gap.reason), gap.detail) for gap in batch.gaps]
