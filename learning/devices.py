"""The device that a model runs on, by name."""

import re

import torch

from env.errors import GhostkeysError


def choose_device(name: str = "auto", number: int = 0) -> torch.device:
    """The device called "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1" or "mps".

    Those who share the machine's GPUs, each with its own `number`, take turns on them unless a GPU is named. Raises
    GhostkeysError for another name, and for a device this machine does not have.
    """
    here = devices()
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if kind in here)
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise GhostkeysError(f"--device {name}: expected auto, cpu, cuda, one GPU such as cuda:1, or mps.")
    if name not in here:
        raise GhostkeysError(f"--device {name}: this machine has no such device; it has {', '.join(here)}.")
    if name == "cuda":
        return torch.device("cuda", number % torch.cuda.device_count())
    return torch.device(name)


def device_count(name: str) -> int:
    """Devices that `choose_device` gives in turns."""
    return max(torch.cuda.device_count(), 1) if name in ("auto", "cuda") else 1


def devices() -> list[str]:
    """What `choose_device` can give on this machine, besides "auto"."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = ["cuda", *(f"cuda:{number}" for number in range(gpus))] if gpus else []
    return [*cuda, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]
