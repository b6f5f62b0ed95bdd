"""In which numbers products are computed: by what the machine has, where that is left to it.

bfloat16 is several times faster than float32 on GPUs and on processors with a unit for its matrix products (Intel's
AMX), and 10 to 40 times slower on processors that only imitate it.
"""

from typing import Literal

import torch

from env.processors import has_bfloat16_products

Precision = Literal["float32", "bfloat16"]


def fastest_precision(device: torch.device) -> tuple[Precision, str]:
    """What products are fastest in on a device, and what was found there."""
    if device.type == "cuda":
        has, name = torch.cuda.is_bf16_supported(including_emulation=False), torch.cuda.get_device_name(device)
        return ("bfloat16", f"{name} computes in it") if has else ("float32", f"{name} has no bfloat16")
    if device.type == "cpu" and has_bfloat16_products():
        return "bfloat16", "this processor has AMX"
    if device.type == "cpu":
        return "float32", "this processor has no unit for bfloat16 (AMX)"
    return "float32", f"bfloat16 on {device.type} has not been tried"
