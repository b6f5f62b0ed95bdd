"""Damages files, the same way for the same seed."""

from collections.abc import Callable

import numpy as np

Damage = Callable[[bytearray, np.random.Generator], bytes]


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Anywhere, or among the first kilobyte, where headers are."""
    return int(rng.integers(0, max(min(len(data), 1024) if rng.random() < 0.5 else len(data), 1)))


def flip_bits(data: bytearray, rng: np.random.Generator) -> bytes:
    """Some bits are other ones."""
    for _ in range(int(rng.integers(1, 40))):
        data[_place(data, rng)] ^= 1 << int(rng.integers(0, 8))
    return bytes(data)


def overwrite(data: bytearray, rng: np.random.Generator) -> bytes:
    """A stretch is noise, or zeros, or ones."""
    start, length = _place(data, rng), int(rng.integers(1, 3000))
    filling = [rng.bytes(length), bytes(length), b"\xff" * length][int(rng.integers(0, 3))]
    data[start : start + length] = filling
    return bytes(data)


def cut_off(data: bytearray, rng: np.random.Generator) -> bytes:
    """The end is missing."""
    return bytes(data[: int(rng.integers(0, len(data)))])


def cut_out(data: bytearray, rng: np.random.Generator) -> bytes:
    """A stretch in the middle is missing."""
    start = _place(data, rng)
    del data[start : start + int(rng.integers(1, 5000))]
    return bytes(data)


def repeat(data: bytearray, rng: np.random.Generator) -> bytes:
    """A stretch is there twice."""
    start, length = _place(data, rng), int(rng.integers(1, 5000))
    return bytes(data[: start + length] + data[start:])


def write_number(data: bytearray, rng: np.random.Generator) -> bytes:
    """A number in a header is extreme."""
    start = _place(data, rng)
    value = [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF][int(rng.integers(0, 7))]
    width = 8 if value > 0xFFFFFFFF else int(rng.choice([2, 4, 8]))
    data[start : start + width] = (value & (1 << 8 * width) - 1).to_bytes(
        width, "big" if rng.random() < 0.5 else "little"
    )
    return bytes(data)


KINDS: tuple[Damage, ...] = (flip_bits, overwrite, cut_off, cut_out, repeat, write_number)


def damaged(data: bytes, seed: int) -> bytes:
    """One to three kinds of damage, by the seed."""
    rng = np.random.default_rng(seed)
    for _ in range(int(rng.integers(1, 4))):
        if data:
            data = KINDS[int(rng.integers(0, len(KINDS)))](bytearray(data), rng)
    return data
