"""The model, what a node does to it, and what both ends say of it in their logs."""
import hashlib
import time

import numpy as np


def initial(mib):
    """Arrays of all sizes. Whole numbers that nothing rounds; random, since Flower moves equal pieces once."""
    size = mib * 2**18
    return [np.random.default_rng(seed).integers(0, 1024, count).astype(np.float32)
            for seed, count in enumerate((size * 3 // 4, size // 4 - 10, 10))]


def examples(partition):
    """Shares of 1/4, 1/4 and 1/2: floating-point numbers hold them exactly."""
    return 2 if partition == 2 else 1


def compute(arrays, partition, round_number, kind, milliseconds):
    """Takes so much CPU time, and says how much time went by on the node's own clock."""
    began, until = time.monotonic(), time.process_time() + milliseconds / 1000
    changed = [array + 4 * (partition + 1) for array in arrays]
    while time.process_time() < until:
        pass
    print(f"own clock: {kind} {round_number} {time.monotonic() - began:.6f}", flush=True)
    return changed


def say_message(message, context, call_next):
    """A mod of the ClientApp: which round its message is of, by what the node itself has in hands."""
    configs = [config.get("server-round", config.get("round-for-the-log"))
               for config in message.content.config_records.values()]
    numbers = [number for number in configs if number is not None]
    said = numbers[0] if numbers else message.metadata.group_id or 0
    print(f"message: {message.metadata.message_id} {said}", flush=True)
    return call_next(message, context)


def say_result(arrays):
    digest = hashlib.sha256(b"".join(array.astype(np.float32).tobytes() for array in arrays))
    print(f"result: {digest.hexdigest()}", flush=True)
