"""How much of this machine the processes of a long job may use."""

import os


def usable_processors() -> int:
    """Processors this process may use: those it is bound to where the system tells, else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
