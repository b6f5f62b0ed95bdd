"""The machine's processors: how many a long job may use, and what they are called."""

import os
import platform
from pathlib import Path


def usable_processors() -> int:
    """Processors this process may use: those it is bound to where the system tells, else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor_name() -> str:
    """The processor's model, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def has_bfloat16_products() -> bool:
    """Whether the processor multiplies matrices of bfloat16 in a unit of its own (Intel's AMX), as Linux tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return "amx_bf16" in flags
