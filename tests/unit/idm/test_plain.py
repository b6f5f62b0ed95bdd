"""The plain transcription is the reference, and the fast network gives what it gives."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from idm import IDMConfig, InverseDynamicsModel
from idm.bench import openai_tensors
from idm.plain import plain_idm
from learning.nn import impala

GOLDEN = Path(__file__).parents[2] / "golden" / "vpt"
CONFIG = replace(IDMConfig.vpt(1), frame_size=(32, 32), window=16, width=64, heads=4)


@pytest.fixture
def model() -> InverseDynamicsModel:
    """VPT's layers at the width of its smallest models, all weights at random."""
    torch.manual_seed(0)
    model = InverseDynamicsModel(CONFIG).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)
        elif "head" in name or parameter.ndim == 1:
            nn.init.normal_(parameter, mean=0.0 if "head" in name else 1.0, std=1.0 if "head" in name else 0.1)
    return model


@pytest.fixture
def frames() -> Tensor:
    return torch.randint(0, 256, (2, 20, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images pass the network in parts that do not come out even."""
    monkeypatch.setattr(impala, "IMAGES_AT_ONCE", 7)
    monkeypatch.setattr(impala, "NUMBERS_AT_ONCE", 3 * 128 * 16 * 16)


def logits(model: InverseDynamicsModel, frames: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of log-probabilities: the model's, the transcription's."""
    plain = plain_idm(openai_tensors(model), frames, heads=model.config.heads, temperature=model.config.temperature)
    yield from zip(model(frames), plain, strict=True)


def test_transcription_gives_the_references_numbers() -> None:
    io = np.load(GOLDEN / "idm_io.npz")
    tensors = torch.load(GOLDEN / "idm.weights", weights_only=True)
    with torch.inference_mode():
        buttons, camera = plain_idm(tensors, torch.from_numpy(io["frames"])[None], heads=4, temperature=4.0)
    np.testing.assert_allclose(buttons, io["buttons_logp"], atol=2e-4)
    np.testing.assert_allclose(camera, io["camera_logp"], atol=2e-4)


@pytest.mark.usefixtures("few_at_once")
def test_fast_network_gives_what_the_plain_one_gives(model: InverseDynamicsModel, frames: Tensor) -> None:
    """Log-probabilities within 1e-4, and the same choice wherever the best leads by more."""
    with torch.inference_mode():
        for fast, plain in logits(model, frames):
            torch.testing.assert_close(fast, plain, atol=1e-4, rtol=0.0)
            first, second = plain.topk(2, -1).values.unbind(-1)
            clear = first - second > 1e-4
            assert clear.float().mean() > 0.99
            assert torch.equal(fast.argmax(-1)[clear], plain.argmax(-1)[clear])


def test_training_sees_the_same_network(model: InverseDynamicsModel, frames: Tensor) -> None:
    """Where gradients are wanted torch's own operations work, whose GroupNorm is less exact."""
    for fast, plain in logits(model, frames):
        assert fast.requires_grad
        torch.testing.assert_close(fast.detach(), plain, atol=1e-3, rtol=0.0)


@pytest.mark.usefixtures("few_at_once")
def test_frames_kept_are_encoded_as_among_the_others(model: InverseDynamicsModel, frames: Tensor) -> None:
    with torch.inference_mode():
        whole, some = model.encode(frames), model.encode(frames, kept=slice(3, 12))
    torch.testing.assert_close(some, whole[:, 3:12], atol=1e-5, rtol=1e-4)
