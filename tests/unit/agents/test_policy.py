from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from agents import Policy, PolicyConfig, load
from agents.codec import JointCodec
from agents.policy import PolicyBatch
from env.actions import BUTTONS, Actions
from env.errors import CheckpointError
from learning.checkpoint import save_checkpoint

SMALL = PolicyConfig(size=(16, 24), channels=(4, 8), features=16, width=16, depth=2, heads=2, memory=6)


@pytest.fixture(params=[False, True], ids=["frames alone", "with motion"])
def policy(request: pytest.FixtureRequest) -> Policy:
    torch.manual_seed(0)
    policy = Policy(replace(SMALL, motion=request.param)).eval()
    for parameter in policy.parameters():  # the heads start near zero; make every path count
        parameter.data += 0.1 * torch.randn_like(parameter)
    return policy


@pytest.fixture
def frames() -> Tensor:
    return torch.randint(0, 256, (2, 12, 16, 24, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def no_start(frames: Tensor) -> Tensor:
    return torch.zeros(frames.shape[:2], dtype=torch.bool)


def test_policy_is_causal(policy: Policy, frames: Tensor) -> None:
    """What it does at a tick does not depend on later frames, and does depend on that tick's own."""
    changed = frames.clone()
    changed[:, 7] = 255 - changed[:, 7]
    before, _ = policy(frames, policy.initial_state(2), no_start(frames))
    after, _ = policy(changed, policy.initial_state(2), no_start(frames))
    torch.testing.assert_close(after.button_log_probs[:, :7], before.button_log_probs[:, :7])
    assert not torch.allclose(after.button_log_probs[:, 7], before.button_log_probs[:, 7])
    assert not torch.allclose(after.camera_log_probs[:, 8], before.camera_log_probs[:, 8])


@pytest.mark.parametrize("chunk", [1, 5])
def test_chunks_with_memory_equal_one_pass(policy: Policy, frames: Tensor, chunk: int) -> None:
    """Stepping through an episode with the memory carried gives what one long pass gives."""
    whole, _ = policy(frames, policy.initial_state(2), no_start(frames))
    state = policy.initial_state(2)
    for start in range(0, frames.shape[1], chunk):
        part = frames[:, start : start + chunk]
        output, state = policy(part, state, no_start(part))
        torch.testing.assert_close(
            output.button_log_probs, whole.button_log_probs[:, start : start + chunk], atol=1e-4, rtol=1e-4
        )


def test_first_forgets_what_was_before(policy: Policy, frames: Tensor) -> None:
    """From an episode's start on, in the middle of a chunk too, the policy acts as if nothing had been before."""
    first = no_start(frames)
    first[:, 5] = True
    continued, _ = policy(frames, policy.initial_state(2), first)
    fresh, _ = policy(frames[:, 5:], policy.initial_state(2), no_start(frames[:, 5:]))
    remembering, _ = policy(frames, policy.initial_state(2), no_start(frames))
    torch.testing.assert_close(continued.camera_log_probs[:, 5:], fresh.camera_log_probs, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(remembering.camera_log_probs[:, 5:], fresh.camera_log_probs, atol=1e-4)


def test_output_shapes_and_normalisation(policy: Policy, frames: Tensor) -> None:
    output, _ = policy(frames, policy.initial_state(2), no_start(frames))
    assert output.button_log_probs.shape == (2, 12, 8641)
    assert output.camera_log_probs.shape == (2, 12, 121)
    assert output.value.shape == (2, 12)
    torch.testing.assert_close(output.button_log_probs.exp().sum(-1), torch.ones(2, 12))
    torch.testing.assert_close(output.camera_log_probs.exp().sum(-1), torch.ones(2, 12))


def test_frames_of_another_size_are_refused(policy: Policy) -> None:
    frames = torch.zeros(1, 1, 20, 24, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match="resize them first"):
        policy(frames, policy.initial_state(1), no_start(frames))


def test_priors_are_where_the_heads_start(frames: Tensor) -> None:
    """Before any training, the policy does what was recorded most often, whatever it sees."""
    policy = Policy(SMALL)
    buttons, camera = torch.zeros(8641, dtype=torch.long), torch.zeros(121, dtype=torch.long)
    buttons[7], buttons[0], camera[60] = 800, 200, 10
    policy.set_priors(buttons, camera)
    output, _ = policy(frames, policy.initial_state(2), no_start(frames))
    assert ((output.button_log_probs[..., 7].exp() - 0.75).abs() < 0.1).all()
    assert (output.camera_log_probs.argmax(-1) == 60).all()


def test_camera_counts_only_where_it_moves(policy: Policy, frames: Tensor) -> None:
    """The log-probability of an action without the camera bit does not ask the camera head."""
    output, _ = policy(frames, policy.initial_state(2), no_start(frames))
    still, moving = torch.zeros(2, 12, dtype=torch.long), torch.ones(2, 12, dtype=torch.long)
    camera = torch.full((2, 12), 3)
    assert (policy.log_prob(output, still, camera)[1] == 0).all()
    torch.testing.assert_close(policy.log_prob(output, moving, camera)[1], output.camera_log_probs[..., 3])


def test_codec_gives_actions_back() -> None:
    """Buttons survive exactly, turns within a bin; only turns set the camera bit; the inventory key stops the turn."""
    buttons = np.zeros((4, 20), bool)
    buttons[1, [BUTTONS.index("attack"), BUTTONS.index("forward")]] = True
    buttons[3, BUTTONS.index("inventory")] = True
    camera = np.array([[0, 0], [0, 1.6095], [-10, 0], [5, 5]], np.float32)
    codec = JointCodec()
    indices = codec.encode(Actions(buttons, camera))
    assert codec.camera_classes()[indices[0]].tolist() == [False, True, True, False]
    decoded = codec.decode(*indices)
    assert (decoded.buttons == buttons).all()
    np.testing.assert_allclose(decoded.camera[:3], camera[:3], atol=1e-3)
    assert (codec.decode(indices[0][3:], np.array([0])).camera == 0).all()


def test_overfits_a_small_batch(frames: Tensor) -> None:
    """A few seconds of training on one batch are enough to know it by heart."""
    torch.manual_seed(0)
    policy = Policy(replace(SMALL, features=64, width=64))
    batch = PolicyBatch(
        frames,
        no_start(frames),
        torch.randint(0, 8641, (2, 12)),
        torch.randint(0, 121, (2, 12)),
        torch.ones(2, 12),
    )
    optimizer = torch.optim.Adam(policy.parameters(), lr=3e-3)
    for _ in range(80):
        losses, _ = policy.loss(batch, policy.initial_state(2))
        optimizer.zero_grad()
        torch.autograd.backward(losses["total"])
        optimizer.step()
    assert float(losses["total"].detach()) < 0.1


def test_ticks_of_weight_zero_do_not_count(policy: Policy, frames: Tensor) -> None:
    weight = torch.ones(2, 12)
    weight[:, 4:] = 0
    buttons, camera = torch.ones(2, 12, dtype=torch.long), torch.ones(2, 12, dtype=torch.long)
    other = buttons.clone()
    other[:, 4:] = 77
    losses = [
        policy.loss(PolicyBatch(frames, no_start(frames), each, camera, weight), policy.initial_state(2))[0]["total"]
        for each in (buttons, other)
    ]
    assert losses[0] == losses[1]


def test_load_gives_the_same_policy(policy: Policy, frames: Tensor, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "policy", policy.config.to_dict(), policy.state_dict())
    loaded = load(tmp_path)
    assert loaded.config == policy.config
    assert not loaded.training
    first, _ = policy(frames, policy.initial_state(2), no_start(frames))
    second, _ = loaded(frames, loaded.initial_state(2), no_start(frames))
    assert torch.equal(first.button_log_probs, second.button_log_probs)


def test_load_refuses_another_kind(policy: Policy, tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "idm", policy.config.to_dict(), policy.state_dict())
    with pytest.raises(CheckpointError, match="'idm'"):
        load(tmp_path)


@pytest.mark.parametrize("wrong", [{"size": (4, 64)}, {"width": 30}, {"memory": 0}])
def test_impossible_configs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PolicyConfig(**wrong)  # type: ignore[arg-type]
