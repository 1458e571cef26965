"""The seed of a random test, as tests/unit/random_seed.h has it: drawn anew in each run, and handed in to replay one."""
import os
import random

VARIABLE = 'FEDCARBON_TEST_SEED'


def random_seed():
    """Below 2^32: what the variable says in decimal, else one that is drawn. Prints it as the environment wants it."""
    text = os.environ.get(VARIABLE)
    if text is None:
        seed = random.SystemRandom().randrange(1 << 32)
    elif text.isascii() and text.isdecimal() and int(text) < 1 << 32:
        seed = int(text)
    else:
        raise ValueError(f'{VARIABLE}={text}: use a decimal number below 2^32')
    print(f'{VARIABLE}={seed}', flush=True)
    return seed
