"""Training in mixed precision on a GPU, as far as it can be told without one: by the operations that a loss uses."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from agents.policy import Policy, PolicyBatch, PolicyConfig
from generator import DiTConfig, GeneratorConfig, VAEConfig, VideoGenerator
from generator.actions import ACTION_FEATURES
from generator.model import LatentBatch
from generator.noise import Noise
from idm.model import InverseDynamicsModel
from learning.windows import Batch
from tests.unit.idm.clips import TINY

REFUSED = {"aten::binary_cross_entropy"}
"""What CUDA's autocast raises an error for (torch.amp, "Prefer binary_cross_entropy_with_logits")."""


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the names of all operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func._schema.name)
        return func(*args, **(kwargs or {}))


def idm_loss() -> torch.Tensor:
    frames = torch.randint(0, 256, (2, 16, 32, 32, 3), dtype=torch.uint8)
    shape = frames.shape[:2]
    yes = torch.ones(shape, dtype=torch.bool)
    batch = Batch(frames, torch.rand(*shape, 20) < 0.5, torch.randn(*shape, 2), yes, yes)
    return InverseDynamicsModel(TINY).loss(batch)["total"]


def policy_loss() -> torch.Tensor:
    policy = Policy(PolicyConfig(size=(8, 8), channels=(4, 8), features=16, width=16, depth=1, heads=2, memory=8))
    frames = torch.randint(0, 256, (2, 4, 8, 8, 3), dtype=torch.uint8)
    classes = torch.zeros(2, 4, dtype=torch.int64)
    batch = PolicyBatch(frames, classes.bool(), classes, classes, torch.ones(2, 4))
    return policy.loss(batch, policy.initial_state(2))[0]["total"]


def generator_losses() -> torch.Tensor:
    vae = VAEConfig(size=(16, 32), patch=4, latent_channels=8, width=32, heads=2, encoder_depth=1, decoder_depth=1)
    model = VideoGenerator(GeneratorConfig(vae=vae, dit=DiTConfig(patch=2, width=32, depth=1, heads=2, context=2)))
    noise = Noise(torch.Generator().manual_seed(0))
    latents = torch.randn(2, 4, 8, *vae.grid)
    batch = LatentBatch(latents[:, :2], torch.zeros(2, 2, ACTION_FEATURES), latents[:, 2:])
    pixels = torch.rand(2, 3, 16, 32)
    return model.vae.loss(pixels, noise=noise)["total"] + model.loss(batch, noise=noise)["total"]


@pytest.mark.parametrize("loss", [idm_loss, policy_loss, generator_losses])
def test_no_loss_uses_what_autocast_on_a_gpu_refuses(loss: Any) -> None:
    with Operations() as used:
        value = loss()
        value.backward()
    assert value.isfinite()
    assert len(used.names) > 20
    assert not used.names & REFUSED


def test_the_refused_operation_would_be_noticed() -> None:
    with Operations() as used:
        torch.nn.functional.binary_cross_entropy(torch.rand(3), torch.rand(3))
    assert used.names & REFUSED == REFUSED


def test_the_idms_loss_is_the_weighted_cross_entropy_of_its_probabilities() -> None:
    """In the form that autocast accepts: the same figure as torch's own, weights of rare buttons included."""
    torch.manual_seed(0)
    model = InverseDynamicsModel(TINY).eval()
    model.positive_weight.copy_(torch.linspace(1.0, 5.0, 20))
    frames = torch.randint(0, 256, (2, 16, 32, 32, 3), dtype=torch.uint8)
    usable = torch.rand(2, 16) < 0.8
    batch = Batch(frames, torch.rand(2, 16, 20) < 0.3, torch.randn(2, 16, 2), usable, usable)
    with torch.inference_mode():
        found = model.loss(batch)["buttons"]
        probabilities = model(batch.frames, None).buttons[..., 1].exp()
    counts = usable.clone()
    counts[:, -1] = False
    weights = torch.where(batch.buttons, model.positive_weight, 1.0)
    expected = torch.nn.functional.binary_cross_entropy(
        probabilities, batch.buttons.float(), weight=weights, reduction="none"
    )
    torch.testing.assert_close(found, expected[counts].sum() / counts.sum())
