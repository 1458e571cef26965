"""Calls of Flower's Fleet API: what they are called, and what Flower's own counters hold of them."""

ID, SESSION = 64, 36  # letters


def method_of(path):
    """`/v1/fleet/pull-messages` and `/flwr.proto.Fleet/PullMessages` are the same."""
    name = path.rsplit('/', 1)[1]
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
        method, (sent, received) = method_of(transfer['method']), sizes(transfer)
        if method == 'PullMessages' and received > 0 or method == 'PushMessages':
            down, up = down + received, up + sent
        elif method == 'PullObject' and received > 4:  # found (2 bytes), available (2), and the object
            down += without_prefix(received - 4)
        elif method == 'PushObject' and received > 0:  # stored
            node = 1 + varint(ids[transfer['client']])
            up += without_prefix(sent - (2 + node) - (1 + varint(run)) - (2 + ID) - (2 + SESSION))
    return down, up
