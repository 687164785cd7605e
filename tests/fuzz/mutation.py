"""Random changes of bytes, for machines without atheris; they are not guided by coverage."""

from collections.abc import Callable, Sequence
from random import Random

MAX_CHANGES = 6
MAX_BYTES = 1 << 16
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


def mutated(data: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    """Return the data with one to MAX_CHANGES random changes.

    Args:
        data: an input.
        others: inputs from which parts are taken.
        words: byte strings that may be inserted.
        random: source of the choices.
    """
    changed = bytearray(data)
    for _ in range(random.randint(1, MAX_CHANGES)):
        start = random.randint(0, len(changed))
        end = min(start + random.choice((1, 1, 2, 4, 16, 64)), len(changed))
        changed[start:end] = random.choice(CHANGES)(bytes(changed[start:end]), others, words, random)
    return bytes(changed[:MAX_BYTES])


def _flip(part: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    return bytes(byte ^ 1 << random.randrange(8) for byte in part)


def _replace(part: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    return bytes(random.choice((*INTERESTING, random.randrange(256))) for _ in part)


def _remove(part: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    return b""


def _repeat(part: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    return part * random.choice((2, 3, 100))


def _insert_word(part: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    return part + random.choice(words or [b"\0\0\0\0"])


def _splice(part: bytes, others: Sequence[bytes], words: Sequence[bytes], random: Random) -> bytes:
    other = random.choice(others)
    start = random.randint(0, len(other))
    return part + other[start : start + random.choice((1, 4, 32, 400))]


CHANGES: tuple[Callable[[bytes, Sequence[bytes], Sequence[bytes], Random], bytes], ...] = (
    _flip, _replace, _remove, _repeat, _insert_word, _splice,
)  # fmt: skip
