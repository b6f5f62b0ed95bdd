"""What a machine's processor says of itself decides the precision, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
import torch

import env.processors
from learning.precision import fastest_precision


@pytest.mark.parametrize(
    ("flags", "expected"), [("fpu avx512f amx_bf16 amx_tile", "bfloat16"), ("fpu avx2 avx512_bf16", "float32")]
)
def test_a_processor_with_amx_computes_in_bfloat16(flags: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """avx512_bf16 is an instruction, and no unit that multiplies matrices."""
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"processor\t: 0\nflags\t\t: {flags}\n")
    precision, why = fastest_precision(torch.device("cpu"))
    assert precision == expected
    assert "AMX" in why


def test_a_system_that_does_not_tell_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert not env.processors.has_bfloat16_products()
    assert fastest_precision(torch.device("cpu"))[0] == "float32"
    assert fastest_precision(torch.device("mps"))[0] == "float32"
