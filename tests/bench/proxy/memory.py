"""What a proxy holds: how far its memory grows under loads that make it keep things. A program just started for each."""

import os
import time

from arms import ARMS

TRANSFERS, TRANSFER_BYTES = 64, 100_000_000
SLOW_SECONDS = 3  # long enough for every buffer to fill; the rest of the transfers would add nothing
IDLE_CONNECTIONS = 5_000


def slow_readers(direction):
    def run(loads, ports):
        load = loads.slow_bodies(ports["body"], direction, TRANSFER_BYTES, TRANSFERS, SLOW_SECONDS + 60)
        time.sleep(SLOW_SECONDS)
        loads.cut(load)
    return run


def idle(loads, ports):
    with loads.idle(ports["rpc"], IDLE_CONNECTIONS):
        time.sleep(1)


# name: the load, and the growth that is aimed at in MiB
LOADS = {
    "64 × 100 MB up, slow": (slow_readers("up"), 12),
    "64 × 100 MB down, slow": (slow_readers("down"), 12),
    "5,000 idle, after a call": (idle, 64),
}


def measure(loads, place, folder):
    """{arm: bytes grown of each of LOADS}, peak against just started."""
    grown = {}
    for arm in ARMS:
        if arm.is_direct:
            continue
        for number, (run, _) in enumerate(LOADS.values()):
            own = os.path.join(folder, f"memory-{len(grown)}-{number}")
            os.makedirs(own)
            program, ports = arm.start(arm, place, own)
            before = program.memory("VmRSS")
            program.forget_peak()
            run(loads, ports)
            grown.setdefault(arm, []).append(program.memory("VmHWM") - before)
            program.stop()
    return grown
