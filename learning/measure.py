"""Measuring how fast and how large computations are, so that the figures survive a busy machine.

What is compared runs in turn, round after round; a ratio is the median of the rounds' ratios. On a CPU time is this
process's processor time, which other processes change little; on a GPU it is the clock's.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from env.processors import processor_name, usable_processors

MATRIX_SIDE = 1024


@dataclass(frozen=True)
class Conditions:
    """What figures depend on besides the computation."""

    torch: str
    processor: str
    processors: int
    threads: int
    device: str

    @classmethod
    def here(cls, device: str) -> "Conditions":
        """Of this process."""
        name = torch.cuda.get_device_name(device) if device.startswith("cuda") else processor_name()
        return cls(torch.__version__, name, usable_processors(), torch.get_num_threads(), device)

    def __str__(self) -> str:
        return (
            f"torch {self.torch}, {self.device}, {self.threads} of {self.processors} processors ({self.processor}), "
            "times of this process only"
        )


def in_turn(things: Mapping[str, Callable[[], object]], *, rounds: int, device: str = "cpu") -> dict[str, list[float]]:
    """Seconds each thing took in each round; a first round that nobody counts warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for number in range(rounds + 1):
        for name, thing in things.items():
            taken = _seconds(thing, device)
            if number:
                seconds[name].append(taken)
    return seconds


def median_ratio(slow: list[float], fast: list[float]) -> float:
    """How many times faster, from rounds of `in_turn`."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def matrix_product(device: str = "cpu") -> tuple[Callable[[], object], float]:
    """A product of two large float32 matrices, and how many FLOP it is: what this machine can do at best."""
    a, b = (torch.randn(MATRIX_SIDE, MATRIX_SIDE, device=device) for _ in range(2))
    return lambda: [torch.mm(a, b) for _ in range(8)], 8 * 2.0 * MATRIX_SIDE**3


def peak_memory(thing: Callable[[], object], *, device: str = "cpu") -> int | None:
    """Bytes this process holds at most while it runs, weights included; None where the system does not tell."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        thing()
        return torch.cuda.max_memory_allocated(device)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    except OSError:
        return None
    thing()
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _seconds(thing: Callable[[], object], device: str) -> float:
    if not device.startswith("cuda"):
        started = time.process_time()
        thing()
        return time.process_time() - started
    torch.cuda.synchronize(device)
    started = time.perf_counter()
    thing()
    torch.cuda.synchronize(device)
    return time.perf_counter() - started


def flop_of(function: Callable[[], object]) -> float:
    """Floating-point operations of its convolutions and matrix products."""
    with FlopCounterMode(display=False) as counter:
        function()
    return float(counter.get_total_flops())
