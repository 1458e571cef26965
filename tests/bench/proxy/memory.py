"""What a proxy holds: how much it grows under loads that make it keep things. Each load meets a program just started."""


def measure(loads, place, folder):
    return {None: []}
