"""The tables: 100 columns, of each figure the median and the range over the rounds."""

import dataclasses
import statistics

from arms import ARMS

NAME, CELL = 25, 25


@dataclasses.dataclass
class Sample:
    """One arm under one load in one round. units: RPCs, or bytes."""
    units: float = 0
    seconds: float = 0
    latency: float = 0      # median, of small RPCs
    cpu_seconds: float = 0  # of the proxy


def figures(values, digits):
    """Median and range."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low}–{high})"


def verdict(value, aim, text):
    return f" ≤{text}" + ("✓" if value <= aim else "✗")


def print_table(title, columns, rows):
    print(f"\n{title}")
    for name, cells in [("", columns), *rows]:
        print(f"{name:<{NAME}}" + "".join(f"{cell:>{CELL}}" for cell in cells))


class Speed:
    """Tables over the samples of one protocol, TLS to the upstream or not."""

    def __init__(self, samples, protocol, tls):
        self.samples = samples
        self.protocol = protocol
        self.arms = [arm for arm in ARMS if arm.tls == tls]
        self.direct = next(arm for arm in self.arms if arm.is_direct)
        self.ours = next(arm for arm in self.arms if arm.ours)
        self.name = protocol + (", TLS to the upstream" if tls else "")

    def of(self, arm, load):
        return self.samples.get((self.protocol, arm, load), [])

    def print(self, what, names, loads, value, digits, arms=None):
        """value(arm's sample, direct's sample) is one figure of one round."""
        rows = []
        for arm in arms or self.arms:
            cells = [figures([value(*pair) for pair in zip(self.of(arm, load), self.of(self.direct, load) or self.of(arm, load))],
                             digits) for load in loads if self.of(arm, load)]
            if cells:
                rows.append((arm.label(self.protocol), cells))
        print_table(f"{self.name}: {what}", names, rows)

    def ratios(self, arm, load):
        """CPU time of ours ÷ the arm's, per unit, of each round."""
        return [(ours.cpu_seconds / ours.units) / (theirs.cpu_seconds / theirs.units)
                for ours, theirs in zip(self.of(self.ours, load), self.of(arm, load))]

    def print_ratios(self, what, names, loads, aims):
        rows = []
        for arm in self.arms:
            if arm.is_direct or arm is self.ours:
                continue
            cells = []
            for load in loads:
                ratios = self.ratios(arm, load)
                aim = aims(arm, load) if arm.http1_aim or self.protocol == "gRPC" else 0
                cells.append(figures(ratios, 2) + (verdict(statistics.median(ratios), aim, f"{aim:.2f}") if aim else ""))
            rows.append((arm.label(self.protocol), cells))
        print_table(f"{self.name}: {what}", names, rows)


def print_speed(samples, connections, sizes):
    names = [f"{count} connection{'s' if count > 1 else ''}" for count in connections]
    size_names = [f"{size // 1_000_000} MB" for size in sizes]
    for protocol, tls in (("gRPC", False), ("HTTP/1.1", False), ("gRPC", True)):
        speed = Speed(samples, protocol, tls)
        proxies = [arm for arm in speed.arms if not arm.is_direct]
        speed.print("CPU seconds per 100,000 small RPCs", names, connections,
                    lambda sample, _: sample.cpu_seconds / sample.units * 1e5, 2, proxies)
        speed.print_ratios("the same, fedcarbon-node's ÷ the other's, and what is aimed at", names, connections,
                           lambda arm, load: arm.rpc_aim[connections.index(load)] if arm.rpc_aim else 0)
        speed.print("thousand small RPCs per second", names, connections,
                    lambda sample, _: sample.units / sample.seconds / 1e3, 1)
        speed.print("median latency in µs above direct", names, connections,
                    lambda sample, direct: (sample.latency - direct.latency) * 1e6, 0, proxies)
        speed.print("CPU seconds per GB", size_names, sizes, lambda sample, _: sample.cpu_seconds / sample.units * 1e9, 2,
                    proxies)
        speed.print_ratios("the same, fedcarbon-node's ÷ the other's, and what is aimed at", size_names, sizes,
                           lambda arm, _: arm.bulk_aim)
        speed.print("MB per second", size_names, sizes, lambda sample, _: sample.units / sample.seconds / 1e6, 0)


def print_memory(grown, loads):
    """grown: as memory.measure() returns it; loads: memory.LOADS."""
    rows = []
    for arm, values in grown.items():
        cells = []
        for value, (_, aim) in zip(values, loads.values()):
            mib = value / 2**20
            cells.append(f"{mib:.1f}" + (verdict(mib, aim, f"{aim}") if arm.ours else ""))
        rows.append((arm.name, cells))
    print_table("Memory: MiB grown at the peak, and what is aimed at", loads, rows)
